"""One law at many places of a model: against laws written by hand, differences, and a file."""

import dae_programs as cases
import numpy as np
import pytest
import tensorflow as tf
from oracles import slope_of_order_six
from scipy.integrate import solve_ivp

from pcl import MLP
from pcl.collocation import Mesh, radau
from pcl.dae import Law, Model, Trajectory, fit, load
from pcl.dae.program.elements import Elements
from pcl.dae.program.misfit import Misfit
from pcl.dae.program.transcription import Transcription

N = 5
UNITS = [f"x{i}" for i in range(N)]
X0 = np.array([0.1, 1.0, 0.4, 2.0, 0.2])
NODES = 50


def _chain(v):
    """Units in a row, each fed by the one before, with the same uptake r(x)."""
    return {f"x{i}": 0.8 * ((v[f"x{i - 1}"] if i else 2.0) - v[f"x{i}"]) - v[f"r{i}"] for i in range(N)}


CHAIN = Model(states=UNITS, outputs=[f"r{i}" for i in range(N)], rates=_chain,
              bounds={name: (0.0, None) for name in UNITS})
PLACES = [{"x": f"x{i}", "r": f"r{i}"} for i in range(N)]


@pytest.fixture(scope="module")
def found():
    t = np.linspace(0.0, 4.0, 21)

    def rate(_, x):
        return 0.8 * (np.append(2.0, x[:-1]) - x) - 1.5 * x / (0.4 + x)
    seen = solve_ivp(rate, (0.0, 4.0), X0, t_eval=t, rtol=1e-9, atol=1e-11).y
    seen = seen + 0.01 * np.random.default_rng(0).standard_normal(seen.shape)
    data = Trajectory(t, dict(zip(UNITS, seen)), dict(zip(UNITS, X0)))
    return fit(CHAIN, data, Law(MLP((1, 5, 1)), "x", "r", places=PLACES), elements=8)


def test_five_equal_units_teach_one_law(found):
    """Within four of its own standard errors, over what all units have seen."""
    a = np.linspace(0.15, 1.9, 12)
    value, error = found.band("r", a)
    assert found.success and len(found.laws) == 1 and found.laws[0].theta.size == 16
    assert (np.abs(value - 1.5 * a / (0.4 + a)) < 4.0 * error + 0.01).all() and error.max() < 0.2
    assert "at 5 places" in str(found)
    assert np.array_equal(found.band("r3", a).value, value)         # the same by the name at a place


def test_predictions_and_files_have_the_law_at_its_places(found, tmp_path):
    found.save(tmp_path / "units.npz")
    again, t = load(tmp_path / "units.npz", CHAIN), np.linspace(0.0, 2.0, 5)
    start = dict(zip(UNITS, 0.9 * X0))
    p, q = found.predict(start, t=t), again.predict(start, t=t)
    assert p.success and np.array_equal(p["x4"], q["x4"]) and not p.outside
    law, = again.laws
    assert law.law.places == found.laws[0].law.places
    for name, r in (("x0", "r0"), ("x4", "r4")):
        assert np.allclose(law(p[name])[:, 0], p[r], rtol=0, atol=1e-4)     # between the nodes


def test_a_place_that_leaves_what_all_places_saw_is_told(found):
    p = found.simulate(dict(zip(UNITS, 2.0 * X0)), t=[0.0, 0.5])
    assert list(p.outside) == ["r"] and p.outside["r"]["x"][1] == pytest.approx(4.0, rel=1e-3)


def test_posterior_bands_along_a_unit_simulate_the_law_at_its_places(found):
    band = found.posterior().band("x2", [1.0, 3.0], trajectory="0", draws=3)
    assert np.allclose(band.value, found.curve("0")(np.array([1.0, 3.0]), "x2"))


# --- a method of lines ------------------------------------------------------------------------------
def _diffusion(v):
    """u_t = (D u_x)_x on (0, 1) without flux at the ends, D at faces the mean of that at nodes."""
    h = 1.0 / (NODES - 1)
    flux = [0.5 * (v[f"D{i}"] + v[f"D{i + 1}"]) * (v[f"u{i + 1}"] - v[f"u{i}"]) / h
            for i in range(NODES - 1)]
    flux = [-flux[0], *flux, -flux[-1]]
    return {f"u{i}": (flux[i + 1] - flux[i]) / h for i in range(NODES)}


def _lines(law):
    """The program of 50 nodes on two elements, with D by `law`."""
    model = Model(states=[f"u{i}" for i in range(NODES)], outputs=[f"D{i}" for i in range(NODES)],
                  rates=_diffusion)
    elements = Elements(model, radau(2), [Mesh([0.0, 0.05, 0.2])])
    fixed, start = np.zeros((2, elements.E, NODES))
    fixed[0], start[0] = 1.0, np.exp(-20.0 * (np.linspace(0.0, 1.0, NODES) - 0.3) ** 2)
    return Transcription(model, [law], elements, np.zeros((2, 2, 0)), fixed.astype(bool), start,
                         Misfit.of(elements, []), [0.1])


