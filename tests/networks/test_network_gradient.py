"""The derivative of a network in its inputs as a part of models: closed forms, tapes, differences."""

import numpy as np
import pytest
import tensorflow as tf
from oracles import by_tapes, check_products_against_tapes

import pcl
from pcl.networks.mlp import MLP

RNG = np.random.default_rng(5)
# (widths, activation, output): all activations, several outputs, no hidden layer, width 1
CASES = [([2, 4, 3, 1], "tanh", None), ([2, 4, 3, 2], "sigmoid", "softplus"),
         ([1, 4, 3], "softplus", "exp"), ([3, 3, 2], "swish", pcl.bounded(-1.0, 2.0)),
         ([2, 1, 1, 1], "sin", "softplus"), ([3, 2], "tanh", "exp")]


def at_random(case, q=7):
    """(net, params, x (q, d), w (q, m), v (q, d)): a network, weights of its outputs, a direction."""
    net = MLP(*case)
    params = net.init(1) + 0.1 * RNG.normal(size=net.size)
    return net, params, *(RNG.normal(size=(q, n)) for n in (net.n_in, net.n_out, net.n_in))


# --- the arrays: everything one order higher, along a direction ---------------------------------------
def test_the_gradient_of_one_tanh_unit_is_the_formula():
    # y = v tanh(w x + b) + c: y' = v s w with s = 1 − t², y'' = −2 v t s w², y''' = v w³ s (4t² − 2s)
    w, b, v, c, x = 0.7, -0.2, 1.3, 0.4, 0.9
    t = np.tanh(w * x + b)
    s = 1.0 - t * t
    net = MLP([1, 1, 1])
    problem = pcl.Problem(lambda theta: net.gradient([w, b, v, c], theta["x"][:, None])[0, 0], {"x": [x]})
    assert problem.value([x]) == pytest.approx(v * s * w, rel=1e-15)
    np.testing.assert_allclose(problem.gradient([x]), [-2.0 * v * t * s * w * w], rtol=1e-14)
    np.testing.assert_allclose(problem.hessian([x]), [[v * w ** 3 * s * (4 * t * t - 2 * s)]], rtol=1e-14)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives_along_a_direction_are_those_of_the_hessian_by_tapes(case):
    """d/dε of all second derivatives of s = ⟨w, N⟩ at (π, x + εv), from the Hessian of ∂s/∂x·v."""
    net, params, x, w, v = at_random(case)
    p, q, d = net.size, *x.shape

    def slope(joint):
        params, points = joint[:p], tf.reshape(joint[p:], x.shape)
        with tf.GradientTape() as tape:
            tape.watch(points)
            s = tf.reduce_sum(w * net.tensorflow(params, points))
        return tf.reduce_sum(v * tape.gradient(s, points))
    _, gradient, H = by_tapes(slope, np.concatenate([params, x.ravel()]))
    along, scale = net.at(params, x).along(v), np.abs(H).max()

    def close(given, expected):
        np.testing.assert_allclose(given, expected, rtol=0, atol=1e-13 * max(scale, 1.0))
    close(np.concatenate([bar.ravel() for bar in along.pullback(w, inputs=True)]), gradient)
    close(along.curvature(w), H[:p, :p])
    close(along.mixed_curvature_rows(w, 0, q), H[p:, :p])
    close(along.input_curvature(w), H[p:, p:].reshape(q, d, q, d)[np.arange(q), :, np.arange(q)])
    direction = RNG.normal(size=len(H))
    product = along.curvature_product(w, direction[:p], direction[p:].reshape(x.shape))
    close(np.concatenate([part.ravel() for part in product]), H @ direction)


def test_derivatives_along_a_direction_are_the_limit_of_differences():
    net, params, x, w, v = at_random(([2, 5, 4, 2], "softplus", "softplus"), q=700)
    h, along = 1e-5, net.at(params, x).along(v)
    plus, minus = net.at(params, x + h * v), net.at(params, x - h * v)
    for name, arguments in {"curvature": (w,), "input_curvature": (w,), "input_jacobian": (),
                            "mixed_curvature_rows": (w, 3, 600), "jacobian_rows": (0, 700)}.items():
        given = getattr(along, name)(*arguments)
        limit = (getattr(plus, name)(*arguments) - getattr(minus, name)(*arguments)) / (2.0 * h)
        # truncation h² times fifth derivatives, rounding 1e-16/h
        np.testing.assert_allclose(given, limit, rtol=0, atol=1e-7 * np.abs(given).max(), err_msg=name)


