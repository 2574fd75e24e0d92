"""Laws that free trajectories do not tell apart are started from their effect in the equations."""

import re

import numpy as np
import pytest
import tensorflow as tf
from scipy.integrate import solve_ivp

from pcl import MLP
from pcl.dae import Law, Model, Trajectory, fit
from pcl.dae.program.equations import equations_of
from pcl.dae.program.setting import Setting
from pcl.dae.stages.joint import together

T = np.linspace(0.0, 8.0, 33)
SIGMA = 0.02


def model(**equations):
    return Model(states=("x", "y"), outputs=("a", "b"), **equations)


PRODUCT = {"rates": lambda v: {"x": 0.3 - v.a * (1.0 + v.b), "y": tf.sin(v.t) - 0.3 * v.y}}
APART = {"rates": lambda v: {"x": 0.3 - v.a, "y": v.b}}
HIDDEN = {"algebraic": ("p", "q"), "rates": lambda v: {"x": v.p * (1.0 + v.q), "y": -v.y},
          "equations": lambda v: {"p": v.p - v.a, "q": v.q - v.b}}
SEEN_APART = {"algebraic": ("p", "q"), "rates": lambda v: {"x": v.p, "y": -v.q},
              "equations": lambda v: {"p": v.p - v.a, "q": v.q - v.b}}


def runs():
    """a = x/(1 + x), b = 0.8 sin 2y."""
    rng, found = np.random.RandomState(0), []
    for start in ((2.0, 0.0), (0.5, 1.0), (1.0, -1.0)):
        done = solve_ivp(lambda t, s: [0.3 - s[0] / (1 + s[0]) * (1 + 0.8 * np.sin(2 * s[1])),
                                       np.sin(t) - 0.3 * s[1]], (0.0, 8.0), start, t_eval=T, rtol=1e-9)
        seen = done.y + SIGMA * rng.standard_normal(done.y.shape)
        found.append(Trajectory(T, dict(zip("xy", seen)), dict(zip("xy", start))))
    return found


@pytest.mark.parametrize("equations, mixed", [(PRODUCT, True), (HIDDEN, True), (APART, False),
                                              (SEEN_APART, False)])
def test_outputs_that_equations_mix_are_told_from_those_they_do_not(equations, mixed):
    setting = Setting.of(model(**equations), runs()[0], 4)
    x = np.random.RandomState(1).uniform(0.5, 1.5, setting.elements.n)
    assert together(setting, x, np.ones(2)).tolist() == [mixed, mixed]
    assert len(equations_of(setting.model)) == 2 + len(equations.get("algebraic", ()))


@pytest.mark.parametrize("seed", [0])
def test_two_laws_in_one_product_are_found_whatever_the_seed(seed):
    """Their free trajectories alone leave the laws 85 % of a standard deviation off."""
    laws = [Law(MLP((1, 5, 1)), "x", "a"), Law(MLP((1, 5, 1)), "y", "b")]
    found = fit(model(**PRODUCT), runs(), laws, elements=14, seed=seed, scaling="none",
                weight_decay=2.0 * SIGMA**2)
    start = [float(e) for e in re.findall(r"[ab] to ([0-9.e+-]+)", str(found))]
    assert found.success and max(start[:2]) < 0.3, "the first start; further ones come from other weights"
    assert found.misfit < 1.3 * SIGMA**2 * 6 * T.size
    x, y = np.meshgrid(np.linspace(0.4, 1.8, 8), np.linspace(-1.0, 1.2, 8))
    a, b = (law(s.ravel())[:, 0] for law, s in zip(found.laws, (x, y)))
    truth = x / (1 + x) * (1 + 0.8 * np.sin(2 * y))
    assert np.sqrt(np.mean((a * (1.0 + b) - truth.ravel())**2)) < 0.05
