"""Models, laws and their equations at points: what they evaluate to, and what is refused."""

import numpy as np
import oracles
import pytest
import tensorflow as tf

from pcl import MLP
from pcl.dae.laws.free_outputs import FreeOutputs
from pcl.dae.laws.law import Law
from pcl.dae.model import Model
from pcl.dae.program.pointwise import Pointwise, path

RNG = np.random.default_rng(5)
TWO = MLP((2, 3, 1))


def _growth(v):
    return {"x": v.x}


def _at(model, rows=None, n=3):
    """(pointwise, residual) at arguments, inputs and times that differ from point to point."""
    made = Pointwise(model) if rows is None else Pointwise(model, rows)
    a, u = RNG.uniform(0.5, 1.5, (n, len(made.arguments))), RNG.uniform(0.5, 1.5, (n, len(model.inputs)))
    return made, (a, u, np.linspace(0.1, 0.9, n))


# --- models ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("given, error, words", [
    (dict(states=()), ValueError, "states is empty"),
    (dict(states=("x", "x")), ValueError, "'x' is in states and in states"),
    (dict(states="x", algebraic="x"), ValueError, "in states and in algebraic"),
    (dict(states="t"), ValueError, "identifier"),
    (dict(states="class"), ValueError, "identifier"),
    (dict(states="_x"), ValueError, "underscore"),
    (dict(states=("x", 1)), TypeError, "type int"),
    (dict(states=None), TypeError, "NoneType"),
    (dict(states="x", rates=3), TypeError, "rates is a int"),
    (dict(states="x", rates=None), ValueError, "both None"),
    (dict(states="x", bounds={"q": (0, 1)}), ValueError, "bounds has 'q'"),
    (dict(states="x", bounds={"x": (1, 0)}), ValueError, "lower ≤ upper"),
    (dict(states="x", bounds={"x": (np.nan, 0)}), ValueError, "none NaN"),
    (dict(states="x", bounds={"x": (np.inf, None)}), ValueError, "lower ≤ upper"),
    (dict(states="x", bounds={"x": 1.0}), ValueError, "None for open"),
    (dict(states="x", bounds={"x": ("a", 1)}), TypeError, "a bound of 'x'"),
    (dict(states="x", bounds=[(0, 1)]), TypeError, "bounds is a list"),
    (dict(states="x", inputs="u", bounds={"u": (0, 1)}), ValueError, "bounds has 'u'"),
])
def test_a_model_that_is_no_statement_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        Model(**{"rates": _growth, **given})


def test_missing_bounds_are_infinite():
    model = Model("x", "y", rates=_growth, bounds={"x": (None, 2)})
    assert model.limits("x") == (-np.inf, 2.0) and model.limits("y") == (-np.inf, np.inf)


# --- equations at points --------------------------------------------------------------------------
def test_residual_jacobian_and_hessian_of_a_model_by_hand():
    """r₁ = x' − p u x y², r₂ = y − x t; arguments (x', x, y, p)."""
    model = Model("x", "y", parameters="p", inputs="u", rates=lambda v: {"x": v.p * v.u * v.x * v.y ** 2},
                  equations=lambda v: {"hold": v["y"] - v.x * v.t})
    made, (a, u, t) = _at(model)
    (dx, x, y, p), u0 = a.T, u[:, 0]
    assert made.names == ("x", "hold") and made.arguments.names == ("x'", "x", "y", "p")
    np.testing.assert_allclose(made.residual(a, u, t).T, [dx - p * u0 * x * y ** 2, y - x * t],
                               rtol=1e-14)
    J = made.jacobian(a, u, t)
    np.testing.assert_allclose(
        J[:, 0].T, [dx / dx, -p * u0 * y ** 2, -2 * p * u0 * x * y, -u0 * x * y ** 2], rtol=1e-14)
    np.testing.assert_allclose(J[:, 1].T, [0 * x, -t, x / x, 0 * x], rtol=1e-14)
    H = made.hessian(a, u, t, np.stack([x, y], axis=1))     # λ = (x, y)
    expected = np.zeros((3, 4, 4))
    expected[:, 1, 2] = -2 * p * u0 * y * x
    expected[:, 1, 3] = -u0 * y ** 2 * x
    expected[:, 2, 3] = -2 * u0 * x * y * x
    expected += expected.transpose(0, 2, 1)
    expected[:, 2, 2] = -2 * p * u0 * x * x
    np.testing.assert_allclose(H, expected, rtol=1e-14)
    assert made.pattern.tolist() == [[True, True, True, True], [False, True, True, False]]


