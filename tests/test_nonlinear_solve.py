"""r(u, θ) = 0: values, first and second derivatives of the solution."""

import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl
from test_problem import chain, check_against_tapes


def cubic(theta):
    """u³ + u = θ."""
    return pcl.solve_nonlinear(lambda u: u ** 3 + u - theta, np.ones(1))


def test_cubic_has_the_derivatives_known_by_hand():
    """u³ + u = θ, ℓ = (u − 1)², θ = 10, u = 2: dℓ/dθ = 2/13, d²ℓ/dθ² = 2/2197; at θ = 2 it is 1/8."""
    problem = pcl.Problem(lambda t: tf.reduce_sum((cubic(t["theta"]) - 1.0) ** 2), {"theta": [10.0]})
    theta = problem.theta0
    assert problem.value(theta) == pytest.approx(1.0, abs=1e-12)
    assert problem.gradient(theta)[0] == pytest.approx(2 / 13, abs=1e-12)
    assert problem.hessian(theta)[0, 0] == pytest.approx(2 / 2197, abs=1e-12)
    assert problem.hvp(theta, [1.0])[0] == pytest.approx(2 / 2197, abs=1e-12)
    result = pcl.minimize(problem)
    assert result.x[0] == pytest.approx(2.0, abs=1e-6)
    assert problem.hessian([2.0])[0, 0] == pytest.approx(1 / 8, abs=1e-12)


def test_tapes_through_the_cubic_agree_to_second_order():
    check_against_tapes(lambda t: tf.reduce_sum((cubic(t["theta"]) - 1.0) ** 2), {"theta": [10.0]})


def test_network_of_the_state_inside_the_equation():
    """−(κ(u) u')' = f with κ a network of u, a reaction and a source: all derivatives with tapes."""
    n, net, reaction = 8, pcl.MLP([1, 4, 1], output="softplus"), pcl.MLP([2, 3, 1])
    structure = chain(n)
    average = pcl.LinearMap(np.eye(n + 1, n) * 0.5 + np.eye(n + 1, n, -1) * 0.5)
    nodes = np.linspace(0.0, 1.0, n + 2)[1:-1]

    def loss(theta):
        def equation(u):
            k = net(theta["net"], (average @ u)[:, None])[:, 0] + 0.5
            f = reaction(theta["reaction"], tf.stack([u, tf.constant(nodes)], axis=1))[:, 0]
            return pcl.SparseMatrix.from_structure(structure, k) @ u - theta["scale"] * 20.0 + u ** 3 + f
        u = pcl.solve_nonlinear(equation, np.zeros(n))
        return tf.reduce_sum(tf.sin(u)) + tf.reduce_sum(theta["net"] ** 2)
    check_against_tapes(loss, {"net": net.init(1), "reaction": reaction.init(2), "scale": 1.2})


def test_equation_after_an_equation_and_a_linear_solve():
    n = 6
    structure = chain(n)

    def loss(theta):
        A = pcl.SparseMatrix.from_structure(structure, tf.exp(theta["field"]))
        f = pcl.solve(A, np.ones(n))
        u = pcl.solve_nonlinear(lambda u: A @ u + u ** 3 - f, np.zeros(n))
        v = pcl.solve_nonlinear(lambda v: A @ v + tf.exp(v) * u - 1.0, f)
        return tf.reduce_sum(v ** 2) + tf.reduce_sum(u * v)
    check_against_tapes(loss, {"field": 0.1 * np.arange(n + 1.0)}, rtol=1e-9)


def nonlinear_fem(law, blocks, observed=0.1):
    """−∇·(κ ∇u) = f on an irregular disc, a part of the nodes observed; law(θ, V, u) -> κ, reaction."""
    V = fem.Space(skfem.MeshTri.init_circle(3).smoothed(), "P1")
    rng = np.random.default_rng(0)
    free = V.partition(V.boundary_dofs())
    nodes = rng.choice(free.free, max(3, int(observed * V.n)), replace=False)
    observe = V.observe_nodes(nodes)

    def loss(theta):
        def equation(inner):
            u = free.put_free @ inner
            kappa, reaction = law(theta, V, u)
            r = V.laplace(kappa) @ u - V.load(4.0)
            return free.take_free @ (r if reaction is None else r + V.load(reaction))
        u = free.put_free @ pcl.solve_nonlinear(equation, np.zeros(len(free.free)))
        return tf.reduce_sum((observe @ u - 0.3) ** 2)
    return pcl.Problem(loss, blocks)


