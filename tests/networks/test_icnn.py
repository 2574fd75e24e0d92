"""Input-convex networks: convex at every θ, and their derivatives against tapes."""

import numpy as np
import pytest
import tensorflow as tf
from oracles import by_tapes, check_products_against_tapes

import pcl
from pcl.networks.mlp import MLP

RNG = np.random.default_rng(7)
# (widths, output, monotone): several outputs, skips past several layers, no hidden layer, width 1
CASES = [([2, 4, 3, 2], None, False), ([3, 2, 3, 1], "softplus", True), ([2, 3, 1], "exp", False),
         ([2, 3], None, True), ([1, 1, 1, 1], pcl.softplus(0.5), True)]
CONVEX = [([2, 20, 20, 1], None, False), ([3, 9, 9, 9, 2], "softplus", True), ([2, 8, 1], "exp", False)]


def at_random(case, spread=1.0, q=6):
    """(net, params, x (q, d), w (q, m)): weights far from those drawn."""
    net = pcl.ICNN(*case)
    params = net.init(1) + spread * RNG.normal(size=net.size)
    return net, params, RNG.normal(size=(q, net.n_in)), RNG.normal(size=(q, net.n_out))


def close(given, expected):
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-13 * max(np.abs(expected).max(), 1.0))


# --- what the name promises ------------------------------------------------------------------------
@pytest.mark.parametrize("case", CONVEX, ids=str)
def test_midpoints_lie_below_chords_whatever_the_parameters(case):
    """y((a + b)/2) ≤ (y(a) + y(b))/2 to rounding, for points near and far."""
    for spread in (0.0, 1.0, 3.0):
        net, params, _, _ = at_random(case, spread)
        a, b = 3.0 * RNG.normal(size=(2, 500, net.n_in))
        below, left, right = (net.at(params, x).value for x in ((a + b) / 2.0, a, b))
        assert np.all(below <= (left + right) / 2.0 + 1e-13 * (np.abs(left) + np.abs(right)))


@pytest.mark.parametrize("case", CONVEX, ids=str)
def test_hessians_in_x_have_no_negative_eigenvalue(case):
    net, params, _, _ = at_random(case)
    x = 2.0 * RNG.normal(size=(200, net.n_in))
    for o in range(net.n_out):
        adjoint = np.eye(net.n_out)[[o] * len(x)]
        eigenvalues = np.linalg.eigvalsh(net.at(params, x).input_curvature(adjoint))
        assert eigenvalues.min() >= -1e-12 * eigenvalues.max()
        assert eigenvalues.max() > 0.0


def test_a_multilayer_perceptron_is_not_convex():
    """The same test of eigenvalues, seen to fail."""
    net = MLP([2, 20, 20, 1], "softplus")
    at = net.at(net.init(0), RNG.normal(size=(200, 2)))
    eigenvalues = np.linalg.eigvalsh(at.input_curvature(np.ones((200, 1))))
    assert eigenvalues.min() < -1e-3 * eigenvalues.max()


def test_monotone_networks_increase_with_every_input_and_others_need_not():
    for case in CONVEX:
        net, params, _, _ = at_random((case[0], case[1], True))
        J = net.at(params, 2.0 * RNG.normal(size=(200, net.n_in))).input_jacobian()
        assert J.min() >= 0.0 and J.max() > 0.0
    net, params, x, _ = at_random(CONVEX[0])
    params[-3:-1] = -100.0          # V of the last layer
    assert net.at(params, x).input_jacobian().max() < 0.0


def test_weights_that_must_not_be_negative_are_softplus_of_free_parameters():
    net, params, x, _ = at_random(CASES[0])
    (W1, V1, b1), (W2, V2, b2), (W3, V3, b3) = net.unravel(params)
    assert V1.shape == (0, 4) and (W2 > 0.0).all() and (W3 > 0.0).all() and (V2 < 0.0).any()

    def a(z):
        return np.log1p(np.exp(z))
    value = a(a(x @ W1 + b1) @ W2 + x @ V2 + b2) @ W3 + x @ V3 + b3
    close(net.at(params, x).value, value)
    close(net(params, x).numpy(), value)


