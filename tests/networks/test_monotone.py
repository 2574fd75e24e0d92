"""Networks of given sign: what the name promises at every parameter, and derivatives by a second way."""

import numpy as np
import pytest
import tensorflow as tf
from oracles import slope_of_order_six

import pcl
from pcl.networks.words import network_of, words_of

RNG = np.random.default_rng(5)
NETS = [pcl.MonotoneMLP([1, 6, 1], (1,)), pcl.MonotoneMLP([3, 5, 4, 2], (1, -1, 0)),
        pcl.MonotoneMLP([2, 4, 1], (-1, -1), "sigmoid", pcl.bounded(-1.0, 2.0)),
        pcl.MonotoneMLP([2, 4, 3, 1], (0, 1), "softplus", "softplus"),
        pcl.ICNN([3, 5, 4, 1], monotone=(1, -1, 0)), pcl.ICNN([2, 4, 4, 2], "softplus", (0, -1))]


def _signs(net):
    return np.array(net.signs if isinstance(net, pcl.MonotoneMLP) else net.monotone)


@pytest.mark.parametrize("net", NETS, ids=str)
def test_slopes_have_their_signs_whatever_the_parameters(net):
    signs, either = _signs(net), []
    for seed in range(20):
        params = net.init(seed) + RNG.normal(size=net.size)
        slopes = net.at(params, 2.0 * RNG.normal(size=(50, net.n_in))).input_jacobian()
        assert (slopes * signs >= 0.0).all()
        assert np.abs(slopes[:, :, signs != 0]).max() > 1e-3
        either.append(slopes[:, :, signs == 0])
    free = np.concatenate(either)
    assert not free.size or free.min() < 0.0 < free.max()       # the others may do as they like


@pytest.mark.parametrize("net", NETS, ids=str)
def test_values_and_derivatives_are_those_of_tensorflow(net):
    params, x = net.init(1), RNG.normal(size=(4, net.n_in))
    adjoint, at = RNG.normal(size=(4, net.n_out)), net.at(params, x)
    p, a = tf.constant(params), tf.constant(x)
    with tf.GradientTape(persistent=True) as outer:
        outer.watch([p, a])
        with tf.GradientTape() as inner:
            inner.watch([p, a])
            y = net.tensorflow(p, a)
            total = tf.reduce_sum(adjoint * y)
        to_p, to_a = inner.gradient(total, [p, a])
    assert np.allclose(at.value, y, rtol=0, atol=1e-13)
    assert np.allclose(at.pullback(adjoint)[0], to_p, rtol=0, atol=1e-12)
    assert np.allclose(at.curvature(adjoint), outer.jacobian(to_p, p), rtol=0, atol=1e-11)
    mixed = outer.jacobian(to_a, p).numpy().reshape(-1, net.size)
    assert np.allclose(at.mixed_curvature_rows(adjoint, 0, 4), mixed, rtol=0, atol=1e-11)
    bends = outer.batch_jacobian(to_a, a)
    assert np.allclose(at.input_curvature(adjoint), bends, rtol=0, atol=1e-11)


def test_curvature_agrees_with_differences():
    net = NETS[1]
    params, x, d = net.init(2), RNG.normal(size=(5, 3)), RNG.normal(size=net.size)
    adjoint = RNG.normal(size=(5, 2))
    slope = slope_of_order_six(lambda p: net.at(p, x).pullback(adjoint)[0], params, d)
    assert np.allclose(net.at(params, x).curvature(adjoint) @ d, slope, rtol=0, atol=1e-8)


def test_it_is_written_down_and_made_again():
    for net in NETS:
        assert network_of(words_of("the law", net)) == net


def test_signs_and_outputs_that_fall_are_refused():
    with pytest.raises(ValueError, match="signs is .*expected 2 signs"):
        pcl.MonotoneMLP([2, 3, 1], (1,))
    with pytest.raises(ValueError, match="signs is"):
        pcl.MonotoneMLP([1, 3, 1], (2,))
    with pytest.raises(ValueError, match="would fall"):
        pcl.MonotoneMLP([1, 3, 1], (1,), output=pcl.Transform("identity", -1.0))
    with pytest.raises(ValueError, match="monotone is .*expected 2 signs"):
        pcl.ICNN([2, 3, 1], monotone=(1, 0, 1))
