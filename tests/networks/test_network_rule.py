"""First and second derivatives of networks against TensorFlow, closed forms and each other."""

import functools
import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
from oracles import by_tapes

from pcl.networks import transform
from pcl.networks.mlp import MLP
from pcl.networks.transform import Transform

# (widths, activation, output, points, points per block)
CASES = [
    ([2, 5, 4, 3, 1], "tanh", None, 13, 4),                       # q not a multiple of the block
    ([2, 5, 4, 3, 1], "sigmoid", None, 12, 4),
    ([2, 5, 4, 3, 1], "softplus", None, 13, 5),
    ([2, 5, 4, 3, 1], "swish", None, 13, None),
    ([2, 5, 4, 3, 1], "sin", None, 13, 4),
    ([2, 5, 4, 3, 2], "swish", transform.softplus(floor=0.1), 9, 4),  # several outputs
    ([3, 4, 4, 3], "tanh", None, 9, 4),
    ([2, 6, 1], "tanh", "exp", 7, 3),                             # one hidden layer
    ([2, 6, 3], "sin", transform.bounded(-1.0, 2.0), 7, 3),
    ([2, 1], "tanh", None, 7, 3),                                 # no hidden layer: linear
    ([3, 2], "tanh", "softplus", 7, 3),
    ([1, 4, 1], "tanh", None, 1, None),                           # a single point
    ([2, 1, 1, 1, 1], "tanh", "sigmoid", 5, 2),                   # width 1
    ([2, 3, 4, 5, 4, 3, 2], "softplus", Transform("exp", -0.5, 1.0), 5, 2),    # deep
]
IDS = [f"{'-'.join(map(str, w))} {a} q={q} block={b}" for w, a, _, q, b in CASES]


class Sample:
    """A network at a random point, with a random adjoint and random directions."""

    def __init__(self, widths, activation, output, q, block):
        rng = np.random.default_rng(3)
        self.net = MLP(widths, activation, output)
        self.params = self.net.init(seed=1) + 0.1 * rng.standard_normal(self.net.size)
        self.x = rng.standard_normal((q, widths[0]))
        self.adjoint = rng.standard_normal((q, widths[-1]))
        self.params_dot = rng.standard_normal(self.net.size)
        self.x_dot = rng.standard_normal(self.x.shape)
        self.point = self.net.at(self.params, self.x, block)

    @functools.cached_property
    def joint(self):
        """s(params, x) = ⟨adjoint, y⟩: its full Hessian by nested tapes, (p + q d, p + q d)."""
        p = self.net.size

        def s(v):
            y = self.net.tensorflow(v[:p], tf.reshape(v[p:], self.x.shape))
            return tf.reduce_sum(self.adjoint * y)
        return by_tapes(s, np.concatenate([self.params, self.x.ravel()]))[1:]

    def jacobians(self):
        """∂y/∂params (q m, p) and ∂y/∂x (q, m, q, d) by tapes."""
        params, x = tf.constant(self.params), tf.constant(self.x)
        with tf.GradientTape() as tape:
            tape.watch([params, x])
            y = self.net.tensorflow(params, x)
        by_params, by_x = tape.jacobian(y, [params, x])
        return by_params.numpy().reshape(-1, self.net.size), by_x.numpy()


@pytest.fixture(params=CASES, ids=IDS, scope="module")
def sample(request):
    return Sample(*request.param)


def close(given, expected, scale=None):
    """Equal to 1e-13 of the largest entry: sums of a few hundred terms, each rounded to 1e-16."""
    scale = np.abs(expected).max() if scale is None else scale
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-13 * max(scale, 1.0))


def rows(blocks):
    """The blocks of rows stacked, after checking that their ranges follow one another."""
    ranges, pieces = [], []
    for start, stop, piece in blocks:
        ranges.append((start, stop))
        pieces.append(piece)
    assert all(a[1] == b[0] for a, b in zip(ranges, ranges[1:])) and ranges[0][0] == 0
    return np.vstack(pieces)


# Closed forms ------------------------------------------------------------------------------------

def test_curvature_of_one_tanh_unit_is_the_formula():
    # y = v tanh(w x + b) + c; with t = tanh, s = 1 − t²:
    # second derivatives: ww −2 v t s x², wb −2 v t s x, bb −2 v t s, wv s x, bv s, else 0
    w, b, v, c, x = 0.7, -0.2, 1.3, 0.4, 0.9
    t = np.tanh(w * x + b)
    s = 1 - t * t
    expected = np.array([[-2 * v * t * s * x * x, -2 * v * t * s * x, s * x, 0],
                         [-2 * v * t * s * x, -2 * v * t * s, s, 0],
                         [s * x, s, 0, 0],
                         [0, 0, 0, 0]])
    point = MLP([1, 1, 1]).at([w, b, v, c], [[x]])
    np.testing.assert_allclose(point.curvature([[1.0]]), expected, rtol=0, atol=1e-15)
    np.testing.assert_allclose(point.pullback([[1.0]])[0], [v * s * x, v * s, t, 1], atol=1e-15)
    np.testing.assert_allclose(point.input_jacobian(), [[[v * s * w]]], atol=1e-15)
    np.testing.assert_allclose(point.input_curvature([[1.0]]), [[[-2 * v * t * s * w * w]]],
                               atol=1e-15)


