"""Weak forms ∫ f₀·v + f₁·∇v w dx = 0: residual, solution, order of convergence, derivatives.

Manufactured solution u = sin s, s = c·x + 0.3, ∇u = cos(s) c.
"""

import warnings
from pathlib import Path

import numpy as np
import pytest
import skfem
import tensorflow as tf
from oracles import check_against_tapes, differences

import fem
import pcl
from fem.solvers.nonlinear import solve_nonlinear
from test_fem_convergence import C, axis, l2_error, order, phase, solution

DISC = skfem.MeshTri.init_circle(2).smoothed()
MESHES = {
    "rectangle": (fem.rectangle(6, 5, upper=(1.2, 1.0)), "P1"),
    "disc": (DISC, "P1"),
    "disc P2": (skfem.MeshTri.init_circle(1).smoothed(), "P2"),
    "line": (skfem.MeshLine(axis(12)), "P1"),
    "cube": (skfem.MeshTet.init_tensor(axis(3), axis(3), axis(3)), "P1"),
}


def space(name):
    return fem.Space(*MESHES[name])


def solved(V, form, *data, **settings):
    """The solution as an array, by a `Problem`: faster than eagerly."""
    problem = pcl.Problem.from_residuals(
        lambda t: t["one"] * solve_nonlinear(V, form, *data, **settings), {"one": 1.0})
    shape = np.shape(settings.get("start", np.zeros(V.n)))
    return problem.residuals(problem.theta0).reshape(shape)


# --- the residual ---------------------------------------------------------------------------
@pytest.mark.parametrize("name", MESHES)
def test_residual_of_a_linear_form_is_that_of_the_matrices(name):
    """f₀ = ρu + β·∇u − f, f₁ = κ∇u: R = (M + C + A)u − b."""
    V, rng = space(name), np.random.default_rng(0)
    q = len(V.quadrature_weights)
    kappa, rho, f, beta = 1 + rng.random(q), rng.random(q), rng.random(q), rng.normal(size=(q, V.dim))
    u = rng.normal(size=V.n)

    def form(u, grad_u, x):
        np.testing.assert_array_equal(x, V.quadrature_points)
        return rho * u + tf.reduce_sum(beta * grad_u, axis=1) - f, kappa[:, None] * grad_u
    expected = (V.laplace(kappa) + V.mass(rho) + V.advection(beta)) @ u - V.load(f)
    np.testing.assert_allclose(V.residual(form, u), expected, rtol=0, atol=1e-13 * np.abs(expected).max())


def test_residual_of_several_fields_is_that_of_each():
    V, rng = space("disc"), np.random.default_rng(1)
    u = rng.normal(size=(V.n, 3))
    scale = np.array([[1.0], [2.0], [3.0]])
    whole = V.residual(lambda u, g, x: (tf.sin(u), g * scale), u)
    assert whole.shape == (V.n, 3)
    for k in range(3):
        one = V.residual(lambda u, g, x: (tf.sin(u), (k + 1.0) * g), u[:, k])
        np.testing.assert_allclose(whole[:, k], one, rtol=0, atol=1e-13)


def test_none_and_scalars_stand_for_constant_densities():
    V = space("rectangle")
    u = V.dof_points[:, 0]
    np.testing.assert_allclose(V.residual(lambda u, g, x: (2.0, None), u), V.load(2.0), atol=1e-15)
    np.testing.assert_allclose(V.residual(lambda u, g, x: (None, g), u), V.laplace() @ u, atol=1e-14)


