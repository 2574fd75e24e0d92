"""Observables: any function of variables and parameters is read without an algebraic variable for it."""

import warnings

import numpy as np
import pytest
import tensorflow as tf
from oracles import slope_of_order_six

from pcl.collocation import Mesh, radau
from pcl.dae import Model, Trajectory, fit, load, read_csv
from pcl.dae.program.elements import Elements
from pcl.dae.program.misfit import Misfit
from pcl.dae.program.setting import Setting
from pcl.dae.stages.guess import first_guess
from pcl.training.checkpoint.file import CheckpointError

T = np.linspace(0.0, 4.0, 21)
RNG = np.random.default_rng(0)
X = 2.0 * np.exp(-0.7 * T)
SATURATED = 3.0 * X / (1.0 + X) + 0.5 + 0.02 * RNG.standard_normal(T.size)
LOGARITHM = np.log(X) + 0.05 * RNG.standard_normal(T.size)
SIGMA = {"seen": 0.02, "log": 0.05}
BOUNDS = {"x": (1e-6, None), "k": (0.0, 10.0)}


def decay(**observed):
    return Model(states="x", parameters=("k", "scale"), rates=lambda v: {"x": -v.k * v.x}, bounds=BOUNDS,
                 observed=observed)


MODEL = decay(seen=lambda v: v.scale * v.x / (1.0 + v.x) + 0.5, log=lambda v: tf.math.log(v.x))