def test_a_linear_network_has_no_curvature():
    sample = Sample([3, 2], "tanh", None, 4, None)
    assert not sample.point.curvature(sample.adjoint).any()
    assert not sample.point.input_curvature(sample.adjoint).any()


# Against nested tapes ----------------------------------------------------------------------------

def test_value_is_that_of_the_tensorflow_network(sample):
    close(sample.point.value, sample.net.tensorflow(sample.params, sample.x).numpy())


def test_pullback_is_the_gradient_by_tapes(sample):
    p = sample.net.size
    gradient, _ = sample.joint
    params_bar, x_bar = sample.point.pullback(sample.adjoint, inputs=True)
    close(params_bar, gradient[:p])
    close(x_bar.ravel(), gradient[p:])
    assert sample.point.pullback(sample.adjoint)[1] is None


def test_jacobians_are_those_of_tapes(sample):
    by_params, by_x = sample.jacobians()
    close(rows(sample.point.jacobian_blocks()), by_params)
    points = np.arange(len(sample.x))
    close(sample.point.input_jacobian(), by_x[points, :, points, :])


def test_curvature_is_the_hessian_by_nested_tapes(sample):
    p = sample.net.size
    close(sample.point.curvature(sample.adjoint), sample.joint[1][:p, :p])


def test_input_and_mixed_curvature_are_blocks_of_the_joint_hessian(sample):
    p, (q, d) = sample.net.size, sample.x.shape
    _, hessian = sample.joint
    close(rows(sample.point.mixed_curvature_blocks(sample.adjoint)), hessian[p:, :p])
    by_points = hessian[p:, p:].reshape(q, d, q, d)
    close(sample.point.input_curvature(sample.adjoint), by_points[np.arange(q), :, np.arange(q)])


@pytest.mark.parametrize("along", ["params", "inputs", "both"])
def test_curvature_product_is_the_joint_hessian_times_the_direction(sample, along):
    p = sample.net.size
    params_dot = None if along == "inputs" else sample.params_dot
    x_dot = None if along == "params" else sample.x_dot
    direction = np.concatenate([np.zeros(p) if params_dot is None else params_dot,
                                np.zeros(sample.x.size) if x_dot is None else x_dot.ravel()])
    expected = sample.joint[1] @ direction
    params_out, x_out = sample.point.curvature_product(sample.adjoint, params_dot, x_dot)
    close(params_out, expected[:p])
    close(x_out.ravel(), expected[p:])


# Identities --------------------------------------------------------------------------------------

def test_curvature_is_symmetric_to_the_last_bit(sample):
    H = sample.point.curvature(sample.adjoint)
    np.testing.assert_array_equal(H, H.T)


def test_curvature_times_a_direction_is_the_curvature_product(sample):
    H = sample.point.curvature(sample.adjoint)
    close(sample.point.curvature_product(sample.adjoint, sample.params_dot)[0],
          H @ sample.params_dot)


def test_pullback_is_the_adjoint_of_pushforward(sample):
    # ⟨ȳ, J v⟩ = ⟨Jᵀ ȳ, v⟩ in parameters and inputs together
    y_dot = sample.point.pushforward(sample.params_dot, sample.x_dot)
    params_bar, x_bar = sample.point.pullback(sample.adjoint, inputs=True)
    close(np.sum(sample.adjoint * y_dot),
          params_bar @ sample.params_dot + np.sum(x_bar * sample.x_dot))


def test_pushforward_is_the_jacobian_times_the_direction(sample):
    J = rows(sample.point.jacobian_blocks())
    close(sample.point.pushforward(sample.params_dot).ravel(), J @ sample.params_dot)
    close(sample.point.pushforward(x_dot=sample.x_dot),
          np.einsum("qmd,qd->qm", sample.point.input_jacobian(), sample.x_dot))


def test_pushforward_is_the_limit_of_differences(sample):
    h, net = 1e-6, sample.net
    plus = net.at(sample.params + h * sample.params_dot, sample.x + h * sample.x_dot).value
    minus = net.at(sample.params - h * sample.params_dot, sample.x - h * sample.x_dot).value
    y_dot = sample.point.pushforward(sample.params_dot, sample.x_dot)
    # truncation h² ≈ 1e-12 times third derivatives, rounding 1e-16/h
    np.testing.assert_allclose((plus - minus) / (2 * h), y_dot, rtol=0,
                               atol=1e-7 * max(1.0, np.abs(y_dot).max()))


def test_curvature_is_additive_over_points(sample):
    half = len(sample.x) // 2
    parts = [sample.net.at(sample.params, sample.x[s]).curvature(sample.adjoint[s])
             for s in (slice(0, half), slice(half, None)) if len(sample.x[s])]
    close(sum(parts), sample.point.curvature(sample.adjoint))


# Blocks of points --------------------------------------------------------------------------------