@pytest.mark.parametrize("form, error, message", [
    (lambda u, g, x: (u[:, None], g), ValueError,
     r"f0 of the form has shape \(180, 1\).*\(180,\).*\[..., 0\]"),
    (lambda u, g, x: (u[:-1], g), ValueError, r"f0 of the form has shape \(179,\)"),
    (lambda u, g, x: (u, g[:, 0]), ValueError, r"f1 of the form has shape \(180,\); expected \(180, 2\)"),
    (lambda u, g, x: (u, 1.0), ValueError, r"f1 of the form has shape \(\)"),
    (lambda u, g, x: (tf.cast(u, tf.float32), g), TypeError, "f0 is a tensor of dtype float32"),
    (lambda u, g, x: (u, tf.cast(g, tf.float32)), TypeError, "f1 is a tensor of dtype float32"),
    (lambda u, g, x: (None, None), ValueError, "None, None"),
    (lambda u, g, x: g, TypeError, r"expected the pair \(f0, f1\)"),
    (lambda u, g, x: (u, g, x), TypeError, "3 values"),
    (lambda u, g, x: (np.nan, g), ValueError, "f0"),
])
def test_what_is_no_weak_form_is_refused(form, error, message):
    V = space("rectangle")
    with pytest.raises(error, match=message):
        V.residual(form, np.zeros(V.n))
    with pytest.raises(error, match=message):
        solve_nonlinear(V, form, 0.0)


def test_what_is_no_state_start_or_load_is_refused():
    V = space("rectangle")

    def form(u, g, x):
        return u, g
    for bad in (np.zeros(V.n - 1), np.zeros((V.n, 1, 1)), np.zeros((V.n, 0)), np.zeros((V.n, 9))):
        with pytest.raises(ValueError, match="u has"):
            V.residual(form, bad)
        with pytest.raises(ValueError, match="start has"):
            solve_nonlinear(V, form, 0.0, start=bad)
    with pytest.raises(ValueError, match=r"load has shape \(3,\)"):
        solve_nonlinear(V, form, 0.0, load=np.zeros(3))
    with pytest.raises(ValueError, match="start"):
        solve_nonlinear(V, form, 0.0, start=np.full(V.n, np.nan))
    with pytest.raises(TypeError, match="form is a float"):
        solve_nonlinear(V, 1.0)
    with pytest.raises(TypeError, match="expected a fem.Space"):
        solve_nonlinear(V.mesh, form)


def test_density_that_is_not_finite_names_the_cell():
    V = space("rectangle")
    with pytest.raises(pcl.InvalidCoefficient, match="f0 in cell 0"):
        solve_nonlinear(V, lambda u, g, x: (tf.math.log(u), g), 0.0)


# --- the solution ---------------------------------------------------------------------------
@pytest.mark.parametrize("name", MESHES)
def test_linear_form_is_solved_in_two_steps_and_equals_the_linear_solve(name):
    V, rng = space(name), np.random.default_rng(2)
    f, kappa = rng.random(len(V.quadrature_weights)), 1 + rng.random(len(V.quadrature_weights))
    u = solve_nonlinear(V, lambda u, g, x: (u - f, kappa[:, None] * g), solution, maxiter=2,
                        start=rng.normal(size=V.n))
    expected = fem.solve(V.laplace(kappa) + V.mass(), V.load(f), solution)
    np.testing.assert_allclose(u, expected, rtol=0, atol=1e-13)


def test_natural_conditions_enter_as_a_load():
    """−Δu + u = 0 with u = g on the left, ∂u/∂n = 2 on the right: as the linear solve."""
    V = space("rectangle")

    def left(x):
        return x[:, 0] < 1e-9

    def right(x):
        return x[:, 0] > 1.2 - 1e-9
    u = solve_nonlinear(V, lambda u, g, x: (u, g), {left: 1.0}, load=V.flux(2.0, right))
    expected = fem.solve(V.laplace() + V.mass(), V.flux(2.0, right), {left: 1.0})
    np.testing.assert_allclose(u, expected, rtol=0, atol=1e-13)
    r = np.asarray(V.residual(lambda u, g, x: (u, g), u) - V.flux(2.0, right))
    np.testing.assert_allclose(r[~left(V.dof_points)], 0.0, atol=1e-13)