class Counted(MLP):
    """A network that counts its evaluations and points."""

    calls: list = []

    def at(self, params, x, block=None):
        self.calls.append(len(x))
        return super().at(params, x, block)


@pytest.fixture(scope="module")
def lines():
    places = [(f"u{i}", f"D{i}") for i in range(NODES)]
    return _lines(Law(Counted((1, 4, 1), output="softplus"), "u", "D", places=places))


def test_derivatives_of_fifty_nodes_agree_with_differences(lines):
    rng = np.random.default_rng(1)
    x, lam = 0.3 * rng.normal(size=lines.n), rng.normal(size=lines.m)
    for d in rng.normal(size=(2, lines.n)):
        J, W = lines.jacobian(x) @ d, lines.hessian(x, lam, 0.7) @ d
        slope = slope_of_order_six(lines.constraints, x, d)
        assert np.abs(J - slope).max() <= 1e-9 * np.abs(slope).max()
        slope = slope_of_order_six(lambda y: 0.7 * lines.gradient(y) + lines.jacobian(y).T @ lam, x, d)
        assert np.abs(W - slope).max() <= 1e-9 * np.abs(slope).max()


def test_all_places_are_evaluated_in_one_batch(lines):
    x = 0.1 * np.random.default_rng(2).normal(size=lines.n)
    Counted.calls.clear()
    lines.constraints(x), lines.jacobian(x), lines.hessian(x, np.ones(lines.m), 1.0)
    assert Counted.calls == [4 * NODES]                     # once, at the nodes of all elements


def test_the_law_at_places_is_the_parametrised_function_written_out():
    """tanh units written into the equations, their weights as parameters: the same motion."""
    names = [f"w{k}" for k in range(7)]

    def written(v, a):
        return v.w4 * tf.tanh(v.w0 * a + v.w2) + v.w5 * tf.tanh(v.w1 * a + v.w3) + v.w6
    by_hand = Model(states=("a", "b", "c"), parameters=names, rates=lambda v: {
        "a": written(v, v.b) - v.a, "b": written(v, v.a) * v.c, "c": written(v, v.c) * written(v, v.b)})
    model = Model(states=("a", "b", "c"), outputs=("ra", "rb", "rc"), rates=lambda v: {
        "a": v.rb - v.a, "b": v.ra * v.c, "c": v.rc * v.rb})
    law = Law(MLP((1, 2, 1)), "x", "r", places=[{"x": s, "r": f"r{s}"} for s in "abc"])
    theta = law.init(3)
    start = {"a": 0.5, "b": -0.2, "c": 0.8}
    one = _simulated(model, (law, theta), {}, start)
    two = _simulated(by_hand, None, dict(zip(names, theta)), start)
    assert np.abs(one - two).max() < 1e-7


def _simulated(model, law, parameters, start):
    from pcl.dae import TrainedLaw
    from pcl.dae.result.trained import Trained
    laws = (TrainedLaw(*law),) if law else ()
    every = {name: 1.0 for name in (*model.states, *model.outputs)}
    trained = Trained(model, laws, parameters, ("radau", 3), 0.1, every, {**every, **start})
    p = trained.simulate(start, t=np.linspace(0.0, 2.0, 9), rtol=1e-9)
    return np.array([p[name] for name in model.states])


@pytest.mark.parametrize("places, told", [
    ([], "places is empty"), ([{"y": "a"}], "places\\[0\\] has 'y'"), ("ab", "names of inputs|expected"),
    ([{"x": "a", "r": "ra"}, {"x": "b", "r": "ra"}], "give 'ra' twice"),
    ([(("a", "b"), "ra")], "1 names of inputs"),
    ({"x": "a"}, "expected a list")])
def test_places_that_do_not_fit_are_refused(places, told):
    with pytest.raises((TypeError, ValueError), match=told):
        Law(MLP((1, 2, 1)), "x", "r", places=places)


def test_a_place_with_a_name_that_the_model_has_not_is_refused():
    law = Law(MLP((1, 2, 1)), "x", "r", places=[{"x": f"x{i}", "r": f"r{i}"} for i in range(4)]
              + [{"x": "x9", "r": "r4"}])
    with pytest.raises(ValueError, match="'x9' among its inputs"):
        fit(CHAIN, Trajectory([0.0, 1.0], {"x0": [0.1, 0.2]}), law)


def test_places_are_in_the_table_of_programs():
    """Whose derivatives, products and steps the tests of programs look at in every Hessian mode."""
    assert sum("at places" in name for name in cases.SHAPES) == 2
