"""The unit that data are written in changes nothing: not the optimum, the errors, nor the effort."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from pcl.collocation import Mesh, radau
from pcl.dae import Model, Trajectory, fit
from pcl.dae.program.elements import Elements
from pcl.dae.program.misfit import Misfit

T = np.linspace(0.0, 5.0, 21)
NOISE = 0.02 * np.random.default_rng(0).standard_normal(T.size)
SEEN = np.exp(-0.7 * T) + NOISE


@pytest.fixture(scope="module")
def oracle():
    """(k, its standard error from the exact Hessian) of the closed solution by SciPy, in units of one."""
    best = least_squares(lambda p: p[0] * np.exp(-p[1] * T) - SEEN, [1.0, 0.5], xtol=1e-14)
    e, r, (A, _) = np.exp(-best.x[1] * T), best.fun, best.x
    F = best.jac.T @ best.jac
    H = F + np.array([[0.0, -r @ (T * e)], [-r @ (T * e), A * r @ (T**2 * e)]])
    s2 = 2.0 * best.cost / (T.size - np.trace(F @ np.linalg.inv(H)))
    return best.x[1], np.sqrt(s2 * np.linalg.inv(H)[1, 1])


@pytest.mark.parametrize("size", [1e-14, 1e-12, 1.0, 1e9])
def test_a_bounded_fit_has_the_same_optimum_errors_and_effort_in_every_unit(size, oracle):
    model = Model(states=("x",), parameters=("k",), rates=lambda v: {"x": -v.k * v.x},
                  bounds={"x": (0.0, None), "k": (0.0, 10.0)})
    found = fit(model, Trajectory(T, {"x": size * SEEN}), elements=20)
    k, error = oracle
    assert found.success and found.parameters["k"] == pytest.approx(k, abs=1e-3 * error)
    assert found.standard_errors()["k"] == pytest.approx(error, rel=1e-3)
    assert abs(found.shift.parameters["k"]) < 1e-3
    assert found.misfit == pytest.approx(0.0033232236 * found.setting.spread, rel=1e-6)
    assert sum(stage.iterations for stage in found.stages) < 300        # 186 in units of one
    assert min(stage.iterations for stage in found.stages if stage.name == "main") < 15


def misfit(values, weights):
    model = Model(states=("x",), rates=lambda v: {"x": 0.0 * v.x})
    elements = Elements(model, radau(2), [Mesh.uniform(0.0, 5.0, 2)])
    return Misfit.of(elements, [(0, "x", T, values, weights)])


def test_the_unit_of_a_misfit_is_the_spread_of_a_datum_and_one_where_weights_are_inverse_variances():
    values = 3.0 + SEEN
    assert misfit(values, np.ones(T.size)).unit == pytest.approx(np.var(values), rel=1e-12)
    assert misfit(1e-14 * values, np.ones(T.size)).unit == pytest.approx(1e-28 * np.var(values), rel=1e-9)
    assert misfit(values, np.full(T.size, 0.02**-2)).unit == 1.0
    assert misfit(np.full(T.size, 7.0), np.ones(T.size)).unit == pytest.approx(49.0)
    assert misfit(np.zeros(T.size), np.ones(T.size)).unit == 1.0
