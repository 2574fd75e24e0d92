"""The experiments of examples/seed on small grids: problems, data, saved runs, claims, pages."""

import dataclasses
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import pcl
from examples.seed import claims, common, experiments, fem_poisson, heat, saved, static_poisson

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = {"static": static_poisson, "heat": heat, "fem": fem_poisson}
FEW = {"adam": 4, "L-BFGS-B": 4, "BFGS": 4, "ssbroyden": 4, "trust-exact": 3, "levenberg-marquardt": 3}


@pytest.fixture(scope="module", params=SCRIPTS)
def outcome(request):
    return SCRIPTS[request.param].main(n=5, seed=2, methods=FEW, widths=(4, 1))


# --- the problems ----------------------------------------------------------------------------
def test_derivatives_are_right_at_the_start(outcome):
    assert outcome["check"].ok, str(outcome["check"])
    problem = outcome["setting"].problem(2)
    for check in (pcl.check_gradient, pcl.check_jacobian):
        report = check(problem)
        assert report.ok, str(report)


def test_every_method_starts_at_the_same_point_and_says_why_it_stopped(outcome):
    runs = outcome["runs"]
    assert list(runs) == list(common.METHODS)
    assert len({result.history.loss[0] for result in runs.values()}) == 1
    for method, result in runs.items():
        assert result.method == method and result.nit == FEW[method]
        assert result.fun < result.history.loss[0]
        assert result.message.startswith("Not converged: maxiter iterations are used up.")
        assert not result.success and 0.0 < result.kappa_error < np.inf


@pytest.mark.parametrize("name, size", [("static", 901), ("heat", 921), ("fem", 921)])
def test_networks_have_the_published_size(name, size):
    assert experiments.PLANS[name].make().problem(2).size == size


def test_static_data_have_the_published_values():
    setting = static_poisson.Setting()
    assert np.sum((setting.grid.restriction @ setting.f).numpy() ** 2) == pytest.approx(
        7959.026432580841, rel=1e-12)
    assert setting.problem(2).value(setting.net.init(2)) == pytest.approx(8172.679828319577, rel=1e-9)


def test_static_noise_is_a_tenth_of_each_value_at_most():
    noisy, exact = static_poisson.Setting(), static_poisson.Setting(noise=0.0)
    for a, b in ((noisy.u, exact.u), (noisy.f, exact.f)):
        ratio = np.abs(a - b)[b != 0.0] / np.abs(b[b != 0.0])
        assert 0.09 < ratio.max() <= 0.1 * (1 + 1e-12)
        assert (a[b == 0.0] == 0.0).all()


@pytest.mark.parametrize("setting", [static_poisson.Setting(noise=0.0), heat.Setting()],
                         ids=["static", "heat"])
def test_true_coefficient_leaves_no_residual_without_noise(setting):
    residual = setting.misfit(setting.truth(setting.sites)).numpy()
    assert np.abs(residual).max() <= 1e-13 * np.abs(setting.f).max()


def static_source(points):
    """−∇·(κ(u)∇u) = −κ'(u)|∇u|² − κ(u)Δu by hand, with κ' = −2u/(1 + 2u²)²."""
    (x, y), pi = points.T, np.pi
    u = np.sin(pi * x) * np.sin(pi * y)
    slope = pi ** 2 * ((np.cos(pi * x) * np.sin(pi * y)) ** 2 + (np.sin(pi * x) * np.cos(pi * y)) ** 2)
    return (2 * u * slope / (1 + 2 * u ** 2) ** 2
            + 2 * pi ** 2 * u * (1 + u ** 2) / (1 + 2 * u ** 2))


def heat_flow(points):
    """−∇·(κ∇u) = −κ_x a'b − κ_y ab' − κ(a''b + ab'') for u = a(x)b(y), by hand."""
    x, y = points.T
    a, da, dda = x * (1 - x), 1 - 2 * x, -2.0
    b, db, ddb = (y * (1 - y)) ** 2, 2 * y * (1 - y) * (1 - 2 * y), 2 - 12 * y + 12 * y ** 2
    kappa_x, kappa_y = 4 * x - 4.2 * x ** 3 + 6 * x ** 5 + y, x + 2 * y
    return -kappa_x * da * b - kappa_y * a * db - heat.kappa_true(points) * (dda * b + a * ddb)


def static_error(n):
    setting = static_poisson.Setting(n, noise=0.0)
    return setting.grid.restriction @ (setting.f - static_source(setting.grid.points))


def heat_error(n):
    """At the last time, t = 1."""
    setting = heat.Setting(n, steps=2)
    flow = (setting.f - setting.rate)[:, -1]
    return setting.grid.restriction @ (flow - np.exp(-1.0) * heat_flow(setting.grid.points))


@pytest.mark.parametrize("error", [static_error, heat_error])
def test_sources_approach_those_of_the_equation_with_order_two(error):
    coarse, fine = (np.abs(error(n).numpy()).max() for n in (21, 41))
    assert 3.3 < coarse / fine < 4.5      # h² gives 4