def test_the_natural_condition_is_a_flux_outwards_of_the_size_of_the_load():
    """−u'' = 0, u(0) = 0, u'(1) = g: u = g x, so f₁·n = u'(1) = +g."""
    mesh = skfem.MeshLine(np.linspace(0, 1, 5)).with_boundaries({"left": lambda x: x[0] == 0,
                                                                "right": lambda x: x[0] == 1})
    V = fem.Space(mesh, "P1")
    u = solve_nonlinear(V, lambda u, g, x: (None, g), {"left": 0.0}, load=V.flux(3.0, "right"))
    np.testing.assert_allclose(u, 3.0 * V.dof_points[:, 0], atol=1e-13)
    for text in (solve_nonlinear.__doc__, fem.Space.residual.__doc__,
                 (Path(__file__).parents[2] / "docs/howto/nonlinear.md").read_text(encoding="utf-8")):
        assert "f₁·n = g" in text and "f₁·n = −g" not in text


def test_unused_nodes_are_zero_and_fixed_spaces_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = np.hstack([DISC.p, [[5.0], [5.0]]])
        V = fem.Space(skfem.MeshTri(points, DISC.t), "P1")
    u = np.asarray(solve_nonlinear(V, lambda u, g, x: (u ** 3 - 1.0, g), 1.0))
    assert u[-1] == 0.0
    np.testing.assert_allclose(u[:-1], 1.0, atol=1e-14)
    with pytest.warns(UserWarning, match="nothing is solved"):
        u = solve_nonlinear(V, lambda u, g, x: (u, g), fem.Dirichlet(np.arange(V.n), 2.0))
    np.testing.assert_array_equal(u, 2.0)


def test_equation_without_dirichlet_value_says_that_its_level_is_free():
    V = space("disc")
    with pytest.raises(pcl.NotConverged, match="level of field .u. is held by no condition.*Prescribe"):
        solve_nonlinear(V, lambda u, g, x: (1.0, g))
    u = solve_nonlinear(V, lambda u, g, x: (u ** 3 + u - 10.0, g))
    np.testing.assert_allclose(u, 2.0, rtol=1e-12)


def state_law(u, grad_u, x):
    """−∇·((1 + u²)∇u) + u³ = s."""
    c, s = C[:x.shape[1]], phase(x)
    exact, slope2 = np.sin(s), np.cos(s) ** 2 * (c @ c)
    source = exact ** 3 + (c @ c) * (1 + exact ** 2) * exact - 2 * exact * slope2
    return u ** 3 - source, (1 + u ** 2)[:, None] * grad_u


def gradient_law(u, grad_u, x):
    """−∇·((ε + |∇u|²)∇u) = s, the p-Laplacian with p = 4 and ε = 0.1."""
    c, s = C[:x.shape[1]], phase(x)
    c2 = c @ c
    source = c2 * np.sin(s) * (0.1 + 3 * c2 * np.cos(s) ** 2)
    return -source, (0.1 + tf.reduce_sum(grad_u ** 2, axis=1))[:, None] * grad_u


@pytest.mark.parametrize("law", [state_law, gradient_law])
@pytest.mark.parametrize("element, expected", [("P1", 2), ("P2", 3)])
def test_nonlinear_forms_converge_with_full_order(law, element, expected):
    def solve(n):
        V = fem.Space(skfem.MeshTri.init_tensor(axis(n), axis(n)), element, quadrature_order=5)
        return V, solved(V, law, solution, start=solution(V.dof_points))
    assert order(solve, (4, 8, 16)) == pytest.approx(expected, abs=0.2)


def test_nonlinear_form_converges_on_lines_and_in_space():
    def on_line(n):
        V = fem.Space(skfem.MeshLine(axis(n)), "P1", quadrature_order=4)
        return V, solved(V, state_law, solution)

    def in_space(n):
        V = fem.Space(skfem.MeshTet.init_tensor(axis(n), axis(n), axis(n)), "P1", quadrature_order=3)
        return V, solved(V, state_law, solution)
    assert order(on_line, (10, 20, 40)) == pytest.approx(2, abs=0.1)
    assert order(in_space, (3, 6)) == pytest.approx(2, abs=0.3)