@pytest.mark.parametrize("block", [1, 3, 64, 500, 1000])
def test_results_do_not_depend_on_the_block_size(block):
    one = Sample([2, 6, 5, 2], "tanh", "softplus", 500, 500)
    other = one.net.at(one.params, one.x, block)
    for name in ("curvature", "input_curvature"):
        close(getattr(other, name)(one.adjoint), getattr(one.point, name)(one.adjoint))
    close(other.value, one.point.value)
    close(other.pullback(one.adjoint)[0], one.point.pullback(one.adjoint)[0])
    close(other.pushforward(one.params_dot), one.point.pushforward(one.params_dot))
    close(other.curvature_product(one.adjoint, one.params_dot, one.x_dot)[0],
          one.point.curvature_product(one.adjoint, one.params_dot, one.x_dot)[0])


@pytest.mark.parametrize("asked", [1, 4, 7, 100])
def test_row_blocks_of_any_size_stack_to_the_same_matrix(asked):
    sample = Sample([2, 5, 4, 2], "swish", "softplus", 13, 4)
    J, X = (rows(b) for b in (sample.point.jacobian_blocks(),
                              sample.point.mixed_curvature_blocks(sample.adjoint)))
    blocks = list(sample.point.jacobian_blocks(asked))
    assert max(stop - start for start, stop, _ in blocks) == min(asked, 13)
    close(rows(blocks), J)
    close(rows(sample.point.mixed_curvature_blocks(sample.adjoint, asked)), X)


def test_repeated_evaluation_gives_the_same_bits():
    sample = Sample([2, 20, 20, 1], "tanh", None, 3000, None)
    first = sample.point.curvature(sample.adjoint)
    np.testing.assert_array_equal(sample.point.curvature(sample.adjoint), first)
    again = sample.net.at(sample.params, sample.x)
    np.testing.assert_array_equal(again.curvature(sample.adjoint), first)


def test_memory_of_the_curvature_does_not_grow_with_the_points():
    def peak(q):
        sample = Sample([2, 20, 20, 20, 1], "tanh", None, q, None)
        tracemalloc.start()
        sample.point.curvature(sample.adjoint)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak
    small, large = peak(2_000), peak(20_000)
    # the Hessian (7 MB), the sums it is gathered from and the workspace of one block of points
    assert large < 50e6
    assert large < small + 18_000 * 8 * 4       # the adjoint's copy and its finiteness mask


# Extremes ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturated_weights_have_finite_vanishing_derivatives(activation):
    net = MLP([2, 6, 5, 1], activation)
    rng = np.random.default_rng(0)
    params = 1e6 * rng.standard_normal(net.size)
    point = net.at(params, rng.standard_normal((8, 2)))
    H = point.curvature(np.ones((8, 1)))
    gradient = point.pullback(np.ones((8, 1)))[0]
    assert np.isfinite(point.value).all() and np.isfinite(H).all()
    hidden = net.size - 6                          # all but the last layer, which is linear
    assert not gradient[:hidden].any() and not H.any()


@pytest.mark.parametrize("activation", ["softplus", "swish", "sin"])
@pytest.mark.parametrize("output", ["softplus", "sigmoid", None])
def test_enormous_weights_give_finite_derivatives(activation, output):
    net = MLP([2, 6, 5, 1], activation, output)
    rng = np.random.default_rng(0)
    point = net.at(1e6 * rng.standard_normal(net.size), rng.standard_normal((8, 2)))
    for array in (point.value, point.curvature(np.ones((8, 1))),
                  point.pullback(np.ones((8, 1)))[0]):
        assert np.isfinite(array).all()


def test_inputs_of_order_one_million_are_accepted():
    net = MLP([2, 6, 1])
    point = net.at(net.init(seed=0), 1e6 * np.random.default_rng(0).standard_normal((8, 2)))
    assert np.isfinite(point.value).all() and np.isfinite(point.curvature(np.ones((8, 1)))).all()


def test_no_points_give_empty_values_and_zero_sums():
    net = MLP([2, 6, 1])
    point = net.at(net.init(seed=0), np.zeros((0, 2)))
    assert point.value.shape == (0, 1)
    assert not point.pullback(np.zeros((0, 1)))[0].any()
    assert not point.curvature(np.zeros((0, 1))).any()


def test_adjoints_and_directions_of_another_shape_are_refused():
    sample = Sample([2, 5, 2], "tanh", None, 7, None)
    point = sample.point
    with pytest.raises(ValueError, match=r"adjoint has shape \(7,\); expected \(7, 2\)"):
        point.pullback(np.ones(7))
    with pytest.raises(ValueError, match=r"adjoint has shape \(2, 7\)"):
        point.curvature(np.ones((2, 7)))
    with pytest.raises(ValueError, match="params_dot has shape"):
        point.pushforward(params_dot=np.ones(3))
    with pytest.raises(ValueError, match=r"x_dot has shape \(7, 1\)"):
        point.curvature_product(sample.adjoint, x_dot=np.ones((7, 1)))
    with pytest.raises(ValueError, match="both None"):
        point.pushforward()
    with pytest.raises(ValueError, match="block is 0"):
        list(point.jacobian_blocks(0))
