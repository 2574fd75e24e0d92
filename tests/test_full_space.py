"""States as unknowns: solves are equations of a nonlinear program, quantities have limits."""
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

import fem
import pcl

N = 12
V = fem.Space(fem.interval(N))
X = np.linspace(0.0, 1.0, N + 1)
TARGET = np.sin(np.pi * X)


def source(t):
    """−u'' = q, u = 0 at the ends; q one value a node."""
    u = fem.solve(V.laplace(), V.mass() @ t["q"], 0.0)
    return tf.reduce_sum((u - TARGET)**2) + 1e-3 * tf.reduce_sum(t["q"]**2), {"u": u}


def source_by_scipy(limit):
    """The same from matrices written by hand, by sequential quadratic programming."""
    h = 1.0 / N
    K = (2.0 * np.eye(N - 1) - np.eye(N - 1, k=1) - np.eye(N - 1, k=-1)) / h
    M = h / 6.0 * (4.0 * np.eye(N + 1) + np.eye(N + 1, k=1) + np.eye(N + 1, k=-1))[1:-1]
    S = np.zeros((N + 1, N + 1))
    S[1:-1] = np.linalg.solve(K, M)
    return scipy.optimize.minimize(
        lambda q: np.sum((S @ q - TARGET)**2) + 1e-3 * q @ q, np.zeros(N + 1), method="SLSQP",
        jac=lambda q: 2.0 * S.T @ (S @ q - TARGET) + 2e-3 * q, options={"ftol": 1e-15, "maxiter": 500},
        constraints={"type": "ineq", "fun": lambda q: limit - (S @ q)[1:-1], "jac": lambda q: -S[1:-1]})


def conduction(t):
    """−(e^k u')' + u³ = q, nonlinear in u, and an exponential of θ."""
    u = fem.solve_nonlinear(V, lambda u, du, x: (u**3 - 20.0 * t["q"], tf.exp(t["k"]) * du),
                            dirichlet=0.0)
    w = fem.solve(V.laplace(), V.mass() @ (u**2), 0.0)
    return (tf.reduce_sum((u - TARGET)**2) + tf.reduce_sum((w - 0.1)**2) + 0.01 * t["k"]**2
            + 0.01 * t["q"]**2), {"u": u, "peak": tf.reduce_sum(u**4)}


START = {"k": 0.3, "q": 0.4}


def test_a_limited_state_is_where_quadratic_programming_puts_it():
    found = pcl.FullSpace(source, {"q": np.zeros(N + 1)}).minimize(
        limits={"u": (None, 0.5)}, tol=1e-10)
    oracle = source_by_scipy(0.5)
    u, mu = found.quantities["u"], found.multipliers["u"]
    assert found.success and oracle.success
    assert abs(found.fun - oracle.fun) < 2e-8 * found.multipliers["u"].sum()     # limits hold to 1e-8
    np.testing.assert_allclose(found.x, oracle.x, atol=1e-5)
    assert u.max() < 0.5 + 1e-8 and u.max() > 0.5 - 1e-7
    assert mu.min() > -1e-8 and np.abs(mu * (u - 0.5)).max() < 1e-8 * mu.max()


def test_full_and_reduced_space_have_one_minimiser_and_one_hessian():
    space = pcl.FullSpace(conduction, START)
    found = space.minimize(tol=1e-11)
    problem = pcl.Problem(lambda t: conduction(t)[0], START)
    reduced = pcl.minimize(problem, "newton-trust-region", gtol=1e-12)
    np.testing.assert_allclose(found.x, reduced.x, atol=1e-8)
    np.testing.assert_allclose(found.fun, reduced.fun, rtol=1e-10)
    np.testing.assert_allclose(space.reduced_hessian(found), problem.hessian(found.x),
                               rtol=1e-6, atol=1e-7)


NET = pcl.MLP([1, 3, 1])


def learned(t):
    """−u'' + N(u) = 10 with a network N."""
    u = fem.solve_nonlinear(V, lambda u, du, x: (NET(t["net"], tf.reshape(u, [-1, 1]))[:, 0] - 10.0, du),
                            dirichlet=0.0)
    return tf.reduce_sum((u - TARGET)**2), {"u": u}


