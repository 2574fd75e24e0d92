"""A fitted model as a CasADi right-hand side, against the model's own equations and simulation."""

import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl import export
from pcl.dae import Law, Model, Trained, TrainedLaw
from pcl.dae.program.equations import equations_of

ca = pytest.importorskip("casadi")

NET = pcl.MLP((2, 4, 2), output=pcl.softplus())
MODEL = Model(
    states=("X", "S"), algebraic="w", outputs=("mu", "q"), parameters=("k", "Y"), inputs="F",
    rates=lambda v: {"X": v.mu * v.X - v.F * tf.exp(-v.t) * v.X,
                     "S": -v.q * v.X / v.Y + tf.sqrt(v.w) * v.F},
    equations=lambda v: {"flow": v.w + tf.where(v.X > 0.5, v.k, 2.0) * tf.maximum(v.w, 0.1) ** 3 - v.S
                         - 0.1 * v.d("X")})


def trained():
    law = TrainedLaw(Law(NET, ("S", "t"), ("q", "mu"), 0.2, 1.5), NET.init(2))
    return Trained(MODEL, (law,), {"k": 0.3, "Y": 0.6}, ("radau", 3), 0.2,
                   dict.fromkeys(MODEL.variables, 1.0), dict.fromkeys(MODEL.variables, 0.5))


def test_casadi_rates_and_equations_are_those_of_the_model():
    found, rng = export.casadi_model(trained()), np.random.default_rng(0)
    assert (found.states, found.algebraic, found.inputs) == (("X", "S"), ("w",), ("F",))
    for X, S, w, F, t in rng.uniform(0.1, 1.5, (6, 5)):
        q, mu = trained().laws[0]([[S, t]])[0]
        known = {"X": X, "S": S, "w": w, "F": F, "t": t}
        rates = [float(rate) for rate in found.rates(known).values()]
        rows = equations_of(MODEL).residual(np.array([[*rates, X, S, w, mu, q, 0.3, 0.6]]),
                                            np.array([[F]]), np.array([t]))[0]
        np.testing.assert_allclose(rows[:2], 0.0, atol=1e-12)
        assert float(found.residuals(known)[0]) == pytest.approx(rows[2], abs=1e-12)


def test_casadis_integrator_and_our_simulation_of_a_fitted_model_agree():
    model, found = trained(), export.casadi_model(trained())
    t = np.linspace(0.0, 1.0, 6)
    ours = model.simulate({"X": 0.7, "S": 1.5}, {"F": 0.3}, t, rtol=1e-9)
    integrator = ca.integrator("I", "idas", found.dae(), 0.0, t, {"abstol": 1e-10, "reltol": 1e-9})
    theirs = integrator(x0=[0.7, 1.5], z0=ours["w"][0], u=0.3, p=[0.3, 0.6])
    np.testing.assert_allclose(theirs["xf"], [ours["X"], ours["S"]], rtol=1e-6)


def test_operations_without_counterpart_and_states_without_rates_are_refused():
    cases = [(Model(states="x", rates=lambda v: {"x": tf.math.lgamma(v.x)}), TypeError, "Lgamma"),
             (Model(states="x", rates=lambda v: {"x": tf.cumsum(v.x)}), TypeError, "Cumsum"),
             (Model(states="x", equations=lambda v: {"implicit": v.d("x") + v.x}), ValueError,
              "'x' has no rate")]
    for model, error, words in cases:
        with pytest.raises(error, match=words):
            export.casadi_model(Trained(model, (), {}, ("radau", 3), 1.0, {"x": 1.0}, {"x": 1.0}))


def test_rates_take_symbols_of_another_model_and_other_parameters():
    """As do-mpc's, which are SX or MX; groups without names are empty."""
    model = Model(states=("x", "v"), parameters=("k", "c"),
                  rates=lambda v: {"x": v.v, "v": -v.k * v.x - v.c})
    given = Trained(model, (), {"k": 2.0, "c": 0.5}, ("radau", 3), 1.0, {}, {"x": 1.0, "v": 1.0})
    for symbol in (ca.SX.sym, ca.MX.sym):
        x, v, c = symbol("x"), symbol("v"), symbol("c")
        rates = export.casadi_model(given).rates({"x": x, "v": v, "c": c})
        f = ca.Function("f", [x, v, c], [rates["x"], rates["v"]])
        assert [float(rate) for rate in f(3.0, 4.0, 5.0)] == [4.0, -11.0]
    assert export.casadi_model(given).residuals({"x": 1.0, "v": 1.0}) == []
    with pytest.raises(ValueError, match="known has no 'v'"):
        export.casadi_model(given).rates({"x": 1.0})