def test_a_start_is_the_same_everywhere_and_of_moderate_size():
    net = pcl.ICNN([2, 20, 20, 1])
    assert net.size == 3 * 20 + 23 * 20 + 23 == len(net.init(0))
    np.testing.assert_array_equal(net.init(3), net.init(3))
    x = RNG.uniform(-1.0, 1.0, size=(100, 2))
    for monotone in (False, True):
        net = pcl.ICNN([2, 20, 20, 1], monotone=monotone)
        at = net.at(net.init(0), x)
        assert 0.05 < np.ptp(at.value) < 20.0 and np.abs(at.value).max() < 20.0


def test_outputs_that_are_not_convex_are_refused_in_words():
    with pytest.raises(ValueError, match="would not be convex"):
        pcl.ICNN([2, 3, 1], output="sigmoid")
    with pytest.raises(ValueError, match="would not be convex"):
        pcl.ICNN([2, 3, 1], output=pcl.Transform("exp", scale=-1.0))
    with pytest.raises(TypeError, match="monotone is 1"):
        pcl.ICNN([2, 3, 1], monotone=1)
    with pytest.raises(ValueError, match=r"has 31 parameters; expected .*, layer by layer W, V"):
        pcl.ICNN([2, 4, 2, 1]).at(np.zeros(3), np.zeros((1, 2)))


# --- derivatives ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", CASES, ids=str)
def test_first_and_second_derivatives_are_those_of_tapes(case):
    net, params, x, w = at_random(case)
    p, (q, d) = net.size, x.shape

    def s(joint):
        return tf.reduce_sum(w * net.tensorflow(joint[:p], tf.reshape(joint[p:], x.shape)))
    _, gradient, H = by_tapes(s, np.concatenate([params, x.ravel()]))
    at, v = net.at(params, x, block=4), RNG.normal(size=p + x.size)
    params_bar, x_bar = at.pullback(w, inputs=True)
    close(params_bar, gradient[:p])
    close(x_bar.ravel(), gradient[p:])
    close(at.curvature(w), H[:p, :p])
    close(np.vstack([X for _, _, X in at.mixed_curvature_blocks(w)]), H[p:, :p])
    close(at.input_curvature(w), H[p:, p:].reshape(q, d, q, d)[np.arange(q), :, np.arange(q)])
    product = at.curvature_product(w, v[:p], v[p:].reshape(x.shape))
    close(np.concatenate([part.ravel() for part in product]), H @ v)
    J = np.vstack([J for _, _, J in at.jacobian_blocks()])
    close(J.T @ w.ravel(), gradient[:p])
    close(J @ v[:p], at.pushforward(v[:p]).ravel())


@pytest.mark.parametrize("case", CASES[:3], ids=str)
def test_losses_of_values_and_gradients_have_the_derivatives_of_tapes(case):
    net, params, x, w = at_random(case)

    def loss(theta):
        y = net(theta["net"], theta["s"] * x)
        return tf.reduce_sum(net.gradient(theta["net"], tf.sin(theta["s"] * x), y * w) ** 2)
    check_products_against_tapes(loss, {"net": params, "s": 0.8})


def test_a_convex_law_is_learned_from_its_derivative():
    """From g = ∇(|x|⁴/4 + x₀) at 40 points, to one part in a hundred."""
    x = RNG.uniform(-1.0, 1.0, size=(40, 2))
    g = np.sum(x ** 2, axis=1)[:, None] * x + [1.0, 0.0]
    net = pcl.ICNN([2, 8, 8, 1])
    problem = pcl.Problem.from_residuals(
        lambda theta: tf.reshape(net.gradient(theta["net"], x) - g, [-1]), {"net": net.init(0)})
    result = pcl.minimize(problem, "levenberg-marquardt", maxiter=100)
    assert np.sqrt(result.fun / g.size) < 1e-2