def test_two_species_converge_with_order_two():
    """−Δu + uv = s₁, −2Δv + u² = s₂ with u = sin s, v = cos s."""
    c2 = C[:2] @ C[:2]

    def form(w, grad_w, x):
        s = phase(x)
        s1 = c2 * np.sin(s) + np.sin(s) * np.cos(s)
        s2 = 2 * c2 * np.cos(s) + np.sin(s) ** 2
        f0 = tf.stack([w[:, 0] * w[:, 1] - s1, w[:, 0] ** 2 - s2], axis=1)
        return f0, grad_w * tf.constant([1.0, 2.0], tf.float64)[:, None]

    def both(x):
        return np.stack([np.sin(phase(x)), np.cos(phase(x))], axis=1)

    errors = []
    for n in (8, 16):
        V = fem.Space(skfem.MeshTri.init_tensor(axis(n), axis(n)), "P1")
        w = solved(V, form, both, start=np.zeros((V.n, 2)))
        errors.append([l2_error(V, w[:, 0]), l2_error(V, w[:, 1], lambda x: np.cos(phase(x)))])
    np.testing.assert_allclose(np.log2(np.divide(*errors)), 2.0, atol=0.2)


# --- networks inside the physics ------------------------------------------------------------
POSITIVE = pcl.softplus(floor=0.3)
ONE = pcl.MLP([1, 5, 1], output=POSITIVE)
OF_X = pcl.MLP([2, 5, 1], output=POSITIVE)
OF_XT = pcl.MLP([3, 5, 1], output=POSITIVE)
REACTION = pcl.MLP([1, 4, 1])
DIAGONAL = pcl.MLP([2, 5, 2], output=POSITIVE)
BOTH = pcl.MLP([1, 5, 2])


def of_position(theta):
    return lambda u, g, x: (u ** 3 - 4.0, OF_X(theta["net"], x) * g)


def of_state(theta):
    return lambda u, g, x: (-4.0, ONE(theta["net"], u[:, None]) * g)


def of_gradient(theta):
    """κ of |∇u|², as in the p-Laplacian."""
    return lambda u, g, x: (-4.0, ONE(theta["net"], tf.reduce_sum(g ** 2, axis=1)[:, None]) * g)


def reaction(theta):
    return lambda u, g, x: (u ** 3 + REACTION(theta["net"], u[:, None])[:, 0] - 4.0, g)


def two_networks(theta):
    return lambda u, g, x: (REACTION(theta["other"], u[:, None])[:, 0] - 4.0,
                            ONE(theta["net"], u[:, None]) * g)


def one_network_two_outputs(theta):
    def form(u, g, x):
        y = BOTH(theta["net"], u[:, None])
        return y[:, 1] - 4.0, (tf.nn.softplus(y[:, 0]) + 0.3)[:, None] * g
    return form


def anisotropic(theta):
    return lambda u, g, x: (u ** 3 - 4.0, DIAGONAL(theta["net"], tf.stack([u, x[:, 0]], axis=1)) * g)


LAWS = {of_position: OF_X, of_state: ONE, of_gradient: ONE, reaction: REACTION, two_networks: ONE,
        one_network_two_outputs: BOTH, anisotropic: DIAGONAL}


