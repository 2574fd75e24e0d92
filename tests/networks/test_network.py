"""Networks: parameters, output transforms, and their evaluation in TensorFlow and NumPy."""

import pickle

import numpy as np
import pytest
import tensorflow as tf

from pcl.errors import NotFinite, TrialFailure
from pcl.networks import transform
from pcl.networks.mlp import MLP
from pcl.networks.transform import Transform
from pcl.nodes.network import NetworkNode

ACTIVATIONS = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "swish": lambda z: z / (1 + np.exp(-z)),
    "sin": np.sin,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_of_one_hidden_unit_is_the_formula(name):
    # y = 3 φ(2x − 0.5) + 0.25
    params, x = np.array([2.0, -0.5, 3.0, 0.25]), np.array([[-1.0], [0.1], [0.8]])
    expected = 3 * ACTIVATIONS[name](2 * x - 0.5) + 0.25
    net = MLP([1, 1, 1], name)
    np.testing.assert_allclose(net.at(params, x).value, expected, rtol=0, atol=1e-15)
    np.testing.assert_allclose(net.tensorflow(params, x), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("output, function", [
    (None, lambda z: z),
    ("sigmoid", lambda z: 1 / (1 + np.exp(-z))),
    (transform.softplus(floor=0.5), lambda z: 0.5 + np.log(1 + np.exp(z))),
    (transform.exponential(), np.exp),
    (transform.bounded(-1.0, 2.0), lambda z: -1 + 3 / (1 + np.exp(-z))),
    (Transform("identity", scale=-2.0, shift=0.5), lambda z: 0.5 - 2 * z),
])
def test_output_is_shift_plus_scale_times_the_function_of_a_linear_layer(output, function):
    params, x = np.array([2.0, -1.0, 0.3]), np.array([[0.4, 0.1], [-1.0, 2.0]])
    expected = function(x @ [[2.0], [-1.0]] + 0.3)
    net = MLP([2, 1], output=output)
    np.testing.assert_allclose(net.at(params, x).value, expected, rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(net.tensorflow(params, x), expected, rtol=1e-15, atol=1e-15)


def test_parameters_are_weights_in_row_major_order_then_biases():
    net = MLP([2, 3, 1])
    assert (net.size, net.widths, net.n_in, net.n_out) == (13, (2, 3, 1), 2, 1)
    (W1, b1), (W2, b2) = net.unravel(np.arange(13))
    np.testing.assert_array_equal(W1, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(b1, [6, 7, 8])
    np.testing.assert_array_equal(W2, [[9], [10], [11]])
    np.testing.assert_array_equal(b2, [12])


def test_initial_weights_have_variance_one_over_fan_in_and_zero_biases():
    net = MLP([400, 100, 50])
    params = net.init(seed=7)
    for W, b in net.unravel(params):
        # the sample deviation of n normal numbers is within 4/sqrt(2 n) of its mean
        assert abs(W.std() * np.sqrt(len(W)) - 1) < 4 / np.sqrt(2 * W.size)
        assert abs(W.mean()) < 4 / np.sqrt(W.size * len(W))
        assert not b.any()


def test_initial_weights_are_drawn_layer_by_layer_from_the_seed():
    rng = np.random.RandomState(11)
    first = rng.standard_normal((2, 3)) / np.sqrt(2)
    second = rng.standard_normal((3, 1)) / np.sqrt(3)
    (W1, _), (W2, _) = MLP([2, 3, 1]).unravel(MLP([2, 3, 1]).init(seed=11))
    np.testing.assert_array_equal(W1, first)
    np.testing.assert_array_equal(W2, second)


@pytest.mark.parametrize("widths, message", [
    ([2], "at least two"), ([], "at least two"), (3, "expected a sequence"),
    ([2, 0, 1], r"widths\[1\] is 0"), ([2, -4, 1], r"widths\[1\] is -4"),
    ([2, 3.5, 1], r"widths\[1\] is 3.5"), ([2, 20, None], r"widths\[2\]"),
])
def test_widths_other_than_two_or_more_positive_whole_numbers_are_refused(widths, message):
    with pytest.raises(ValueError, match=message):
        MLP(widths)


def test_unknown_functions_are_refused_with_the_known_names():
    with pytest.raises(ValueError, match="'relu6'.*sigmoid, sin, softplus, swish, tanh"):
        MLP([2, 1], "relu6")
    with pytest.raises(ValueError, match="output is 'positive'.*exp, identity, sigmoid, softplus"):
        MLP([2, 1], output="positive")
    with pytest.raises(ValueError, match="function is 'sin'"):
        Transform("sin")
    with pytest.raises(ValueError, match="activation is None"):
        MLP([2, 1], None)


def test_bounds_out_of_order_and_degenerate_scales_are_refused():
    with pytest.raises(ValueError, match="lower < upper"):
        transform.bounded(2.0, 2.0)
    with pytest.raises(ValueError, match="scale is 0"):
        Transform("exp", scale=0.0)
    with pytest.raises(ValueError, match="shift"):
        transform.softplus(floor=np.nan)


def test_parameters_of_another_length_are_refused_with_both_lengths():
    net, x = MLP([2, 3, 1]), np.zeros((4, 2))
    for evaluate in (net.at, net.tensorflow, net):
        with pytest.raises(ValueError, match=r"\(12,\).*\(13,\)"):
            evaluate(np.zeros(12), x)
    with pytest.raises(ValueError, match=r"\(1, 13\).*\(13,\)"):
        net.unravel(np.zeros((1, 13)))


def test_parameters_or_points_that_are_not_finite_are_refused():
    net, x = MLP([2, 3, 1]), np.zeros((4, 2))
    params = np.zeros(13)
    params[5] = np.nan
    with pytest.raises(ValueError, match="params.*index 5"):
        net.at(params, x)
    x[3, 1] = np.inf
    with pytest.raises(ValueError, match=r"x.*\(3, 1\)"):
        net.at(np.zeros(13), x)


def test_points_of_another_shape_are_refused_with_the_remedy():
    net = MLP([2, 3, 1])
    for evaluate in (net.at, net.tensorflow, net):
        with pytest.raises(ValueError, match=r"x has shape \(4, 3\); expected \(q, 2\)"):
            evaluate(np.zeros(13), np.zeros((4, 3)))
        with pytest.raises(ValueError, match=r"x has shape \(2,\)"):
            evaluate(np.zeros(13), np.zeros(2))
    with pytest.raises(ValueError, match=r"x\[:, None\]"):
        MLP([1, 1]).at(np.zeros(2), np.zeros(5))


def test_single_precision_gives_the_value_at_the_rounded_numbers():
    net = MLP([2, 5, 1])
    params = net.init(seed=0).astype(np.float32)
    x = np.random.default_rng(0).random((7, 2)).astype(np.float32)
    wide = net.at(params.astype(float), x.astype(float)).value
    for value in (net.at(params, x).value, net.tensorflow(params, x).numpy(),
                  net(params, x).numpy()):
        assert value.dtype == np.float64
        np.testing.assert_allclose(value, wide, rtol=0, atol=1e-15)


def test_any_memory_layout_gives_the_same_value_and_is_not_written_to():
    net = MLP([2, 5, 1])
    params, x = net.init(seed=0), np.random.default_rng(0).random((7, 2))
    expected = net.at(params, x).value
    frozen = params.copy()
    frozen.flags.writeable = False
    for p, points in [(frozen, np.asfortranarray(x)), (list(params), x.tolist()),
                      (params.astype(">f8"), np.repeat(x, 2, axis=0)[::2]),
                      (tf.Variable(params), tf.constant(x))]:
        np.testing.assert_array_equal(net.at(p, points).value, expected)
        np.testing.assert_allclose(net.tensorflow(p, points), expected, rtol=0, atol=1e-15)


def test_a_point_keeps_its_values_when_the_arrays_it_was_given_change():
    net = MLP([2, 5, 1])
    params, x = net.init(seed=0), np.random.default_rng(0).random((7, 2))
    point = net.at(params, x)
    before = point.pullback(np.ones((7, 1)))[0]
    params += 1.0
    x += 1.0
    np.testing.assert_array_equal(point.pullback(np.ones((7, 1)))[0], before)


def test_restored_networks_are_equal_and_give_equal_values():
    net = MLP([2, 5, 1], "swish", transform.softplus(floor=0.1))
    restored = pickle.loads(pickle.dumps(net))
    params, x = net.init(seed=0), np.random.default_rng(0).random((7, 2))
    assert restored == net
    np.testing.assert_array_equal(restored.at(params, x).value, net.at(params, x).value)


def test_overflow_of_the_output_is_a_failed_trial_that_names_the_point():
    net, x = MLP([1, 1], output="exp"), np.array([[0.0], [1.0], [1000.0], [2000.0]])
    with pytest.raises(NotFinite, match="at point 2.*2 of 4"):
        net.at([1.0, 0.0], x)
    assert issubclass(NotFinite, TrialFailure)


def test_outputs_stay_positive_or_bounded_for_any_weights():
    x = np.array([[-1e6], [-50.0], [50.0], [1e6]])
    floor = MLP([1, 1], output=transform.softplus(floor=0.5)).at([1.0, 0.0], x).value
    assert (floor >= 0.5).all() and np.isfinite(floor).all()
    small = MLP([1, 1], output=transform.softplus()).at([1.0, 0.0], x).value
    np.testing.assert_allclose(small[1], np.exp(-50), rtol=1e-15)      # no digits are lost
    between = MLP([1, 1], output=transform.bounded(2.0, 3.0)).at([1.0, 0.0], x).value
    assert (between >= 2).all() and (between <= 3).all()


def test_a_call_outside_a_problem_is_the_tensorflow_network():
    net = MLP([2, 5, 2])
    params, x = net.init(seed=0), np.random.default_rng(0).random((7, 2))
    np.testing.assert_array_equal(net(params, x), net.tensorflow(params, x))


def test_the_node_of_a_network_states_shape_and_value():
    net = MLP([2, 5, 2])
    node, params, x = NetworkNode(net), net.init(seed=0), np.ones((7, 2))
    assert node.output_shape((net.size,), (7, 2)) == (7, 2)
    assert node.output_shape((None,), (None, 2)) == (None, 2)
    np.testing.assert_allclose(node.evaluate(params, x).value, node.tensorflow(params, x),
                               rtol=0, atol=1e-15)
    with pytest.raises(ValueError, match="x has shape"):
        node.output_shape((net.size,), (7, 3))