@pytest.fixture(scope="module")
def found():
    """The fit through observables; a warning of a parameter without an equation would be an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return fit(MODEL, Trajectory(T, {"seen": SATURATED, "log": LOGARITHM}, sigma=SIGMA), elements=10)


@pytest.fixture(scope="module")
def by_hand():
    """The same with algebraic variables, whose own interpolation needs finer elements."""
    model = Model(states="x", algebraic=("seen", "log"), parameters=("k", "scale"), bounds=BOUNDS,
                  rates=lambda v: {"x": -v.k * v.x},
                  equations=lambda v: {"seen": v.seen - v.scale * v.x / (1.0 + v.x) - 0.5,
                                       "log": v.log - tf.math.log(v.x)})
    weights = {name: sigma ** -2 for name, sigma in SIGMA.items()}
    return fit(model, Trajectory(T, {"seen": SATURATED, "log": LOGARITHM}, weights=weights), elements=40)


def test_a_fit_through_observables_is_that_through_algebraic_variables(found, by_hand):
    assert found.success and by_hand.success
    errors = by_hand.standard_errors()
    for name, value in by_hand.parameters.items():
        assert found.parameters[name] == pytest.approx(value, abs=1e-3 * errors[name])
        assert found.standard_errors()[name] == pytest.approx(errors[name], rel=1e-3)
    assert found.misfit == pytest.approx(by_hand.misfit, rel=1e-3)
    assert found.verdict.dof == pytest.approx(by_hand.verdict.dof, abs=1e-3)


@pytest.mark.parametrize("name", ["x", "seen", "log"])
def test_curves_and_bands_of_observables_are_those_of_algebraic_variables(name, found, by_hand):
    t = np.array([0.0, 0.33, 1.7, 4.0])
    value, error = found.band(name, t, trajectory="0")
    expected, spread = by_hand.band(name, t, trajectory="0")
    np.testing.assert_allclose(value, expected, atol=5e-3 * spread.min())
    np.testing.assert_allclose(error, spread, rtol=1e-3)
    np.testing.assert_array_equal(value, found.trajectories["0"](t, name))


def test_an_observable_is_evaluated_at_its_time_from_the_polynomials_of_the_variables(found):
    """Not between its values at nodes: of polynomials it holds to rounding anywhere."""
    curve, t = found.trajectories["0"], np.linspace(0.0, 4.0, 57)
    x, every = curve(t, "x"), curve(t)
    np.testing.assert_allclose(every["log"], np.log(x), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(every["seen"], found.parameters["scale"] * x / (1.0 + x) + 0.5, rtol=1e-13)
    residual = found.program.misfit.residuals(found.program.elements.local(found.result.x))
    np.testing.assert_allclose(residual, np.concatenate([curve(T, "seen") - SATURATED,
                                                         curve(T, "log") - LOGARITHM]), atol=1e-13)


def test_what_is_saved_predicts_observables_and_belongs_to_them(found, tmp_path):
    found.save(tmp_path / "fit.npz")
    p = load(tmp_path / "fit.npz", MODEL).predict({"x": 0.3}, t=np.linspace(0.0, 1.0, 4))
    np.testing.assert_allclose(p["log"], np.log(p["x"]), rtol=1e-12)
    np.testing.assert_allclose(p["seen"], found.parameters["scale"] * p["x"] / (1.0 + p["x"]) + 0.5)
    other = decay(seen=lambda v: v.scale * v.x / (1.1 + v.x) + 0.5, log=lambda v: tf.math.log(v.x))
    with pytest.raises(CheckpointError, match="the values of seen differ"):
        load(tmp_path / "fit.npz", other)
    with pytest.raises(CheckpointError, match="observed"):
        load(tmp_path / "fit.npz", decay())


# One of everything: derivative, algebraic variable, output, parameters (one by logarithm), input, time.
WIDE = Model(states=("a", "b"), algebraic="y", outputs="z", parameters=("p", "q"), inputs="u",
             rates=lambda v: {"a": v.z, "b": -v.b}, equations=lambda v: [v.y - v.a * v.b], log=("q",),
             observed={"all": lambda v: v.p * v.a * v.y + tf.sin(v.d("b") * v.z) + v.q * v.u * v.t * v.b,
                       "sum": lambda v: v.a + v.b})


@pytest.fixture(scope="module")
def wide():
    """The misfit of two trajectories, some readings at the same time or in one element."""
    items = [Trajectory(None, {"all": ([0.0, 0.1, 0.1, 0.9], RNG.normal(size=4)),
                               "a": ([0.2, 0.8], [1.0, 2.0]), "sum": ([0.5], [3.0])},
                        inputs={"u": lambda t: 1.0 + t}, span=(0.0, 1.0),
                        sigma={"all": [0.1, 0.2, 0.3, 0.4]}),
             Trajectory(None, {"sum": ([0.3, 0.4], [1.0, 2.0])}, inputs={"u": 2.0}, span=(0.0, 0.5))]
    return Setting.of(WIDE, items, 2, radau(2)).misfit


def test_gradient_and_hessian_of_the_misfit_are_exact(wide):
    elements = wide.plain.elements
    u, d = elements.local(RNG.normal(size=elements.n)), elements.local(RNG.normal(size=elements.n))
    slope = slope_of_order_six(wide.value, u, d)
    assert np.vdot(wide.gradient(u), d) == pytest.approx(float(slope), rel=1e-8)
    expected = slope_of_order_six(wide.gradient, u, d)
    np.testing.assert_allclose(np.einsum("eij,ej->ei", wide.curvature(u), d), expected, rtol=1e-7,
                               atol=1e-8 * np.abs(expected).max())


def test_gauss_newton_of_the_misfit_is_that_of_its_rows(wide):
    u = wide.plain.elements.local(RNG.normal(size=wide.plain.elements.n))
    place, rows = wide.rows_at(u)
    expected = np.zeros_like(wide.plain.hessian)
    np.add.at(expected, place, 2.0 * wide.weights[:, None, None] * rows[:, :, None] * rows[:, None])
    np.testing.assert_allclose(wide.gauss_newton(u), expected, atol=1e-12 * np.abs(expected).max())
    du = RNG.normal(size=u.shape)
    expected = np.einsum("ow,ow->o", rows, du[place])
    np.testing.assert_allclose(wide.sensitivity(u, du), expected, rtol=1e-12)


def test_a_variable_read_as_an_observable_has_the_same_misfit():
    model = Model(states="a", algebraic="y", parameters="p", rates=lambda v: {"a": -v.p * v.a},
                  equations=lambda v: [v.y - v.a], observed={"copy": lambda v: v.y})
    item = {name: ([0.1, 0.5, 0.55, 1.0], [1.0, 2.0, 3.0, 4.0]) for name in ("y", "copy")}
    one, other = (Setting.of(model, Trajectory(None, {name: item[name]}, span=(0.0, 1.0)), 2).misfit
                  for name in item)
    assert isinstance(one, Misfit) and not isinstance(other, Misfit)
    u = RNG.normal(size=one.hessian.shape[:2])
    assert other.value(u) == pytest.approx(one.value(u), rel=1e-14)
    np.testing.assert_allclose(other.gradient(u), one.gradient(u), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(other.curvature(u), one.hessian, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scheme", ["radau", "gauss", "lobatto"])
def test_rows_of_arguments_are_those_of_the_nodes(scheme):
    """At the nodes the polynomials give what the equations see there."""
    from pcl import collocation
    elements = Elements(WIDE, getattr(collocation, scheme)(3), [Mesh([0.0, 0.4, 1.0]), Mesh([0.0, 0.5])])
    u = elements.local(RNG.normal(size=elements.n))
    a = elements.at_points(u).reshape(elements.E, elements.K, -1)
    columns = np.arange(a.shape[2])
    for k, mine in ((0, slice(0, 2)), (1, slice(2, 3))):
        inner = elements.times[mine][:, 1:] if scheme == "lobatto" else elements.times[mine]
        place, rows = elements.rows_at(k, inner.ravel(), columns)
        found = np.einsum("ocw,ow->oc", rows, u[place]).reshape(*inner.shape, -1)
        np.testing.assert_allclose(found, a[mine][:, elements.K - inner.shape[1]:], atol=1e-11)


def test_states_seen_through_a_ratio_and_a_scale_are_found_from_the_plain_start():
    """a → b → c; only b/(a + b + c) and s·c + o are read, s and o unknown; amounts start at 1, 0, 0."""
    model = Model(states=("a", "b", "c"), parameters=("k1", "k2", "s", "o"),
                  rates=lambda v: {"a": -v.k1 * v.a, "b": v.k1 * v.a - v.k2 * v.b, "c": v.k2 * v.b},
                  observed={"share": lambda v: v.b / (v.a + v.b + v.c),
                            "signal": lambda v: v.s * v.c + v.o})
    a, b = np.exp(-1.2 * T), 1.2 / 0.9 * (np.exp(-0.3 * T) - np.exp(-1.2 * T))
    noise = 0.003 * RNG.standard_normal((2, T.size))
    data = Trajectory(T, {"share": b + noise[0], "signal": 40.0 * (1.0 - a - b) + 7.0 + 40.0 * noise[1]},
                      {"a": 1.0, "b": 0.0, "c": 0.0}, sigma={"share": 0.003, "signal": 0.12})
    found = fit(model, data, elements=12)
    truth, errors = {"k1": 1.2, "k2": 0.3, "s": 40.0, "o": 7.0}, found.standard_errors()
    assert found.success and found.verdict.p_value > 1e-3
    for name, value in truth.items():
        assert abs(found.parameters[name] - value) < 4.0 * errors[name] < 0.05 * value


def test_sigma_gives_weights_that_are_known():
    first = Trajectory(T, {"seen": SATURATED}, sigma=0.02)
    second = Trajectory(T, {"seen": SATURATED}, weights=1.0 / 0.02**2)
    np.testing.assert_array_equal(first.observed["seen"].weights, second.observed["seen"].weights)
    assert first.observed["seen"].known and not second.observed["seen"].known
    kept = first.part(lambda t: t > 1.0).observed["seen"]
    assert kept.known and len(kept) == 15


def test_a_table_is_read_with_sigma_and_names_of_observables(tmp_path):
    (tmp_path / "run.csv").write_text("t,seen,log\n0,1.5,0.7\n1,1.2,\n2,1.0,-0.7\n")
    data = read_csv(tmp_path / "run.csv", missing="drop", sigma={"seen": 0.1})
    data.require(MODEL)
    seen, log = data["run"].observed["seen"], data["run"].observed["log"]
    np.testing.assert_allclose(seen.weights, 100.0)
    assert seen.known and not log.known and len(log) == 2


@pytest.mark.parametrize("sigma, weights, words", [
    (0.0, 1.0, "expected numbers > 0"), (-1.0, 1.0, "expected sigma > 0"), (0.1, 2.0, "both given"),
    ([0.1, 0.2], 1.0, "shape"), ({"y": 0.1}, 1.0, "not observed"), (np.nan, 1.0, "not finite|NaN|nan")])
def test_a_sigma_that_is_none_is_refused(sigma, weights, words):
    with pytest.raises(ValueError, match=words):
        Trajectory([0.0, 1.0, 2.0], {"x": [1.0, 2.0, 3.0]}, sigma=sigma, weights=weights)


@pytest.mark.parametrize("observed, error, words", [
    ({"x": lambda v: v.x}, ValueError, "'x' is in states and in observed"),
    ({"no name": lambda v: v.x}, ValueError, "identifier"),
    ({"seen": 3.0}, TypeError, "expected a function of v"),
    ([lambda v: v.x], TypeError, "expected a dict")])
def test_observables_that_are_none_are_refused(observed, error, words):
    with pytest.raises(error, match=words):
        Model(states="x", rates=lambda v: {"x": -v.x}, observed=observed)


def test_an_observable_of_an_unknown_variable_is_refused_by_name():
    model = Model(states="x", parameters="k", rates=lambda v: {"x": -v.k * v.x},
                  observed={"seen": lambda v: v.w})
    with pytest.raises(AttributeError, match="'w'"):
        fit(model, Trajectory(T, {"seen": X}))


def test_readings_beyond_what_an_observable_can_be_do_not_take_its_state_away():
    """x/(1 + x) < 1 is read as up to 1.02: at those times no x gives the reading."""
    model = Model(states="x", parameters="k", rates=lambda v: {"x": -v.k * v.x},
                  observed={"bound": lambda v: v.x / (1.0 + v.x)})
    t = np.linspace(0.0, 6.0, 31)
    x = 90.0 * np.exp(-1.1 * t)
    readings = x / (1.0 + x) + 0.03 * np.random.default_rng(2).standard_normal(t.size)
    assert np.count_nonzero(readings > 1.0) > 1
    data = Trajectory(t, {"bound": readings}, sigma=0.03)
    setting = Setting.of(model, data, 15)
    guess = setting.elements.split(first_guess(setting))[1]
    assert guess.max() < 5.0 * x.max() and abs(np.median(guess) - np.median(x)) < 0.1 * np.median(x)
    found = fit(model, data, elements=15)
    assert found.success and abs(found.parameters["k"] - 1.1) < 3.0 * found.standard_errors()["k"] < 0.3