def test_numpy_and_tensorflow_give_the_same_values_and_derivatives():
    """An absolute value is outside what NumPy runs, and makes no difference to positive numbers."""
    def rates(wrap):
        return lambda v: {"x": tf.exp(-wrap(v.x)) * v.z + tf.sqrt(v.x) * v.t / v.u}
    plain, graph = (_at(Model("x", outputs="z", inputs="u", rates=rates(wrap)))[0]
                    for wrap in (tf.identity, tf.abs))
    a, u, t = RNG.uniform(0.5, 1.5, (4, 3)), RNG.uniform(0.5, 1.5, (4, 1)), np.linspace(0, 1, 4)
    for name, more in (("residual", ()), ("jacobian", ()), ("hessian", (np.ones((4, 1)),))):
        one, two = (getattr(made, name)(a, u, t, *more) for made in (plain, graph))
        np.testing.assert_allclose(one, two, rtol=1e-13)


def test_numbers_tensors_and_variables_of_the_outside_may_be_used():
    c, w = tf.constant(2.0, tf.float64), tf.Variable(3.0, dtype=tf.float64)
    for rate in (lambda v: 6.0 * v.x, lambda v: c * 3.0 * v.x, lambda v: w * 2.0 * v.x,
                 lambda v: np.float64(6.0) * v.x):
        made, (a, u, t) = _at(Model("x", rates=lambda v: {"x": rate(v)}))
        np.testing.assert_allclose(made.residual(a, u, t)[:, 0], a[:, 0] - 6.0 * a[:, 1], rtol=1e-14)


def test_constant_expressions_are_spread_over_the_points():
    made, (a, u, t) = _at(Model("x", "y", rates=lambda v: {"x": 1.0}, equations=lambda v: [3.0]))
    np.testing.assert_allclose(made.residual(a, u, t), np.stack([a[:, 0] - 1.0, np.full(3, 3.0)], axis=1))
    assert not made.hessian(a, u, t, np.ones((3, 2))).any()


def test_paths_are_rows_of_their_own():
    model = Model("x", rates=_growth, path=lambda v: {"fall": v.d("x") * v.x, "low": 1.0 - v.x})
    made, (a, u, t) = _at(model, path)
    assert made.names == ("fall", "low")
    np.testing.assert_allclose(made.residual(a, u, t).T, [a[:, 0] * a[:, 1], 1.0 - a[:, 1]], rtol=1e-15)
    empty, arguments = _at(Model("x", rates=_growth, path=lambda v: []), path)
    assert empty.residual(*arguments).shape == (3, 0)


@pytest.mark.parametrize("rates, equations, error, words", [
    (lambda v: {"x": v.q}, None, AttributeError, "no variable 'q'; it has x, y, t"),
    (lambda v: {"x": v["q"]}, None, KeyError, "no variable 'q'"),
    (lambda v: {"x": v.d("y")}, None, KeyError, "not a state"),
    (lambda v: {"y": v.x}, None, ValueError, "rates has 'y'"),
    (lambda v: [v.x], None, TypeError, "rates returns a list"),
    (lambda v: {"x": v.x}, lambda v: v.y, TypeError, "equations returns a"),
    (lambda v: {"x": v.x}, None, ValueError, "1 equations .x. for 2 variables"),
    (lambda v: {"x": v.x}, lambda v: [v.y, v.x], ValueError, "3 equations"),
    (lambda v: {"x": tf.cast(v.x, tf.float32)}, lambda v: [v.y], TypeError, "rate of 'x' has dtype"),
    (lambda v: {"x": v.x}, lambda v: [tf.cast(v.y, tf.float32)], TypeError, "float32"),
    (lambda v: {"x": v.x}, lambda v: {"wide": v.y[:, None]}, ValueError, "'wide' has shape"),
    (lambda v: {"x": v.x}, lambda v: {"sum": tf.reduce_sum(v.y)}, ValueError, "'sum' at one point"),
    (lambda v: {"x": tf.cumsum(v.x)}, lambda v: [v.y], ValueError, "'x' at one point depends"),
    (lambda v: {"x": v.x}, lambda v: {"back": v.y[::-1]}, ValueError, "'back' at one point depends"),
])
def test_equations_that_do_not_fit_are_refused(rates, equations, error, words):
    with pytest.raises(error, match=words):
        Pointwise(Model("x", "y", rates=rates, equations=equations))