@pytest.mark.parametrize("model, blocks", [
    (learned, {"net": NET.init(seed=1)}), (source, {"q": np.ones(N + 1)}), (conduction, START)])
def test_gradient_jacobian_and_hessian_are_those_of_differences(model, blocks):
    space, rng = pcl.FullSpace(model, blocks), np.random.default_rng(3)
    x = space.start() + 0.1 * rng.normal(size=space.size)
    point, direction = space.at(x), rng.normal(size=space.size)
    lam, h = rng.normal(size=point.rows.size), 1e-5
    ahead, behind = space.at(x + h * direction), space.at(x - h * direction)

    def gradient(p):
        return 0.7 * p.gradient() + p.jacobian.T @ lam
    np.testing.assert_allclose(point.gradient() @ direction, (ahead.value - behind.value) / (2 * h),
                               rtol=1e-6)
    np.testing.assert_allclose(point.jacobian @ direction, (ahead.rows - behind.rows) / (2 * h),
                               atol=1e-6)
    np.testing.assert_allclose(point.hessian(lam, 0.7) @ direction,
                               (gradient(ahead) - gradient(behind)) / (2 * h), rtol=1e-5, atol=1e-5)


def p_laplace(t):
    """−(|u'|² u')' = q: the Jacobian is zero at u = 0, where Newton's method begins."""
    u = fem.solve_nonlinear(V, lambda u, du, x: (
        -t["q"], tf.reduce_sum(du**2, -1, keepdims=True) * du), dirichlet=0.0)
    return tf.reduce_sum((u - 0.3 * TARGET)**2) + 1e-4 * t["q"]**2


def test_a_law_whose_newton_iteration_fails_is_identified():
    """u' = ∛(q (½ − x)) is known in closed form: its states belong to its q."""
    with pytest.raises((pcl.TrialFailure, ValueError)):
        pcl.minimize(pcl.Problem(p_laplace, {"q": 1.0}))
    found = pcl.FullSpace(p_laplace, {"q": 1.0}).minimize()
    middle = X[:-1] + 0.5 / N
    closed = np.concatenate([[0.0], np.cumsum(np.cbrt(found.x[0] * (0.5 - middle))) / N])[1:-1]
    assert found.success
    np.testing.assert_allclose(found.state, closed, atol=1e-6)


def test_a_function_of_states_is_limited():
    space = pcl.FullSpace(conduction, START)
    free = space.minimize().quantities["peak"]
    found = space.minimize(limits={"peak": (None, 0.5 * free)}, bounds={"k": (0.0, None)})
    assert found.success and found.theta["k"] > -1e-8
    assert abs(found.quantities["peak"] - 0.5 * free) < 1e-7 and found.multipliers["peak"] > 0.0


def test_limits_that_no_parameter_can_keep_name_a_place():
    space = pcl.FullSpace(source, {"q": np.zeros(N + 1)})
    found = space.minimize(bounds={"q": (-1.0, 1.0)},
                           limits={"u": (np.where(np.arange(N + 1) == 5, 3.0, -np.inf), None)})
    assert not found.success and "u[5]" in found.message


@pytest.mark.parametrize("limits, words", [
    ({"u": (1.0, 0.0)}, "leaves no value at entry 0"), ({"v": (0.0, None)}, "the model returns u"),
    ({"u": (np.zeros(3), None)}, r"expected a number or \(13,\)"), ({"u": 1.0}, "expected a pair"),
    ({"u": (np.nan, 1.0)}, "leaves no value"), ({"u": (0.1, None)}, r"u\[0\] is 0 whatever")])
def test_wrong_limits_are_refused_in_words(limits, words):
    with pytest.raises(ValueError, match=words):
        pcl.FullSpace(source, {"q": np.zeros(N + 1)}).minimize(limits=limits)


def test_a_limit_that_wakes_far_from_the_start_is_not_passed_over():
    def overflow(t):
        u = fem.solve(V.laplace(), V.mass() @ (t["q"] * np.ones(N + 1)), 0.0)
        return tf.reduce_sum((u - 5.0 * TARGET)**2), {"over": tf.nn.relu(tf.reduce_max(u) - 2.0)}
    found = pcl.FullSpace(overflow, {"q": 0.0}).minimize(limits={"over": (None, 0.5)})
    assert not found.success and "over[0] is" in found.message and "outside its limits" in found.message