def test_network_alone_is_fitted_to_the_true_coefficient():
    setting = heat.Setting(n=5, widths=(4, 1))
    problem, theta = common.network_alone(setting), setting.net.init(3)
    gap = setting.net(theta, setting.sites).numpy()[:, 0] - heat.kappa_true(setting.sites)
    assert problem.value(theta) == pytest.approx(np.sum(gap ** 2), rel=1e-12)


# --- saved runs ------------------------------------------------------------------------------
@pytest.mark.parametrize("method", common.METHODS)
def test_an_interrupted_run_ends_like_one_never_interrupted(method, tmp_path):
    setting = heat.Setting(n=4, steps=2, widths=(3, 1))
    (tmp_path / "a").mkdir()
    whole = saved.train(setting, method, 2, 8, tmp_path)
    pcl.minimize(setting.problem(2), method, maxiter=3, gtol=0.0, ftol=0.0,
                 checkpoint=tmp_path / "a" / f"heat-{method}-2-8.checkpoint")
    resumed = saved.train(setting, method, 2, 8, tmp_path / "a")
    np.testing.assert_array_equal(resumed.x, whole.x)
    np.testing.assert_array_equal(resumed.history["loss"], whole.history["loss"])
    assert [path.suffix for path in (tmp_path / "a").iterdir()] == [".npz"]


def test_a_finished_run_is_not_computed_again(tmp_path, monkeypatch):
    setting = heat.Setting(n=4, steps=2, widths=(3, 1))
    first = saved.train(setting, "BFGS", 2, 3, tmp_path)
    monkeypatch.setattr(pcl, "minimize", None)
    again = saved.train(setting, "BFGS", 2, 3, tmp_path)
    assert again.words == first.words and np.array_equal(again.x, first.x)


# --- claims ----------------------------------------------------------------------------------
def made_run(loss, accepted=None, method="trust-exact"):
    loss = np.asarray(loss, dtype=float)
    accepted = np.ones(loss.size, dtype=bool) if accepted is None else np.asarray(accepted)
    history = {"loss": loss, "seconds": np.arange(loss.size, dtype=float), "accepted": accepted}
    return saved.Run({"method": method, "loss": loss.min(), "maxiter": loss.size - 1}, np.zeros(2),
                     history, np.array([0.0, 1.0]), np.array([1.0, 1.0]))


def test_sensitivities_are_evaluated_at_the_start_and_after_each_accepted_step():
    run = made_run([4, 3, 3, 2], [True, True, False, True])
    assert claims.sensitivity_counts(run).tolist() == [1, 2, 2, 3]


def test_time_to_a_loss_is_that_of_the_first_iteration_below_it():
    run = made_run([4, 3, 1, 2])
    assert claims.reached(run, 3.0) == 1.0 and claims.reached(run, 0.5) == np.inf


def finite_element_claims(least_squares_loss):
    """One seed; trust-exact comes to 1e-14 after 60 of its seconds."""
    slow = np.append(np.geomspace(1.0, 1e-10, 60), 1e-14)
    runs = {name: {2: made_run(slow, method=name)} for name in ("trust-exact", "L-BFGS-B", "BFGS")}
    runs["levenberg-marquardt"] = {2: made_run([1.0, least_squares_loss])}
    return {claim: holds for claim, _, holds in claims.finite_elements(None, runs, 2)}


def test_a_claim_holds_where_its_figures_do_and_is_open_where_runs_are_too_short():
    good, bad = finite_element_claims(1e-15), finite_element_claims(1e-13)
    assert [holds for claim, holds in good.items() if claim.startswith("leven")] == [True, True]
    assert [holds for claim, holds in bad.items() if claim.startswith("leven")] == [False, False]
    assert good["trust-exact: median loss ≤ 5e-12 at 1,000 iterations"] is None


# --- the command -----------------------------------------------------------------------------
@pytest.mark.parametrize("name", SCRIPTS)
def test_short_run_writes_the_page_with_all_its_figures(name, tmp_path):
    plan = dataclasses.replace(experiments.short(experiments.PLANS[name]), limits=FEW, every=2)
    runs = experiments.main(tmp_path / "out", tmp_path / "runs", {name: plan})[name]
    page = (tmp_path / "out" / f"{name}.md").read_text(encoding="utf-8")
    pictures = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert len(pictures) == (9 if plan.recorded else 7) and all(f"]({p})" in page for p in pictures)
    assert page.count("maxiter iterations are used up") == len(FEW) * len(plan.seeds)
    for each in runs.values():
        for run in each.values():
            assert len(run.eigenvalues) == len(run.network_eigenvalues) == run.x.size


def test_help_needs_no_tensorflow(tmp_path):
    """With modules that cannot be imported ahead of the installed ones."""
    for heavy in ("tensorflow", "numpy", "matplotlib"):
        (tmp_path / f"{heavy}.py").write_text(f"raise ImportError('{heavy} is loaded')\n")
    answer = subprocess.run([sys.executable, "-m", "examples.seed.experiments", "--help"], cwd=ROOT,
                            env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True,
                            text=True)
    assert answer.returncode == 0 and "--short" in answer.stdout, answer.stderr