# --- laws -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("given, error, words", [
    (dict(inputs="x"), ValueError, "the network has 2 inputs"),
    (dict(inputs=("x", "x")), ValueError, "different names"),
    (dict(inputs=("x", 2)), TypeError, "expected names"),
    (dict(outputs=("z", "w")), ValueError, "the network has 1 outputs"),
    (dict(input_scale=0.0), ValueError, "other than 0"),
    (dict(input_scale=[1.0, 2.0, 3.0]), ValueError, "input_scale has shape"),
    (dict(input_shift=np.nan), ValueError, "input_shift"),
    (dict(net=3), TypeError, "net is a int"),
])
def test_a_law_that_does_not_fit_its_network_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        Law(**{"net": TWO, "inputs": ("x", "y"), "outputs": "z", **given})


def test_a_law_is_the_network_of_normalised_inputs():
    law = Law(TWO, ("x", "y"), "z", [1.0, 2.0], [3.0, -4.0], 5.0, -6.0)
    theta, a = law.init(0), RNG.normal(size=(4, 2))
    expected = 5.0 - 6.0 * TWO.tensorflow(theta, (a - [1.0, 2.0]) / [3.0, -4.0]).numpy()
    np.testing.assert_allclose(law(theta, a), expected, rtol=1e-13)
    with pytest.raises(ValueError, match=r"a has shape \(1, 3\)"):
        law(theta, [1.0, 2.0, 3.0])


def test_derivatives_of_a_law_agree_with_differences():
    """Central differences of step h have an error of order h²: 1e-8 of the values and slopes here."""
    law = Law(MLP((2, 4, 3)), ("x", "y"), ("z", "w", "q"), [1.0, 2.0], [3.0, -4.0], 5.0, [1.0, -6.0, 2.0])
    theta, a, bar = law.init(1), RNG.normal(size=(3, 2)), RNG.normal(size=(3, 3))
    d, s, h = RNG.normal(size=law.size), RNG.normal(size=a.shape), 1e-4

    def slope(f):
        return oracles.slope(f, 0.0, 1.0, h)
    point = law.at(theta, a)
    np.testing.assert_allclose(point.jacobian() @ d, slope(lambda h: law(theta + h * d, a)), atol=1e-7)
    np.testing.assert_allclose((point.input_jacobian() @ s[:, :, None])[..., 0],
                               slope(lambda h: law(theta, a + h * s)), atol=1e-7)
    np.testing.assert_allclose(point.pullback(bar), np.tensordot(bar, point.jacobian(), 2), rtol=1e-12)
    np.testing.assert_allclose(point.curvature(bar) @ d,
                               slope(lambda h: law.at(theta + h * d, a).pullback(bar)), atol=1e-6)
    inner = slope(lambda h: np.einsum("nm,nmd->nd", bar, law.at(theta, a + h * s).input_jacobian()))
    np.testing.assert_allclose((point.input_curvature(bar) @ s[:, :, None])[..., 0], inner, atol=1e-6)
    mixed = slope(lambda h: np.einsum("nm,nmd->nd", bar, law.at(theta + h * d, a).input_jacobian()))
    np.testing.assert_allclose(point.mixed_curvature(bar) @ d, mixed, atol=1e-6)


def test_free_outputs_are_their_parameters():
    law, theta, bar = FreeOutputs(3, ("z", "w")), np.arange(6.0), RNG.normal(size=(3, 2))
    point = law.at(theta, np.zeros((3, 0)))
    np.testing.assert_array_equal(point.value, theta.reshape(3, 2))
    np.testing.assert_array_equal(point.jacobian() @ theta, point.value)
    np.testing.assert_array_equal(point.pullback(bar), bar.ravel())
    assert not point.curvature(bar).any()