def test_derivatives_along_a_direction_keep_their_digits_whatever_its_size():
    """Linear in v from 1e-150 to 1e150: nothing underflows and nothing is lost beside 1."""
    net, params, x, w, v = at_random(CASES[1])
    at = net.at(params, x)
    one = at.along(v).curvature(w)
    for size in (1e-150, 1e150):
        np.testing.assert_allclose(at.along(size * v).curvature(w) / size, one, atol=1e-13, rtol=0)


def test_derivatives_along_a_direction_do_not_depend_on_blocks_of_points():
    net, params, x, w, v = at_random(([2, 6, 5, 2], "swish", None), q=300)
    one, other = net.at(params, x), net.at(params, x, block=64)
    np.testing.assert_allclose(other.along(v).curvature(w), one.along(v).curvature(w), rtol=0, atol=1e-12)
    halves = sum(net.at(params, x[s]).along(v[s]).curvature(w[s]) for s in (slice(150), slice(150, None)))
    np.testing.assert_allclose(halves, one.along(v).curvature(w), rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "swish", "sin"])
def test_enormous_weights_give_finite_derivatives_along_a_direction(activation):
    net = MLP([2, 6, 5, 1], activation)
    at = net.at(1e6 * RNG.normal(size=net.size), RNG.normal(size=(8, 2)))
    assert np.isfinite(at.along(np.ones((8, 2))).curvature(np.ones((8, 1)))).all()


# --- in a model --------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", CASES[:4], ids=str)
def test_a_loss_of_gradients_has_the_derivatives_of_tapes(case):
    """Parameters, points and weights all depend on θ; value of the network beside its gradient."""
    net, params, x, w, _ = at_random(case)

    def loss(theta):
        points = x * theta["s"] + tf.sin(theta["t"])
        weights = tf.exp(theta["s"]) * w + net(theta["net"], points)
        return tf.reduce_sum(net.gradient(theta["net"], points, weights) ** 2)
    check_products_against_tapes(loss, {"net": params, "s": 0.8, "t": np.ones(net.n_in)})


def test_residuals_of_gradients_have_the_jacobian_of_tapes():
    net, params, x, _, _ = at_random(CASES[0])

    def residuals(theta):
        return tf.reshape(net.gradient(theta["net"], x), [-1]) - 1.0
    problem = pcl.Problem.from_residuals(residuals, {"net": params})
    theta = tf.constant(params)
    with tf.GradientTape() as tape:
        tape.watch(theta)
        r = residuals({"net": theta})
    J = tape.jacobian(r, theta).numpy()
    np.testing.assert_allclose(problem.jacobian(params), J, rtol=0, atol=1e-13)
    np.testing.assert_allclose(problem.gauss_newton(params), 2.0 * J.T @ J, rtol=0, atol=1e-12)


def test_the_jacobian_holds_the_gradients_of_the_outputs():
    net, params, x, _, _ = at_random(CASES[3])
    J = net.jacobian(params, x).numpy()
    np.testing.assert_allclose(J, net.at(params, x).input_jacobian(), rtol=0, atol=1e-14)
    check_products_against_tapes(lambda theta: tf.reduce_sum(net.jacobian(theta["net"], theta["x"]) ** 3),
                                 {"net": params, "x": x})


def test_gradients_of_another_shape_are_refused():
    net, params, x, w, _ = at_random(CASES[3])
    with pytest.raises(ValueError, match=r"weights is None but the network has 2 outputs.*net.jacobian"):
        net.gradient(params, x)
    with pytest.raises(ValueError, match=r"x has shape \(7,\); expected \(q, 3\)"):
        net.gradient(params, x[:, 0], w)
    with pytest.raises(ValueError, match=r"weights has shape \(7, 1\); expected \(7, 2\)"):
        pcl.Problem(lambda theta: tf.reduce_sum(net.gradient(theta["net"], x, w[:, :1])), {"net": params})
