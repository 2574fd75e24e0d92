"""The examples: imported by path and run with small arguments; their numbers, and their figures."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf
from scipy.special import exp1

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
NAMES = ["poisson_fem", "pumping_test"]
SHORT = {"trust-exact": 6, "BFGS": 8, "L-BFGS-B": 8, "least-squares": 6}


def load(name):
    """The example as a module, wherever the tests are run from."""
    spec = importlib.util.spec_from_file_location(f"examples.{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def poisson():
    return load("poisson_fem")


@pytest.fixture(scope="module")
def pumping():
    return load("pumping_test")


@pytest.fixture(scope="module")
def short_poisson(poisson):
    return poisson.main(n=4, seed=0, methods=SHORT, widths=(2, 6, 1))


@pytest.fixture(scope="module")
def numbers(pumping):
    return pumping.main(maxiter=None)


@pytest.fixture(scope="module")
def two_numbers(numbers):
    return numbers["uniform"]


@pytest.fixture(scope="module")
def short_pumping(pumping):
    return pumping.main(cells=24, ratio=2.0, widths=(1, 3, 1), maxiter=(4, 3), alone=False, refined=False)


# --- both ------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_help_needs_no_tensorflow(name, tmp_path):
    """With a tensorflow that cannot be imported first on the path, from another directory."""
    for heavy in ("tensorflow", "numpy", "skfem"):
        (tmp_path / f"{heavy}.py").write_text(f"raise ImportError('{heavy} is loaded')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*arguments):
        return subprocess.run([sys.executable, EXAMPLES / f"{name}.py", *arguments], cwd=tmp_path,
                              env=environment, capture_output=True, text=True)
    answer = run("--help")
    assert answer.returncode == 0 and "--output" in answer.stdout, answer.stderr
    assert "is loaded" in run().stderr      # the trap is set: without --help it would have closed


# --- the Poisson equation --------------------------------------------------------------------
def test_poisson_data_have_the_published_values(poisson):
    data = poisson.Setting(n=10).data
    assert data.max() == pytest.approx(0.04464249, rel=1e-7)
    assert np.sum(data ** 2) == pytest.approx(6.33840252e-2, rel=1e-7)


def test_poisson_hessian_is_right_at_the_start(short_poisson):
    assert short_poisson["check"].ok, str(short_poisson["check"])


def test_every_method_lowers_the_poisson_loss_within_its_iterations(short_poisson):
    runs = short_poisson["runs"]
    assert len({result.history.loss[0].round(15) for result in runs.values()}) == 1   # one start
    for name, result in runs.items():
        assert result.fun < 0.1 * result.history.loss[0], name
        assert result.nit == len(result.history) - 1 <= SHORT[name]
        assert result.message.startswith("Not converged: maxiter iterations are used up.")
        assert result.method == name and result.history.factorisations[-1] >= result.nit
        assert 0.0 < result.kappa_error < 2.0       # a few steps of BFGS leave kappa far away


def test_positive_form_of_the_poisson_example_lowers_the_loss(poisson):
    methods = {"trust-exact": 6, "least-squares": 6}
    outcome = poisson.main(n=4, seed=0, methods=methods, widths=(2, 6, 1), positive=True)
    assert outcome["check"].ok, str(outcome["check"])
    for result in outcome["runs"].values():
        assert result.fun < 0.5 * result.history.loss[0]


def test_positive_form_keeps_kappa_above_its_floor(poisson):
    setting = poisson.Setting(n=4, widths=(2, 6, 1), positive=True)
    weights = 20.0 * np.random.default_rng(0).standard_normal(setting.net.size)
    assert setting.kappa({"kappa": weights}, setting.space.dof_points).numpy().min() >= 0.5


def test_poisson_table_and_figures(poisson, short_poisson, tmp_path):
    lines = poisson.table(short_poisson["runs"]).splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(short_poisson["runs"])
    assert_figures(poisson.plot(short_poisson, short_poisson, tmp_path), tmp_path, count=3)


# --- the pumping test ------------------------------------------------------------------------
def test_step_ends_contain_the_times_and_respect_the_ratio(pumping):
    times = pumping.read()["time_min"] / 1440
    ends = pumping.step_ends(times, ratio=1.3)
    assert np.isin(times, ends).all()
    assert np.all(np.diff(ends) > 0.0) and np.max(ends[1:] / ends[:-1]) <= 1.3 * (1 + 1e-9)


def theis(K, storage, r, t):
    """s = Q/(4πKH) E₁(r² S_s/(4Kt)): a well without radius in an aquifer without end."""
    return 788.0 / (4 * np.pi * K * 7.0) * exp1(r ** 2 * storage / (4 * K * t))


def test_computed_drawdown_approaches_theis_solution(pumping):
    """Theis' well has no radius; 0.2 m matter by r_w² S_s/(4Kt) < 1e-4 after 0.1 min."""
    K, storage = 66.0, 2.54e-5
    errors = []
    for cells, ratio in [(40, 1.5), (80, 1.5 ** 0.5)]:
        test = pumping.PumpingTest(pumping.read(), cells, ratio)
        s = test.drawdown(tf.fill([test.points.size], tf.constant(K, tf.float64)),
                          tf.constant(storage, tf.float64)).numpy()
        exact = theis(K, storage, test.distances, test.times[:, None])
        seen = exact > 0.02     # m; the front is a steep exponential, no reading sees its foot
        errors.append(np.max(np.abs(s / exact - 1.0)[seen]))
    assert errors[1] < 1e-3
    assert errors[0] > 2.5 * errors[1]      # second order would give 4


