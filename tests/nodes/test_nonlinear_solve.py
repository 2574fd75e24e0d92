"""r(u, θ) = 0: values, first and second derivatives of the solution."""

import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl
from oracles import check_against_tapes, slope
from small_problems import chain


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
        difference = slope(problem.gradient, theta, d, h)
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


def scalar_problem(equation, start, blocks=None, **settings):
    """ℓ = Σu with equation(u, θ) = 0."""
    return pcl.Problem(lambda t: tf.reduce_sum(pcl.solve_nonlinear(
        lambda u: equation(u, t["a"]), start, **settings)), blocks or {"a": [1.0]})


def test_divergence_and_cycles_of_full_steps_are_damped():
    """arctan u = 0 from 3 diverges and u³ − 2u + 2 from 0 cycles with full steps."""
    diverging = scalar_problem(lambda u, a: a * tf.atan(u), [3.0])
    assert diverging.value([1.0]) == pytest.approx(0.0, abs=1e-12)
    cycling = scalar_problem(lambda u, a: u ** 3 - 2.0 * u + 2.0 * a, [0.0])
    with pytest.raises(pcl.NotConverged, match="no step along Newton's direction") as caught:
        cycling.value([1.0])
    assert "in the unit of the equation" in str(caught.value)


def test_equation_without_a_solution_fails_with_its_history():
    """u² + 1 = 0: |r| ≥ 1 whatever the step."""
    with pytest.raises(pcl.NotConverged, match=r"residual norms \(Euclidean.*ended .*1\.0"):
        scalar_problem(lambda u, a: a * u ** 2 + 1.0, [0.7]).value([1.0])


@pytest.mark.parametrize("n", [1, 400, 3000])
def test_nan_in_the_jacobian_stops_at_the_first_step(n):
    """√|u| at 0 has no derivative: small, dense and large systems say so."""
    problem = scalar_problem(lambda u, a: tf.sqrt(tf.abs(u)) - a[0], np.zeros(n))
    with pytest.raises(pcl.NotConverged, match=r"after 1 steps \(Jacobian: .*NaN"):
        problem.value([1.0])


def test_step_out_of_the_domain_is_shortened():
    """log u = −1 from u = 3: the full step ends at a negative u, where the residual is NaN."""
    problem = scalar_problem(lambda u, a: tf.math.log(u) + a, [3.0])
    assert problem.value([1.0]) == pytest.approx(np.exp(-1.0), rel=1e-12)


def test_load_steps_rescue_what_fails_without():
    """eᵘ = e¹⁵ from 0: one Newton direction is 3·10⁶ long, too long to be cut; 100 load steps are not."""
    def value(steps):
        return scalar_problem(lambda u, a: tf.exp(u) - tf.exp(a), [0.0], {"a": [15.0]},
                              load_steps=steps).value([15.0])
    with pytest.raises(pcl.NotConverged, match="load_steps > 1"):
        value(1)
    assert value(100) == pytest.approx(15.0, rel=1e-12)


# --- warm start -----------------------------------------------------------------------------
def counted(**settings):
    """u³ + u = θ, far from the start."""
    return scalar_problem(lambda u, a: u ** 3 + u - a, [1e6], {"a": [10.0]}, **settings)


def test_warm_start_saves_steps_and_keeps_the_solution():
    cold, warm = counted(), counted(warm_start=True)
    for problem in (cold, warm):
        problem.value([10.0])
    before = cold.counts.factorisations, warm.counts.factorisations
    for theta in (10.1, 10.2):
        assert warm.value([theta]) == pytest.approx(cold.value([theta]), rel=1e-14)
        assert warm.gradient([theta]) == pytest.approx(cold.gradient([theta]), rel=1e-13)
        assert warm.hessian([theta]) == pytest.approx(cold.hessian([theta]), rel=1e-12)
    assert warm.counts.factorisations - before[1] < (cold.counts.factorisations - before[0]) / 2


def test_without_warm_start_results_do_not_depend_on_history():
    first, second = counted(), counted()
    first.value([55.0])
    assert first.value([10.0]) == second.value([10.0])


def test_warm_start_falls_back_to_the_start():
    """log(u − θ) + u − θ = 1, u = θ + 1: the last solution leaves the domain when θ grows."""
    def equation(u, a):
        return tf.math.log(u - a) + u - a - 1.0       # u = a + 1, defined for u > a
    warm = scalar_problem(equation, [50.0], {"a": [0.0]}, warm_start=True)
    assert warm.value([0.0]) == pytest.approx(1.0, rel=1e-12)
    assert warm.value([40.0]) == pytest.approx(41.0, rel=1e-12)  # u = 1 is outside its domain
    with pytest.raises(pcl.NotConverged, match="residual is not finite at the first iterate"):
        warm.value([60.0])                                       # and so is the start
    assert warm.value([40.5]) == pytest.approx(41.5, rel=1e-12)


def test_warm_starts_are_shared_by_no_two_problems_or_nodes():
    """Two roots ±√θ: each of two calls and two problems keeps to the branch of its own start."""
    def loss(t):
        up = pcl.solve_nonlinear(lambda u: u ** 2 - t["a"], [2.0], warm_start=True)
        down = pcl.solve_nonlinear(lambda u: u ** 2 - t["a"], [-2.0], warm_start=True)
        return tf.reduce_sum(up - 3.0 * down)
    one, two = pcl.Problem(loss, {"a": [4.0]}), pcl.Problem(loss, {"a": [4.0]})
    for theta in (4.0, 9.0, 1.0):
        assert one.value([theta]) == pytest.approx(4.0 * np.sqrt(theta), rel=1e-12)
    fresh = pcl.Problem(loss, {"a": [4.0]})
    assert two.value([2.0]) == fresh.value([2.0])


def test_warm_start_must_be_a_truth_value():
    with pytest.raises(TypeError, match="warm_start is 'yes'"):
        counted(warm_start="yes")


@pytest.mark.parametrize("equation, complaint", [
    (lambda u: u[:2], "one residual an unknown"),
    (lambda u: tf.cast(u, tf.float32), "float32"),
    (lambda u: 3.0, "float"),
])
def test_what_is_not_an_equation_is_refused(equation, complaint):
    with pytest.raises(ValueError, match=complaint):
        pcl.Problem(lambda t: tf.reduce_sum(pcl.solve_nonlinear(equation, np.zeros(3))), {"a": 1.0})
