"""Recurrences: values and derivatives against plain loops, inputs, segments, faults."""
import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

import pcl

A = np.array([[0.9, -0.2], [0.3, 0.7]])


def loop(step, state, rows):
    """What a scan computes, as a Python loop."""
    states = []
    for row in rows:
        state = step(state, *row)
        states.append(state)
    return states


def agree(loss_by_scan, loss_by_loop, blocks):
    """Value, gradient and Hessian of both; slopes, products and the backward direction of the scan."""
    a, b = pcl.Problem(loss_by_scan, blocks), pcl.Problem(loss_by_loop, blocks)
    theta = a.theta0
    H = b.hessian(theta)
    np.testing.assert_allclose(a.value(theta), b.value(theta), rtol=1e-13)
    np.testing.assert_allclose(a.gradient(theta), b.gradient(theta), rtol=1e-11, atol=1e-13)
    for mode in ("forward", "backward"):
        np.testing.assert_allclose(a.hessian(theta, mode=mode), H, rtol=1e-10,
                                   atol=1e-12 * np.abs(H).max())
    v = np.random.default_rng(0).normal(size=a.size)
    np.testing.assert_allclose(a.hvp(theta, v), H @ v, rtol=1e-10, atol=1e-12 * np.abs(H).max())
    assert pcl.check_hessian(a).ok


def test_geometric_sequence_has_the_derivatives_of_a_power():
    problem = pcl.Problem(lambda th: pcl.scan(lambda s: s * th["q"], 1.0, n_steps=7, keep=[7])[0],
                          {"q": 0.9})
    q = np.array([0.9])
    np.testing.assert_allclose(problem.value(q), 0.9 ** 7, rtol=1e-14)
    np.testing.assert_allclose(problem.gradient(q), [7 * 0.9 ** 6], rtol=1e-13)
    np.testing.assert_allclose(problem.hessian(q), [[42 * 0.9 ** 5]], rtol=1e-13)


def test_runge_kutta_with_a_network_as_the_rate():
    net, h = pcl.MLP([2, 4, 2]), 0.1

    def rate(theta, u):
        return net(theta["net"], tf.reshape(u, (1, 2)))[0] - u

    def step(theta, u):
        k1 = rate(theta, u)
        k2 = rate(theta, u + h / 2 * k1)
        k3 = rate(theta, u + h / 2 * k2)
        k4 = rate(theta, u + h * k3)
        return u + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def by_scan(theta):
        return tf.reduce_sum(pcl.scan(lambda u: step(theta, u), theta["u0"], n_steps=2) ** 2)

    def by_loop(theta):
        states = loop(lambda u: step(theta, u), theta["u0"], [()] * 2)
        return tf.add_n([tf.reduce_sum(u ** 2) for u in states])
    agree(by_scan, by_loop, {"net": net.init(0), "u0": np.array([1.0, -0.5])})


@pytest.mark.parametrize("memory", [10 ** 9, 1])
def test_inputs_that_are_parameters_and_a_state_of_two_tensors(memory):
    matrix = pcl.SparseMatrix.from_scipy(sp.csr_array(A))
    weights = np.linspace(1.0, 2.0, 6)

    def step(theta, state, force, weight):
        u, total = state
        u = pcl.solve(matrix * theta["a"][0], u + force) * weight
        return u, total + tf.reduce_sum(u ** 2)[None]

    def by_scan(theta):
        u, total = pcl.scan(lambda s, *rows: step(theta, s, *rows), (theta["u0"], np.zeros(1)),
                            (theta["f"], weights), keep=[0, 3, 6], memory=memory)
        return tf.reduce_sum(u ** 3) + total[0, 2] + total[0, 1] ** 2

    def by_loop(theta):
        rows = [(theta["f"][k], weights[k]) for k in range(6)]
        states = loop(lambda s, *row: step(theta, s, *row), (theta["u0"], tf.zeros(1, tf.float64)), rows)
        kept = [theta["u0"], states[2][0], states[5][0]]
        return (tf.add_n([tf.reduce_sum(u ** 3) for u in kept]) + states[5][1][0] + states[2][1][0] ** 2)
    f = np.random.default_rng(1).normal(size=(6, 2))
    agree(by_scan, by_loop, {"a": np.array([1.7]), "u0": np.array([0.5, 1.0]), "f": f})


def test_what_does_not_change_from_step_to_step_is_computed_once():
    net = pcl.MLP([1, 3, 1])
    x = np.linspace(0, 1, 4)[:, None]

    def by_scan(theta):
        states = pcl.scan(lambda u: u * net(theta["net"], x)[:, 0], np.ones(4), n_steps=3)
        return tf.reduce_sum(states ** 2)

    def by_loop(theta):
        states = loop(lambda u: u * net(theta["net"], x)[:, 0], tf.ones(4, tf.float64), [()] * 3)
        return tf.add_n([tf.reduce_sum(u ** 2) for u in states])
    agree(by_scan, by_loop, {"net": net.init(0)})
    problem = pcl.Problem(by_scan, {"net": net.init(0)})
    scan = problem.at(problem.theta0).points[-1]
    assert not scan.call.step.calls


