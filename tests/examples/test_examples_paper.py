"""Of examples/paper: finished rows, gradients through an integrator, claims, the command."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from examples.paper import claims, command, fed_batch, shooting, systems
from examples.paper.log import Log
from pcl import MLP
from pcl.dae import Law, TrainedLaw

ROOT = pathlib.Path(__file__).resolve().parents[2]


# --- the log --------------------------------------------------------------------------------
def test_a_finished_row_is_not_made_again(tmp_path):
    def never():
        raise AssertionError("made again")
    made = {"x": np.arange(2), "y": np.float64(0.1)}
    first = Log(tmp_path / "rows.jsonl").row({"seed": 1}, lambda: made)
    again = Log(tmp_path / "rows.jsonl").row({"seed": 1}, never)
    assert first == again == {"seed": 1, "x": [0, 1], "y": 0.1}


def test_a_row_that_was_cut_off_is_made_again_and_spoils_no_other(tmp_path):
    path = tmp_path / "rows.jsonl"
    Log(path).row({"seed": 1}, lambda: {"x": 1})
    path.write_text(path.read_text() + '{"key": {"seed": 2}, "ro')
    assert Log(path).row({"seed": 2}, lambda: {"x": 5})["x"] == 5
    assert [Log(path).row({"seed": seed}, dict)["x"] for seed in (1, 2)] == [1, 5]


# --- through the integrator ------------------------------------------------------------
@pytest.fixture(scope="module")
def shot():
    net = MLP((1, 3, 1))
    law = Law(net, "S", "mu", 4.0, 3.0, 0.1, 0.05)
    data = systems.data(fed_batch.SYSTEM, 0, 8, 0.1)
    return shooting.Shooting(data, law, systems.PRIOR), net.init(0)


def test_gradient_through_the_integrator_is_that_of_differences(shot):
    problem, theta = shot
    slope, direction, h = problem(theta)[1], np.random.default_rng(0).standard_normal(theta.size), 1e-3
    ahead, behind = (problem(theta + s * h * direction)[0] for s in (1.0, -1.0))
    assert slope @ direction == pytest.approx((ahead - behind) / (2.0 * h), rel=1e-3)


def test_adam_and_lbfgs_lower_the_loss(shot):
    problem, theta = shot
    start = problem(theta)[0]
    for trainer in (shooting.adam, shooting.lbfgs):
        found, losses = trainer(problem, theta, 8)
        assert problem(found)[0] == pytest.approx(min(losses))
        assert min(losses) < 0.9 * start


def test_the_law_in_numpy_is_the_trained_law():
    law = Law(MLP((2, 4, 3, 2)), ("x1", "x2"), ("a", "b"), [1.0, 2.0], [0.5, 3.0], [0.1, 0.2], [2.0, 5.0])
    trained, a = TrainedLaw(law, law.init(1)), np.array([0.3, -0.7])
    np.testing.assert_allclose(systems.NumPyLaw(trained)(a), trained(a[None])[0], rtol=1e-13)


@pytest.mark.parametrize("name, true", [
    ("tank", lambda x, u: [0.2 * x[0] * x[3], 0.1 * np.sqrt(x[0])]),
    ("population", lambda x, u: [0.2 - 0.01 * x[1] / x[0]]),
    ("fed-batch", lambda x, u: [0.2 * x[2] / (1.0 + x[2])])])
def test_systems_closed_by_the_true_law_move_as_the_truth(name, true, monkeypatch):
    system = systems.SYSTEMS[name]
    x = np.array(systems.HELD_OUT[name][0])
    u = system.inputs(x)

    class True_:
        inputs, outputs = system.model.states, system.model.outputs

        def __init__(self, law):
            pass

        def __call__(self, a):
            return true(a, u)
    monkeypatch.setattr(systems, "NumPyLaw", True_)
    slopes = systems.motion(system, [None], systems.named(system, x)[1])(x)
    np.testing.assert_allclose(slopes, system.motion(x, u), rtol=1e-12, atol=1e-14)


# --- claims ----------------------------------------------------------------------------
def fed_rows(low, seconds):
    """One seed; the simultaneous way has the least S `low` in `seconds`, the others −0.5 in 10."""
    return [{"way": way, "lows": [1.0, low if way == fed_batch.OURS else -0.5], "end": 0.1,
             "ahead": -0.01, "kept": 0.0, "law": 0.02,
             "seconds": seconds if way == fed_batch.OURS else 10.0} for way in fed_batch.WAYS]


def test_a_claim_holds_where_its_numbers_do():
    good = [holds for *_, holds in claims.of_all({"fed_batch": fed_rows(0.0, 1.0)})]
    bad = [holds for *_, holds in claims.of_all({"fed_batch": fed_rows(-0.2, 20.0)})]
    assert good[:3] == ["holds", "holds", "holds"]
    assert bad[:3] == ["**does not**", "holds", "**does not**"]


# --- the command -----------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore:The elements bias the fit", "ignore:estimated error of collocation")
def test_quick_run_writes_pages_figures_and_claims_and_goes_on_where_it_was(tmp_path, monkeypatch):
    only = ("ablation", "decomposition")
    command.main(tmp_path / "out", tmp_path / "rows.jsonl", only, quick=True)
    readme = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    for name in only:
        page = (tmp_path / "out" / f"{name}.md").read_text(encoding="utf-8")
        assert f"]({name}.png)" in page and (tmp_path / "out" / f"{name}.png").exists()
        assert f"]({name}.md)" in readme
    assert sum(readme.count(f"| {word} |") for word in ("holds", "**does not**", "in part")) == 10
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    monkeypatch.setattr("examples.paper.ablation.prepare", None)
    command.main(tmp_path / "again", tmp_path / "rows.jsonl", only, quick=True)
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == len(rows) == 11


def test_help_needs_no_tensorflow(tmp_path):
    for heavy in ("tensorflow", "numpy", "matplotlib"):
        (tmp_path / f"{heavy}.py").write_text(f"raise ImportError('{heavy} is loaded')\n")
    answer = subprocess.run([sys.executable, "-m", "examples.paper", "--help"], cwd=ROOT, text=True,
                            env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True)
    assert answer.returncode == 0 and "--quick" in answer.stdout, answer.stderr
