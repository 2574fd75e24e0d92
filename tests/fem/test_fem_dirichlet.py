"""Dirichlet data by elimination, singular systems, derivatives through conditions and loads."""

import warnings

import numpy as np
import pytest
import skfem
import tensorflow as tf
from oracles import by_tapes, differences

import fem
import pcl
from pcl.errors import SingularMatrix


def space(element="P1"):
    return fem.Space(skfem.MeshTri.init_circle(2).with_boundaries(
        {"east": lambda x: x[0] > 0, "west": lambda x: x[0] < 0}), element)


def diffusion_reaction(V):
    """An unsymmetric matrix with entries of all signs."""
    x = V.quadrature_points
    beta = np.stack([x[:, 1] + 3, x[:, 0]], axis=1)
    return V.laplace(1 + x[:, 0] ** 2) + V.mass(2.0) + V.advection(beta)


def dense_solution(V, A, b, dofs, g):
    """Rows of the Dirichlet unknowns replaced by those of the identity."""
    matrix, rhs = A.to_scipy().toarray(), np.array(b, dtype=float)
    matrix[dofs], rhs[dofs] = np.eye(V.n)[dofs], g
    return np.linalg.solve(matrix, rhs)


@pytest.mark.parametrize("element", ["P1", "P2"])
def test_elimination_equals_replacing_rows_by_the_identity(element):
    V = space(element)
    A, dofs = diffusion_reaction(V), V.boundary_dofs()
    rng = np.random.default_rng(0)
    b, g = rng.normal(size=V.n), rng.normal(size=len(dofs))
    u = fem.solve(A, b, dirichlet=g).numpy()
    # Condition number about 1e3, times rounding.
    np.testing.assert_allclose(u, dense_solution(V, A, b, dofs, g), rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(u[dofs], g)


def test_all_ways_of_stating_a_condition_give_the_same_solution():
    V = space()
    A, b = V.laplace(), V.load(1.0)

    def g(x):
        return x[:, 0] + 2 * x[:, 1]

    dofs = V.boundary_dofs()
    values = g(V.dof_points[dofs])
    expected = dense_solution(V, A, b.numpy(), dofs, values)
    back = dofs[::-1]
    for condition in [
            g, values, values.tolist(), tf.constant(values), lambda x: tf.constant(g(x)),
            {None: g}, fem.Dirichlet(None, g), [fem.Dirichlet(None, values)],
            fem.Dirichlet(back, values[::-1]),
            fem.Dirichlet(back.tolist(), tf.constant(values[::-1])),
            {"east": g, "west": g}, fem.Dirichlet(["west", "east"], g),
            [fem.Dirichlet("west", g), fem.Dirichlet(lambda x: x[:, 0] > -0.1, g)]]:
        u = fem.solve(A, b, dirichlet=condition)
        np.testing.assert_allclose(u, expected, rtol=1e-12, atol=1e-13)


def test_a_scalar_holds_on_the_whole_boundary():
    V = space()
    for value in (3, 3.0, np.float32(3), tf.constant(3.0, tf.float64), tf.Variable(np.float64(3))):
        u = fem.solve(V.laplace(), V.load(0.0), dirichlet=value)
        np.testing.assert_allclose(u, 3.0, rtol=1e-13)


def test_conditions_on_inner_nodes_are_given_by_numbers():
    V = fem.Space(skfem.MeshLine(np.linspace(0, 1, 5)))
    u = fem.solve(V.laplace(), V.load(0.0), dirichlet={(0, 2, 4): [0.0, 1.0, 0.5]})
    np.testing.assert_allclose(u, [0, 0.5, 1, 0.75, 0.5], rtol=1e-14)


def test_several_right_hand_sides_are_solved_together_each_with_its_values():
    V = space()
    A, dofs = diffusion_reaction(V), V.boundary_dofs()
    rng = np.random.default_rng(1)
    b, g = rng.normal(size=(V.n, 3)), rng.normal(size=(len(dofs), 3))
    together = fem.solve(A, b, dirichlet=g).numpy()
    common = fem.solve(A, b, dirichlet={"east": 2.0, "west": 2.0}).numpy()
    for k in range(3):
        one = fem.solve(A, b[:, k], dirichlet=g[:, k])
        np.testing.assert_allclose(together[:, k], one, rtol=1e-12)
        np.testing.assert_allclose(common[:, k], fem.solve(A, b[:, k], dirichlet=2.0), rtol=1e-12)
    parts = [fem.Dirichlet(dofs[:4], g[:4]), fem.Dirichlet(dofs[4:], 1.0)]
    mixed = fem.solve(A, b, dirichlet=parts).numpy()
    np.testing.assert_array_equal(mixed[dofs[:4]], g[:4])
    np.testing.assert_array_equal(mixed[dofs[4:]], 1.0)
    free = fem.solve(V.laplace() + V.mass(), b)
    np.testing.assert_allclose(free[:, 1], fem.solve(V.laplace() + V.mass(), b[:, 1]), rtol=1e-12)


# --- derivatives -----------------------------------------------------------------------------
def misfit(V, points, theta):
    """κ, load, Dirichlet values, flux and Robin coefficient all carry parameters."""
    kappa = tf.exp(theta[0] * V.quadrature_points[:, 0])
    x = V.dof_points[V.boundary_dofs("west")]
    g = x[:, 0] + x[:, 1] + theta[1]
    A = V.laplace(kappa) + V.boundary_mass(tf.exp(theta[4]), "east")
    b = theta[2] * V.load(1.0) + V.flux(theta[3], "east")
    u = fem.solve(A, b, dirichlet={"west": g})
    return tf.reduce_sum((V.observe(points) @ u) ** 2)


def test_gradient_and_hessian_through_all_data_equal_central_differences():
    V, points = space(), np.array([[0.1, 0.2], [-0.3, 0.1], [0.5, -0.5]])
    theta = np.array([0.3, 0.7, 1.5, -0.4, 0.2])

    def loss(t):
        return misfit(V, points, tf.convert_to_tensor(t))

    _, first, second = by_tapes(loss, theta, vectorised=False)
    # error h² + rounding/h ≈ 1e-10
    slope = differences(lambda t: loss(t).numpy(), theta, h=1e-5)
    curvature = differences(lambda t: by_tapes(loss, t, vectorised=False)[1], theta, h=1e-5)
    np.testing.assert_allclose(first, slope, rtol=1e-7)
    np.testing.assert_allclose(second, curvature, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(second, second.T, rtol=1e-12, atol=1e-13)


def test_the_joint_hessian_of_network_load_and_dirichlet_values_passes_the_slope_test():
    V = fem.Space(fem.unit_square(5))
    net = pcl.MLP([2, 4, 1])
    x = V.dof_points[V.boundary_dofs()]
    seen = V.observe(np.random.default_rng(3).random((10, 2)))

    def loss(theta):
        kappa = tf.exp(net(theta["kappa"], V.quadrature_points)[..., 0])
        g = x[:, 0] + x[:, 1] + theta["shift"]
        u = fem.solve(V.laplace(kappa), theta["scale"] * V.load(1.0), dirichlet=g)
        w = fem.solve(V.laplace(kappa), V.load(V.interpolate(u)), mean_value=0.1)
        return tf.reduce_sum((seen @ u) ** 2) + tf.reduce_sum((seen @ w) ** 4)

    start = {"kappa": net.init(seed=1), "shift": np.array(0.3), "scale": np.array(2.0)}
    report = pcl.check_hessian(pcl.Problem(loss, start))
    assert report.ok, str(report)
    assert report.symmetry_error <= 1e-12, str(report)


def test_a_coefficient_that_turns_negative_is_a_failed_trial_named_with_its_cell():
    V = fem.Space(fem.unit_square(2))

    def loss(theta):
        kappa = theta["slope"] * V.quadrature_points[:, 0] + 1.0
        return tf.reduce_sum(fem.solve(V.laplace(kappa), V.load(1.0), 0.0) ** 2)

    problem = pcl.Problem(loss, {"slope": np.array(0.5)})
    assert np.isfinite(problem.value(problem.theta0))
    with pytest.raises(pcl.TrialFailure, match=r"kappa is not positive at .*cell \d"):
        problem.value(np.array([-5.0]))


def test_a_traced_solve_equals_the_eager_one():
    V, points = space(), np.array([[0.1, 0.2]])
    theta = tf.constant([0.3, 0.7, 1.5, -0.4, 0.2], tf.float64)
    traced = tf.function(lambda t: misfit(V, points, t))
    np.testing.assert_allclose(traced(theta), misfit(V, points, theta), rtol=1e-13)


# --- conditions that contradict themselves ---------------------------------------------------
def test_equal_values_given_twice_are_harmless_and_different_ones_are_refused():
    V = fem.Space(fem.unit_square(2))
    A, b = V.laplace(), V.load()
    twice = [fem.Dirichlet([0, 1, 1], [1.0, 2.0, 2.0]), fem.Dirichlet("left", 1.0)]
    once = [fem.Dirichlet([0, 1, 3, 6], [1.0, 2.0, 1.0, 1.0])]
    np.testing.assert_allclose(fem.solve(A, b, twice), fem.solve(A, b, once), rtol=1e-13)
    # sin(πx) = 1.2e-16 at x = 1 counts as 0.
    fem.solve(A, b, {"top": lambda x: np.sin(np.pi * x[:, 0]), "right": 0.0})
    with pytest.raises(ValueError, match="degree of freedom 0 has two different .* 1 and 2"):
        fem.solve(A, b, {"left": 1.0, "bottom": 2.0})
    with pytest.raises(ValueError, match="degree of freedom 0 has two different"):
        fem.solve(A, b, {"left": tf.constant(1.0, tf.float64), "bottom": 2.0})
    with pytest.raises(ValueError, match="degree of freedom 5 has two different"):
        fem.solve(A, b, fem.Dirichlet([5, 0, 5], [1.0, 1.0, 3.0]))


def test_traced_values_of_one_number_are_compared_when_they_are_evaluated():
    V = fem.Space(fem.unit_square(2))

    @tf.function
    def corner_twice(t):
        return fem.solve(V.laplace(), V.load(), {"left": t, "bottom": 2.0})

    @tf.function
    def corner_once(t):
        return fem.solve(V.laplace(), V.load(), fem.Dirichlet(["left", "bottom"], t))

    expected = fem.solve(V.laplace(), V.load(), {"left": 2.0, "bottom": 2.0})
    for state in (corner_once, corner_twice):
        np.testing.assert_allclose(state(tf.constant(2.0, tf.float64)), expected, rtol=1e-14)
    with pytest.raises(tf.errors.InvalidArgumentError, match="contradict each other"):
        corner_twice(tf.constant(3.0, tf.float64))
    problem = pcl.Problem(lambda theta: tf.reduce_sum(fem.solve(
        V.laplace(), V.load(), {"left": theta["t"], "bottom": 2.0})), {"t": 2.0})
    assert problem.value(problem.theta0) == pytest.approx(np.sum(expected), rel=1e-14)
    with pytest.raises(pcl.InvalidCoefficient, match="0 has two .* 3 and 2 .at 'left' and at 'bottom'"):
        problem.value([3.0])


@pytest.mark.parametrize("solve", [
    lambda V, g: fem.solve(V.laplace(), V.load(), g),
    lambda V, g: fem.solve(V.laplace(), np.ones((9, 2)), g),
    lambda V, g: fem.solve_nonlinear(V, lambda u, grad, x: (u, grad), g)],
    ids=["one", "two", "nonlinear"])
def test_a_solve_asks_for_its_values_once(solve):
    calls = []

    def g(x):
        calls.append(len(x))
        return x[:, 0]
    solve(fem.Space(fem.unit_square(2)), g)
    assert calls == [8]


def test_numbers_out_of_range_and_values_of_another_shape_are_refused():
    V = fem.Space(fem.unit_square(2))
    A, b = V.laplace(), V.load()
    for number in (9, -1):
        with pytest.raises(IndexError, match=rf"where .*\[1\] is {number}; expected .* 0 to 8"):
            fem.solve(A, b, fem.Dirichlet([0, number], 0.0))
    with pytest.raises(TypeError, match="expected whole numbers"):
        fem.solve(A, b, fem.Dirichlet([0.5], 0.0))
    for values in (np.ones(7), np.ones((8, 1)), np.ones(9), lambda x: x):
        with pytest.raises(ValueError, match=r"value has shape .*expected \(\) or \(8,\)"):
            fem.solve(A, b, values)
    with pytest.raises(ValueError, match="Dirichlet value has 1 of 8 .*first at index 2"):
        fem.solve(A, b, [0, 0, np.nan, 0, 0, 0, 0, 0])
    with pytest.raises(TypeError, match="float32; expected float64"):
        fem.solve(A, b, tf.ones(8))
    for load in (np.ones(8), np.ones((1, 9)), 1.0):
        with pytest.raises(ValueError, match=r"b has shape .*expected \(9,\) or \(9, k\)"):
            fem.solve(A, load, 0.0)
    with pytest.raises(ValueError, match="belongs to no space"):
        fem.solve(A.restrict(np.arange(4), np.arange(4)), np.ones(4), 0.0)


def test_values_at_every_node_are_the_solution_with_a_warning_and_without_gradient():
    V = fem.Space(fem.unit_square(2))
    g = np.arange(9.0)
    kappa = tf.Variable(np.ones(24))
    with tf.GradientTape() as tape, pytest.warns(UserWarning, match="every degree of freedom"):
        u = fem.solve(V.laplace(kappa), V.load(), fem.Dirichlet(np.arange(9), g))
        loss = tf.reduce_sum(u ** 2)
    np.testing.assert_array_equal(u, g)
    slope = tape.gradient(loss, kappa, unconnected_gradients="zero")
    np.testing.assert_array_equal(slope, 0.0)


def test_a_condition_that_selects_nothing_has_no_effect_and_is_reported():
    V = fem.Space(fem.unit_square(2))
    A = V.laplace() + V.mass()
    expected = fem.solve(A, V.load())
    for empty in ([], fem.Dirichlet([], 0.0), fem.Dirichlet(lambda x: x[:, 0] > 2, 1.0)):
        with pytest.warns(UserWarning, match="selects no degree of freedom"):
            np.testing.assert_array_equal(fem.solve(A, V.load(), empty), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fem.solve(A, V.load())


# --- singular systems ------------------------------------------------------------------------
def two_squares(gap=0.5):
    one, other = fem.unit_square(2), fem.unit_square(3)
    points = np.hstack([one.p, other.p + [[1 + gap], [0]]])
    return skfem.MeshTri(points, np.hstack([one.t, other.t + one.p.shape[1]]))


def test_a_component_without_a_dirichlet_value_is_named():
    V = fem.Space(two_squares())
    left = fem.Dirichlet(lambda x: x[:, 0] == 0.0, 0.0)
    with pytest.raises(SingularMatrix, match=r"component 1 of 2 .*point \(1.5, 0\)"):
        fem.solve(V.laplace(), V.load(), left)
    assert issubclass(SingularMatrix, np.linalg.LinAlgError)
    both = fem.Dirichlet(lambda x: (x[:, 0] == 0.0) | (x[:, 0] == 2.5), 0.0)
    assert np.isfinite(fem.solve(V.laplace(), V.load(), both)).all()


def test_a_robin_or_mass_term_anchors_a_component():
    V = fem.Space(two_squares())
    left = fem.Dirichlet(lambda x: x[:, 0] == 0.0, 0.0)
    robin = V.laplace() + V.boundary_mass(2.0, lambda x: x[:, 0] == 2.5)
    u = fem.solve(robin, V.flux(6.0, lambda x: x[:, 0] == 2.5), left).numpy()
    np.testing.assert_allclose(u[9:], 3.0, rtol=1e-13)       # α u = g on the second square
    with pytest.raises(SingularMatrix, match="component 1"):
        fem.solve(V.laplace() + V.boundary_mass(2.0, lambda x: x[:, 0] == 0.0), V.load(), None)


def test_pure_neumann_without_mean_value_is_refused():
    V = space()
    with pytest.raises(SingularMatrix, match="no Dirichlet value"):
        fem.solve(V.laplace(), V.load())
    with pytest.raises(SingularMatrix, match="no Dirichlet value"):
        fem.solve(V.laplace(2.0) + V.advection(np.ones((len(V.quadrature_weights), 2))), V.load())


@pytest.mark.parametrize("weight", [None, lambda x: 2 + x[:, 0]], ids=["plain", "weighted"])
def test_the_mean_value_solves_the_bordered_system(weight):
    V = fem.Space(skfem.MeshTri.init_circle(2), "P2", weight=weight)
    A = V.laplace(1 + V.quadrature_points[:, 0] ** 2)
    m = V.basis_integrals
    b = np.random.default_rng(2).normal(size=(V.n, 2))       # not in equilibrium
    bordered = np.block([[A.to_scipy().toarray(), m[:, None]], [m[None], np.zeros((1, 1))]])
    expected = np.linalg.solve(bordered, np.vstack([b, np.full((1, 2), 0.7 * m.sum())]))[:-1]
    u = fem.solve(A, b, mean_value=0.7).numpy()
    np.testing.assert_allclose(u, expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(m @ u / m.sum(), 0.7, rtol=1e-12)
    np.testing.assert_allclose(fem.solve(A, b[:, 0], mean_value=0.7), expected[:, 0], atol=1e-11)


def test_a_mean_value_where_it_cannot_be_chosen_is_refused():
    V = space()
    for A in (V.laplace() + V.mass(), V.advection(np.ones((len(V.quadrature_weights), 2)))):
        with pytest.raises(ValueError, match="does not annihilate constants"):
            fem.solve(A, V.load(), mean_value=0.0)
    with pytest.raises(ValueError, match="both given"):
        fem.solve(V.laplace(), V.load(), dirichlet=0.0, mean_value=0.0)
    W = fem.Space(two_squares())
    with pytest.raises(SingularMatrix, match="component 1 of 2"):
        fem.solve(W.laplace(), W.load(), mean_value=0.0)