def test_two_numbers_agree_with_the_published_fit(two_numbers):
    both = two_numbers["both"]
    assert both.success, both.message
    assert both.K == pytest.approx(66.1, abs=0.3)
    assert both.storage == pytest.approx(2.54e-5, rel=0.02)
    assert both.rmse == pytest.approx(0.0501, abs=0.0005)


def test_the_grid_moves_the_numbers_towards_theis_by_little_of_their_errors(pumping, numbers):
    """Shift by refinement against the distance to the fit of Theis' solution, both in standard errors."""
    both, found, data = numbers["uniform"]["both"], numbers["resolution"], pumping.read()

    def misfit(x):
        return theis(*np.exp(x), data["distance_m"], data["time_min"] / 1440) - data["drawdown_m"]
    exact = scipy.optimize.least_squares(misfit, both.x, xtol=1e-12).x
    distance = (exact - both.x) / both.errors
    shift = [float(found.ratio[name]) for name in ("log K", "log S_s")]
    np.testing.assert_allclose(shift, distance, atol=0.02)      # Theis' well has no radius
    assert found.fine_enough and np.abs(shift).max() < 0.1


@pytest.mark.parametrize("piezometer", ["30 m", "90 m"])
def test_each_piezometer_alone_agrees_with_the_published_fit(pumping, two_numbers, piezometer):
    K, storage, rmse = pumping.PUBLISHED[piezometer]
    fit = two_numbers[piezometer]
    assert fit.K == pytest.approx(K, abs=0.1)
    assert fit.storage == pytest.approx(storage, rel=0.01)
    assert fit.rmse == pytest.approx(rmse, abs=1e-4)


def test_two_numbers_and_their_errors_agree_with_a_fit_of_theis_solution(pumping, two_numbers):
    """Hessian of Σ misfit² of Theis' solution by central differences; grid error 0.2 %."""
    data, fit = pumping.read(), two_numbers["both"]

    def misfit(x):
        return theis(*np.exp(x), data["distance_m"], data["time_min"] / 1440) - data["drawdown_m"]
    exact = scipy.optimize.least_squares(misfit, fit.x, xtol=1e-12)
    np.testing.assert_allclose(fit.x, exact.x, atol=3e-3)
    np.testing.assert_allclose(fit.rmse, np.sqrt(2 * exact.cost / 69), rtol=1e-3)
    h, E = 1e-3, np.eye(2)
    corners = [[sum(a * b * np.sum(misfit(exact.x + h * (a * E[i] + b * E[j])) ** 2)
                    for a in (1, -1) for b in (1, -1)) for j in (0, 1)] for i in (0, 1)]
    covariance = 2 * (2 * exact.cost / 67) * np.linalg.inv(np.array(corners) / (4 * h ** 2))
    np.testing.assert_allclose(fit.errors, np.sqrt(np.diag(covariance)), rtol=0.01)
    np.testing.assert_allclose(np.log(fit.interval[:, 1] / fit.interval[:, 0]),
                               2 * 1.9960 * fit.errors, rtol=1e-4)   # t of 67 degrees, 97.5 %


def test_radial_conductivity_starts_from_two_numbers_and_lowers_the_misfit(short_pumping):
    uniform = short_pumping["uniform"]["both"]
    network, free = short_pumping["radial"]["network"], short_pumping["radial"]["free"]
    assert network.first.history.loss[0] == pytest.approx(uniform.fun, rel=1e-8)
    assert network.fun <= network.first.fun * (1 + 1e-12) and network.first.fun < 0.2 * uniform.fun
    assert free.fun <= network.fun * (1 + 1e-12)    # a network is a restriction of free values
    assert free.success and free.rmse < 0.02


def test_band_is_narrow_between_the_piezometers_and_wide_where_nothing_was_measured(short_pumping):
    free = short_pumping["radial"]["free"]
    r = free.model.test.points
    inside = free.error[(r > 40.0) & (r < 600.0)]
    assert free.spectrum[0] > 0.0
    assert inside.max() < 0.2 < 0.4 < min(free.error[0], free.error[-1])
    # Beyond the data ln K is a random walk: its variance grows by s²/α for each unit of ln r.
    first, last = np.searchsorted(r, [0.5, 1.0])
    scale = free.misfits @ free.misfits / (69 - free.determined)
    growth = scale / (0.01 / 0.3) ** 2 * np.log(r[last] / r[first])
    np.testing.assert_allclose(free.error[first] ** 2 - free.error[last] ** 2, growth, rtol=0.05)


def test_pumping_tables_and_figures(pumping, short_pumping, tmp_path):
    lines = pumping.table(short_pumping["uniform"]).splitlines()
    assert len(lines) == 2 and lines[1].startswith("both")
    assert "eigenvalues" in pumping.summary(short_pumping["radial"])
    assert_figures(pumping.plot(short_pumping, tmp_path), tmp_path, count=2)


def assert_figures(paths, directory, count):
    assert len(paths) == count and set(paths) == set(directory.iterdir())
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
