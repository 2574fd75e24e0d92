"""A fit does not end at a saddle between units of a law that coincide."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from pcl import MLP
from pcl.dae import Law, Model, Trajectory, fit
from pcl.dae import solver
from pcl.dae.result.uncertainty import Uncertainty
from pcl.dae.stages.saddle import off_saddle


def current(w):
    """Of a diode that falls where the voltage rises, between 0.6 and 1.2."""
    return 0.5 * w ** 3 - 1.4 * w ** 2 + 1.2 * w


def drive(k):
    return (lambda t: 0.8 + 0.6 * np.sin(1.3 * t)) if k == 0 else (lambda t: 1.2 - 0.9 * np.cos(0.5 * t))


def measured():
    """Two runs of v' = (i − g(w))/0.3, i' = (E − 0.4 i − v)/0.5, w = v − 0.2 g(w), read with noise."""
    t, rng = np.linspace(0.0, 12.0, 41), np.random.default_rng(4)

    def rate(t, y, E):
        w = brentq(lambda w: w + 0.2 * current(w) - y[0], -5.0, 5.0, xtol=1e-13)
        return [(y[1] - current(w)) / 0.3, (E(t) - 0.4 * y[1] - y[0]) / 0.5]
    for k, start in enumerate(([0.0, 0.0], [0.5, 0.0])):
        y = solve_ivp(rate, (0.0, 12.0), start, t_eval=t, args=(drive(k),), rtol=1e-9, atol=1e-11).y
        v, i = y + (rng.normal(size=(41, 2)) * [0.02, 0.01]).T
        yield Trajectory(t, {"v": v, "i": i}, inputs={"E": drive(k)}, sigma={"v": 0.02, "i": 0.01},
                         name=str(k))


def test_a_law_with_units_to_spare_has_a_band_that_holds_the_truth():
    circuit = Model(states=("v", "i"), algebraic="w", outputs="g", inputs="E",
                    rates=lambda v: {"v": (v.i - v.g) / 0.3, "i": (v.E - 0.4 * v.i - v.v) / 0.5},
                    equations=lambda v: {"junction": v.v - v.w - 0.2 * v.g})
    found = fit(circuit, list(measured()), Law(MLP((1, 8, 1)), ("w",), ("g",)))
    w = np.linspace(0.0, 1.75, 15)
    value, error = found.band("g", w)               # refused at a saddle
    assert found.success and not found.shift.why
    assert (np.abs(value - current(w)) < 3.0 * error).all()


@pytest.fixture(scope="module")
def steps():
    """A fit of two units to a speed of two steps."""
    t = np.linspace(0.0, 2.5, 26)

    def speed(t, x):
        return 1.2 + 0.5 * np.tanh(6.0 * (x - 1.0)) - 0.6 * np.tanh(6.0 * (x - 2.5))
    x = solve_ivp(speed, (0.0, 2.5), [0.0], t_eval=t, rtol=1e-9, atol=1e-10).y[0]
    x += 0.05 * np.random.default_rng(0).standard_normal(t.size)
    return fit(Model(states="x", outputs="r", rates=lambda v: {"x": v.r}),
               Trajectory(t, {"x": x}, {"x": 0.0}, sigma=0.05), MLP((1, 2, 1)), elements=10,
               smoother=None, weight_decay=0.3)


def near(found, x, **options):
    return solver.solve(found.program, x, "exact", "reduced", tol=1e-6, initial_barrier=1e-6, **options)


def test_units_that_coincide_are_parted_and_the_objective_falls(steps):
    x = steps.result.x.copy()
    x[-7:] = [1.0, 1.0, 0.0, 0.0, -0.3, -0.3, 0.0]
    alike = near(steps, x, maxiter=12)
    W, b, V = alike.x[-7:-1].reshape(3, 2)
    assert np.allclose([W[0], b[0], V[0]], [W[1], b[1], V[1]])
    assert not Uncertainty(steps.program, alike, known=True).definite

    below = off_saddle(steps.program, alike, lambda x: near(steps, x))
    assert below.success and below.fun < alike.fun - 1.0 and "saddle" in below.message
    W, b = below.x[-7:-3].reshape(2, 2)
    assert abs(b[0] / W[0] - b[1] / W[1]) > 0.5             # where they bend, in deviations of x
    assert below.fun == pytest.approx(steps.result.fun, rel=1e-6)


def test_a_minimum_is_left_as_it_is(steps):
    assert off_saddle(steps.program, steps.result, solve=None) is steps.result
