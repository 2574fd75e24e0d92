"""A fit from many starts: the least of all, the same in processes, and a table that names what failed."""

from concurrent.futures import ThreadPoolExecutor

import matplotlib
import numpy as np
import pytest
from scipy.stats import norm

from pcl import MLP
from pcl.dae import LogNormalPrior, Model, NormalPrior, Trajectory, fit
from pcl.dae.program.setting import Setting
from pcl.dae.result.starts import Starts, StartOutcome
from pcl.dae.stages.drawn import drawn

matplotlib.use("Agg")
T = np.linspace(0.0, 4.0, 17)
DECAY = Model(states="x", parameters=("k", "a"), rates=lambda v: {"x": -v.k * v.x + v.a},
              bounds={"k": (1e-3, 10.0), "a": (-1.0, 1.0)})
SEEN = np.exp(-0.7 * T) + 0.01 * np.random.default_rng(0).standard_normal(T.size)


def run(number, objective, success=True, failed=False):
    return StartOutcome(number, {}, number, objective, objective, success, 1, 0.1, "words", failed)


def test_draws_are_one_a_stratum_of_bounds_and_priors():
    model = Model(states="x", parameters=("a", "b", "c", "m", "e"), bounds={
        "a": (2.0, 4.0), "b": (1e-3, 1e3), "c": (0.0, None), "e": (0.0, None)},
        rates=lambda v: {"x": v.a + v.b + v.c + v.m + v.e},
        priors={"m": NormalPrior("a", 0.5), "e": LogNormalPrior(3.0, 0.2)})
    setting = Setting.of(model, Trajectory(T, {"x": SEEN}))
    first = dict(a=3.0, b=1.0, c=7.0, m=0.0, e=1.0)
    found = drawn(setting, first, 20, 5)
    column = {name: np.array([each[name] for each in found]) for name in "abcme"}
    quantiles = {"a": (column["a"] - 2.0) / 2.0, "b": (np.log10(column["b"]) + 3.0) / 6.0,
                 "c": 0.5 * (np.log10(column["c"] / 7.0) + 1.0),
                 "m": norm.cdf((column["m"] - column["a"]) / 0.5),
                 "e": norm.cdf(np.log(column["e"] / 3.0) / 0.2)}
    for name, q in quantiles.items():
        assert sorted(np.floor(20 * q).astype(int)) == list(range(20)), name
    assert found == drawn(setting, first, 20, 5) != drawn(setting, first, 20, 6)


def test_starts_in_processes_give_the_fit_and_the_table_of_one_process():
    data = Trajectory(T, {"x": SEEN}, {"x": 1.0})
    one, two = (fit(DECAY, data, start={"k": 5.0}, elements=6, starts=3, n_jobs=n, seed=2)
                for n in (1, 2))
    assert np.array_equal(one.result.x, two.result.x)
    columns = [{k: v for k, v in found.starts.as_dict().items() if k != "seconds"}
               for found in (one, two)]
    assert columns[0] == columns[1]
    assert columns[0]["k"][0] == pytest.approx(5.0, rel=1e-6) and len(set(columns[0]["k"])) == 3
    assert two.model is DECAY and two.success and two.starts.share == 1.0
    assert two.objective == min(columns[1]["objective"])
    assert two.standard_errors() == pytest.approx(one.standard_errors())


def test_starts_on_an_executor_give_the_fit_of_one_process():
    data = Trajectory(T, {"x": SEEN}, {"x": 1.0})
    one = fit(DECAY, data, start={"k": 5.0}, elements=6, starts=2, seed=2)
    with ThreadPoolExecutor(1) as pool:
        for executor in (pool, "serial"):
            found = fit(DECAY, data, start={"k": 5.0}, elements=6, starts=2, seed=2, executor=executor)
            assert np.array_equal(one.result.x, found.result.x)
    with pytest.raises(ValueError, match="executor is given, but no starts"):
        fit(DECAY, data, executor="serial")


def test_weights_of_laws_begin_from_other_seeds():
    growth = Model(states="x", outputs="r", rates=lambda v: {"x": v.r})
    found = fit(growth, Trajectory(T, {"x": SEEN}, {"x": 1.0}), MLP((1, 3, 1)), elements=6, starts=2)
    seeds = [each.seed for each in found.starts.runs]
    alone = fit(growth, Trajectory(T, {"x": SEEN}, {"x": 1.0}), MLP((1, 3, 1)), elements=6,
                seed=seeds[1])
    assert seeds[0] == 0 != seeds[1]
    assert found.starts.runs[1].objective == pytest.approx(alone.objective, rel=1e-6)


def test_a_start_that_fails_is_named_and_stops_no_other(monkeypatch):
    from pcl.dae.stages import many

    def one(start, seed):
        if seed == 1:
            raise OSError("no such start")
        return fit(DECAY, Trajectory(T, {"x": SEEN}, {"x": 1.0}), elements=4, start=start)
    found = many.best_of(one, [many.Task(k, None, {}, k) for k in range(2)], 1)
    assert [each.failed for each in found.starts.runs] == [False, True]
    assert found.starts.failures[0].message == "OSError: no such start"
    assert "1 of 2 starts reach the best, 1 without a fit" in str(found.starts)
    with pytest.raises(ValueError, match="None of 1 starts gave a fit(.|\n)*no such start"):
        many.best_of(one, [many.Task(0, None, {}, 1)], 1)


def test_the_best_is_solved_and_the_share_counts_those_that_reach_it():
    found = Starts((run(0, 2.0), run(1, 1.005), run(2, 1.0), run(3, 0.5, success=False),
                    run(4, np.nan, False, True)), 0.01)
    assert found.best.number == 2 and found.share == 0.4
    axes = found.plot()
    assert list(axes.lines[0].get_ydata()) == [0.5, 1.0, 1.005, 2.0]
    assert any("2 of 5" in text.get_text() for text in axes.get_legend().get_texts())


@pytest.mark.parametrize("options, words", [
    ({"starts": 0}, "starts"), ({"starts": 2, "n_jobs": 0}, "n_jobs"),
    ({"starts": 2, "n_jobs": 2, "callback": print}, "callback")])
def test_what_does_not_fit_is_refused_before_anything_is_solved(options, words):
    with pytest.raises(ValueError, match=words):
        fit(DECAY, Trajectory(T, {"x": SEEN}, {"x": 1.0}), **options)