def inverse_problem(V, law):
    """Sum of squares at 10 % of the free nodes."""
    free = np.setdiff1d(np.arange(V.n), V.boundary_dofs())
    observe = V.observe_nodes(np.random.default_rng(0).choice(free, max(3, len(free) // 10), False))
    blocks = {"net": LAWS[law].init(1)}
    if law is two_networks:
        blocks["other"] = REACTION.init(3)
    start = solved(V, law(blocks), 0.0)
    return pcl.Problem(lambda theta: tf.reduce_sum(
        (observe @ solve_nonlinear(V, law(theta), 0.0, start=start) - 0.3) ** 2), blocks)


def check_derivatives(problem):
    """Slopes along one direction; products and both directions against the Hessian."""
    for check in (pcl.check_gradient, pcl.check_hessian):
        report = check(problem, directions=1)
        assert report.ok, str(report)
    theta, v = problem.theta0, np.random.default_rng(1).normal(size=problem.size)
    H = problem.hessian(theta, mode="forward")
    scale = np.abs(H).max()
    np.testing.assert_allclose(problem.hessian(theta, mode="backward"), H, rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(problem.hvp(theta, v), H @ v, rtol=0, atol=1e-9 * np.abs(H @ v).max())


@pytest.mark.parametrize("law, name", [
    (of_position, "disc"), (of_state, "rectangle"), (of_state, "disc"), (of_state, "disc P2"),
    (of_state, "line"), (of_state, "cube"), (of_gradient, "rectangle"), (of_gradient, "disc P2"),
    (reaction, "disc"), (two_networks, "disc"), (one_network_two_outputs, "disc"), (anisotropic, "disc")])
def test_slopes_of_gradient_and_hessian_with_networks_in_the_form(law, name):
    check_derivatives(inverse_problem(space(name), law))


def test_slopes_with_time_as_an_input_of_the_network():
    """Backward Euler for ∂u/∂t = ∇·(κ(x, t)∇u) − u³ + 4, three steps."""
    V, dt = space("disc"), 0.1
    observe = V.observe_nodes([5, 20, 31])

    def loss(theta):
        u, r = np.zeros(V.n), 0.0
        for step in range(1, 4):
            before, t = V.interpolate(u), step * dt

            def form(u, g, x):
                inputs = np.hstack([x, np.full((len(x), 1), t)])
                return (u - before) / dt + u ** 3 - 4.0, OF_XT(theta["net"], inputs) * g
            u = solve_nonlinear(V, form, 0.0, start=u)
            r += tf.reduce_sum((observe @ u - 0.1 * step) ** 2)
        return r
    check_derivatives(pcl.Problem(loss, {"net": OF_XT.init(1)}))


def test_slopes_with_two_species_and_data_that_are_parameters():
    """Dirichlet value, load and both networks carry parameters; two fields."""
    V = space("disc")

    def loss(theta):
        def form(w, g, x):
            y = BOTH(theta["net"], w[:, :1])
            f0 = tf.stack([w[:, 0] * w[:, 1] + y[:, 0], w[:, 0] ** 2 + w[:, 1] - y[:, 1]], axis=1)
            return f0, g * (1.0 + w ** 2)[:, :, None]
        load = tf.stack([V.load(1.0), V.load(2.0)], axis=1) * theta["source"]
        w = solve_nonlinear(V, form, theta["edge"], start=np.zeros((V.n, 2)), load=load)
        return tf.reduce_sum(tf.sin(w))
    check_derivatives(pcl.Problem(loss, {"net": BOTH.init(2), "source": 1.3, "edge": 0.4}))


def test_derivatives_agree_with_nested_tapes():
    """Written with tf.square: in the third derivative of ** 2 tapes meet 0 · 0⁻¹ where ∇u = 0."""
    V = fem.Space(fem.rectangle(3, 2), "P1")
    small = pcl.MLP([2, 3, 2], output=POSITIVE)

    def loss(theta):
        def form(u, g, x):
            inputs = tf.stack([u, tf.reduce_sum(tf.square(g), axis=1)], axis=1)
            return tf.sinh(u) - theta["s"], small(theta["net"], inputs) * g
        return tf.reduce_sum(tf.sin(solve_nonlinear(V, form, {None: theta["g"]})))
    check_against_tapes(loss, {"net": small.init(4), "s": 3.0, "g": 0.2}, rtol=1e-9)


def test_hessian_equals_differences_of_the_gradient_on_an_unstructured_mesh():
    """Central differences: error of order two in the step until rounding/step takes over."""
    problem = inverse_problem(space("disc"), of_state)
    theta, H = problem.theta0, problem.hessian(problem.theta0)
    errors = []
    for h in (1e-1, 1e-2, 1e-3):
        errors.append(np.abs(differences(problem.gradient, theta, h) - H).max() / np.abs(H).max())
    slopes = np.log10(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(slopes, 2.0, atol=0.2)
    assert errors[-1] < 1e-5