NET = pcl.MLP([1, 6, 6, 1], output=pcl.softplus(floor=0.3))
OTHER = pcl.MLP([1, 5, 1])


def of_the_state(theta, V, u):
    return NET(theta["net"], V.interpolate(u)[:, None])[:, 0], None


def of_the_gradient(theta, V, u):
    slope = tf.reduce_sum(V.gradient(u) ** 2, axis=1)
    return NET(theta["net"], slope[:, None])[:, 0], None


def with_reaction(theta, V, u):
    value = V.interpolate(u)
    return 1.0 + value ** 2, value ** 3 + NET(theta["net"], value[:, None])[:, 0]


def two_networks(theta, V, u):
    value = V.interpolate(u)[:, None]
    return NET(theta["net"], value)[:, 0], OTHER(theta["other"], value)[:, 0]


@pytest.mark.parametrize("law", [of_the_state, of_the_gradient, with_reaction, two_networks])
def test_slopes_with_the_law_inside_the_physics(law):
    blocks = {"net": NET.init(1)}
    if law is two_networks:
        blocks["other"] = OTHER.init(3)
    problem = nonlinear_fem(law, blocks)
    for check in (pcl.check_gradient, pcl.check_hessian):
        report = check(problem)
        assert report.ok, str(report)
    H, v = problem.hessian(problem.theta0), np.random.default_rng(1).normal(size=problem.size)
    np.testing.assert_allclose(problem.hvp(problem.theta0, v), H @ v, rtol=0,
                               atol=1e-9 * np.abs(H @ v).max())


def test_hessian_equals_differences_of_the_gradient_at_several_steps():
    problem = nonlinear_fem(of_the_state, {"net": NET.init(1)})
    theta = problem.theta0
    H, d = problem.hessian(theta), np.random.default_rng(2).normal(size=problem.size)
    errors = []
    for h in (1e-2, 1e-3, 1e-4):
        difference = (problem.gradient(theta + h * d) - problem.gradient(theta - h * d)) / (2 * h)
        errors.append(np.abs(difference - H @ d).max() / np.abs(H @ d).max())
    assert errors[1] < errors[0] / 50 and errors[2] < 1e-7  # order two, then rounding


def test_failure_of_newton_tells_its_history():
    problem = pcl.Problem(
        lambda t: tf.reduce_sum(pcl.solve_nonlinear(lambda u: tf.exp(u) + t["a"], np.zeros(1))),
        {"a": [1.0]})
    with pytest.raises(pcl.NotConverged, match="residual norms"):
        problem.value(problem.theta0)
    problem = pcl.Problem(
        lambda t: tf.reduce_sum(
            pcl.solve_nonlinear(lambda u: u ** 2 - t["a"], np.full(1, 1e8), maxiter=5)),
        {"a": [1.0]})
    with pytest.raises(pcl.NotConverged, match="iteration limit"):
        problem.value(problem.theta0)


def test_load_steps_reach_what_one_step_misses():
    """arctan(50 u) = 1.5 from far away, where full Newton steps run off and are damped."""
    def problem(steps):
        return pcl.Problem(lambda t: tf.reduce_sum(pcl.solve_nonlinear(
            lambda u: tf.atan(50.0 * u) - t["a"], np.zeros(1), load_steps=steps)), {"a": [1.5]})
    expected = np.tan(1.5) / 50.0
    assert problem(20).value([1.5]) == pytest.approx(expected, rel=1e-10)


def test_a_failed_newton_is_a_failed_trial_of_the_optimizer():
    """exp(u) = θ has no solution for θ ≤ 0: the trial is cut back, the minimiser θ = e found."""
    problem = pcl.Problem(lambda t: tf.reduce_sum((pcl.solve_nonlinear(
        lambda u: tf.exp(u) - t["a"], np.zeros(1)) - 1.0) ** 2), {"a": [0.05]})
    result = pcl.minimize(problem, options={"initial_trust_radius": 100.0})
    assert result.x[0] == pytest.approx(np.e, rel=1e-6)


@pytest.mark.parametrize("equation, complaint", [
    (lambda u: u[:2], "one residual an unknown"),
    (lambda u: tf.cast(u, tf.float32), "float32"),
    (lambda u: 3.0, "float"),
])
def test_what_is_not_an_equation_is_refused(equation, complaint):
    with pytest.raises(ValueError, match=complaint):
        pcl.Problem(lambda t: tf.reduce_sum(pcl.solve_nonlinear(equation, np.zeros(3))), {"a": 1.0})