def test_a_network_of_the_points_is_carried_by_few_columns():
    """400 points, 281 parameters: the Hessian through the low rank is that of the loop, to rounding."""
    net = pcl.MLP([1, 15, 15, 1], output=pcl.softplus(floor=0.5))
    x = np.linspace(-1, 1, 400)[:, None]
    mean = pcl.LinearMap(sp.diags_array([0.25, 0.5, 0.25], offsets=[-1, 0, 1], shape=(400, 400)).tocsr())

    def step(kappa, u):
        return u + 0.1 * kappa * (mean @ u - u) + 0.01

    def by_scan(theta):
        kappa = net(theta["net"], x)[:, 0]
        states = pcl.scan(lambda u: step(kappa, u), np.sin(3 * x[:, 0]), n_steps=4, keep=[2, 4])
        return tf.reduce_sum(states ** 2)

    def by_loop(theta):
        kappa = net(theta["net"], x)[:, 0]
        states = loop(lambda u: step(kappa, u), tf.constant(np.sin(3 * x[:, 0])), [()] * 4)
        return tf.reduce_sum(states[1] ** 2) + tf.reduce_sum(states[3] ** 2)
    a, b = pcl.Problem(by_scan, {"net": net.init(0)}), pcl.Problem(by_loop, {"net": net.init(0)})
    H = b.hessian(a.theta0)
    np.testing.assert_allclose(a.hessian(a.theta0, mode="forward"), H, atol=1e-12 * np.abs(H).max())


def test_low_rank_factors_reproduce_each_array_to_rounding():
    from pcl.engine.second.low_rank import low_rank
    rng = np.random.default_rng(0)
    right = rng.normal(size=(20, 120)) * np.logspace(0, -12, 20)[:, None] * np.logspace(0, 6, 120)
    arrays = [rng.normal(size=(300, 20)) @ right, 1e9 * rng.normal(size=(50, 20)) @ right]
    lefts, R = low_rank(arrays)
    assert R.shape[0] <= 60
    for X, U in zip(arrays, lefts):
        error = np.linalg.norm(U @ R - X, axis=0)
        assert np.all(error <= 1e-13 * np.linalg.norm(X) / np.linalg.norm(X, axis=0).max()
                      * np.linalg.norm(np.concatenate([X]), axis=0) + 1e-13 * np.linalg.norm(X, axis=0))
    assert low_rank([rng.normal(size=(200, 120))]) is None


def test_eager_scans_watched_by_a_tape_have_gradients():
    q = tf.constant(0.9, tf.float64)
    unwatched = pcl.scan(lambda s: s * q, 1.0, n_steps=4)
    with tf.GradientTape() as tape:
        tape.watch(q)
        watched = pcl.scan(lambda s: s * q, 1.0, n_steps=4)
        last = watched[-1]
    np.testing.assert_allclose(unwatched, watched, rtol=1e-15)
    np.testing.assert_allclose(tape.gradient(last, q), 4 * 0.9 ** 3, rtol=1e-14)


@pytest.mark.parametrize("options, words", [
    (dict(), "number of steps"), (dict(n_steps=0), "n_steps"), (dict(n_steps=2, keep=[3]), "keep"),
    (dict(n_steps=2, keep=[2, 1]), "keep"), (dict(n_steps=2, keep=[]), "keep"),
    (dict(n_steps=2, keep=[0.5]), "keep"), (dict(n_steps=3, inputs=(np.ones(2),)), "number of steps"),
    (dict(inputs=(np.ones(2), np.ones(3))), "number of"),
    (dict(n_steps=2, kept=(1,)), "kept"), (dict(n_steps=2, memory=0), "memory")])
def test_wrong_arguments_are_refused(options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        pcl.scan(lambda s, *rows: s, np.ones(2), **options)


@pytest.mark.parametrize("step", [lambda s: s[:1], lambda s: tf.cast(s, tf.float32), lambda s: (s, s),
                                  lambda s: np.ones(2)])
def test_a_step_that_returns_no_state_is_refused(step):
    with pytest.raises(ValueError, match="state"):
        pcl.scan(step, np.ones(2), n_steps=2)


def test_a_scan_inside_a_scan_and_leaks_are_refused():
    def nested(theta):
        def inner(s):
            return pcl.scan(lambda r: r * theta["q"], s, n_steps=2, keep=[2])[0]
        return tf.reduce_sum(pcl.scan(inner, 1.0, n_steps=2))
    with pytest.raises(ValueError, match="inside the step of another scan"):
        pcl.Problem(nested, {"q": 0.9})
    leaked = []

    def leaking(theta):
        def step(s):
            leaked.append(s * theta["q"])
            return leaked[-1]
        return tf.reduce_sum(pcl.scan(step, np.ones(2), n_steps=2)) + tf.reduce_sum(leaked[-1])
    with pytest.raises(ValueError, match="used outside"):
        pcl.Problem(leaking, {"q": 0.9})


def test_sensitivities_between_two_equal_products_change_nothing():
    problem = pcl.Problem.from_residuals(
        lambda theta: pcl.march(pcl.FirstOrder(residual=lambda u, t: theta["a"] * u ** 2), [1.0],
                                np.linspace(0.0, 1.0, 6), "backward-euler")[:, -1] - 0.3, {"a": 2.0})
    theta, v = problem.theta0, np.ones(1)
    first = problem.hvp(theta, v)
    problem.jacobian(theta)
    np.testing.assert_array_equal(problem.hvp(theta, v), first)
