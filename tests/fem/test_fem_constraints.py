"""u = P z + g and multipliers: periodic sides, ties, mean values, rigid motions, in every solve."""
import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl

PI = np.pi
SQUARE = fem.unit_square(8)
V = fem.Space(SQUARE, "P2")
U = fem.Space(SQUARE, fem.vector("P2"))
X = V.dof_points
BOTH = [V.periodic("left", "right"), V.periodic("bottom", "top")]
SMALL = fem.Space(fem.unit_square(3), "P1")
SMALL_U = fem.Space(fem.unit_square(2), fem.vector("P1"))


def elastic(u, x):
    """σ = 2 ε + tr ε, Lamé parameters 1 and 1."""
    strain = fem.sym(u.gradient)
    return {"u": {"gradient": 2.0 * strain + tf.linalg.trace(strain)[:, None, None] * np.eye(2)}}


def rotated(space_element, angle=0.4):
    """The square turned by an angle, so that no side is along an axis."""
    c, s = np.cos(angle), np.sin(angle)
    mesh = skfem.MeshTri(np.array([[c, -s], [s, c]]) @ fem.unit_square(4).p, fem.unit_square(4).t)
    return fem.Space(mesh, space_element)


# --- periodic sides --------------------------------------------------------------------------
def wave(x, shift=0.0):
    return np.cos(2 * PI * (x[:, 0] - shift)) * np.cos(2 * PI * x[:, 1])


def error_of_two_pairs(n, constraints):
    space = fem.Space(fem.unit_square(n), "P2")
    x = space.dof_points
    b = space.load(lambda p: (1 + 8 * PI ** 2) * wave(p, 0.1))
    u = fem.solve(space.laplace() + space.mass(), b, constraints=constraints(space))
    return np.abs(u - wave(x, 0.1)).max()


def test_two_periodic_pairs_share_their_corners_and_converge_with_order_three():
    def pairs(space):
        return [space.periodic("left", "right"), space.periodic("bottom", "top")]
    coarse, fine = error_of_two_pairs(6, pairs), error_of_two_pairs(12, pairs)
    assert 2.6 < np.log2(coarse / fine) < 4.5
    assert error_of_two_pairs(6, lambda s: pairs(s)[::-1]) == pytest.approx(coarse, rel=1e-9)


def test_antiperiodic_sides_change_the_sign():
    def exact(x):
        return np.cos(PI * x[:, 0] - 1.0) * np.cos(PI * x[:, 1] - 0.3)
    u = fem.solve(V.laplace() + V.mass(), V.load(lambda x: (1 + 2 * PI ** 2) * exact(x)), constraints=[
        V.periodic("left", "right", sign=-1.0), V.periodic("bottom", "top", sign=-1.0)])
    np.testing.assert_allclose(u, exact(X), atol=4e-4)


def test_a_periodic_pair_meets_dirichlet_values_at_its_ends():
    u = fem.solve(V.laplace(), V.load(0.0), {"bottom": lambda x: np.sin(2 * PI * x[:, 0]), "top": 0.0},
                  constraints=BOTH[0])
    exact = np.sin(2 * PI * X[:, 0]) * np.sinh(2 * PI * (1 - X[:, 1])) / np.sinh(2 * PI)
    np.testing.assert_allclose(u, exact, atol=2e-3)
    with pytest.raises(ValueError, match=r"'left', 'right'\).* on .* of freedom 0, 8, by up to 1"):
        fem.solve(V.laplace(), V.load(0.0), {"bottom": lambda x: x[:, 0]}, constraints=BOTH[0])


def test_both_components_of_a_vector_are_periodic():
    def exact(x):
        return np.stack([np.sin(2 * PI * x[:, 0]), np.cos(2 * PI * x[:, 1])], axis=1)
    A, b = U.system(lambda u, x: {"u": {"gradient": u.gradient,
                                        "value": u.value - (1 + 4 * PI ** 2) * exact(x)}})
    u = fem.solve(A, b, constraints=[U.periodic("left", "right"), U.periodic("bottom", "top")])
    np.testing.assert_allclose(u, exact(X).ravel(), atol=1e-3)


def test_linear_and_nonlinear_solves_agree_under_ties_and_values():
    values = {"bottom": 1.0}
    linear = fem.solve(V.laplace() + V.mass(), V.load(1.0), values, constraints=BOTH[0])
    newton = fem.solve_nonlinear(V, lambda u, g, x: (u - 1.0, g), values, constraints=BOTH[0])
    np.testing.assert_allclose(newton, linear, atol=1e-13)


# --- multi-point constraints ------------------------------------------------------------------
def test_a_tie_of_three_unknowns_is_kept_and_its_multiplier_form_gives_the_same():
    rows = np.zeros((2, V.n))
    rows[0, [40, 50, 60]], rows[1, [50, 70]] = (1.0, -2.0, 1.0), (1.0, 1.0)
    given = [0.3, -0.1]
    found = [fem.solve(V.laplace(), V.load(1.0), 0.0, constraints=fem.Constraint(rows, given, by=by))
             for by in ("elimination", "multiplier")]
    np.testing.assert_allclose(rows @ found[0].numpy(), given, atol=1e-14)
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)


def test_columns_of_right_hand_sides_are_those_one_by_one():
    B = np.random.default_rng(0).normal(size=(V.n, 3))
    g = np.arange(3.0) + np.zeros((len(V.boundary_dofs("top")), 1))
    many = fem.solve(V.laplace(), B, fem.Dirichlet("top", g), constraints=[BOTH[0], V.mean_value(0.5)])
    one = fem.solve(V.laplace(), B[:, 2], {"top": 2.0}, constraints=[BOTH[0], V.mean_value(0.5)])
    np.testing.assert_allclose(many[:, 2], one, atol=1e-12)
    A, loads = U.matrix(elastic), np.random.default_rng(1).normal(size=(U.n, 2))
    many = fem.solve(A, loads, {"left": 0.0})
    np.testing.assert_allclose(many[:, 1], fem.solve(A, loads[:, 1], {"left": 0.0}), atol=1e-12)
    with pytest.raises(ValueError, match="component is 0"):
        fem.solve(V.laplace(), B, fem.Dirichlet("left", 1.0, component=0))


def test_derivatives_through_ties_multipliers_and_repeated_values_are_exact():
    def loss(theta):
        values = [fem.Dirichlet("bottom", theta["a"]), fem.Dirichlet("bottom", -theta["a"],
                                                                     component="normal")]
        A = SMALL_U.matrix(lambda u, x: {"u": {"gradient": theta["k"] * elastic(u, x)["u"]["gradient"]}})
        u = fem.solve(A, np.ones(SMALL_U.n), values, constraints=SMALL_U.periodic("left", "right"))
        v = fem.solve(theta["k"] * SMALL.laplace(), SMALL.load(lambda x: x[:, 0]),
                      constraints=SMALL.mean_value(theta["a"]))
        w = fem.solve_nonlinear(
            SMALL, lambda u, g, x: (u - x[:, 0] * theta["k"], (1 + u ** 2)[:, None] * g),
            constraints=[SMALL.periodic("left", "right"), SMALL.mean_value(theta["a"])])
        return tf.reduce_sum(u ** 2) + tf.reduce_sum(v ** 2) + tf.reduce_sum(w ** 3)
    problem = pcl.Problem(loss, {"k": 1.3, "a": 0.2})
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


def test_on_a_slanted_side_normal_parts_given_twice_agree_or_are_refused():
    W = rotated(fem.vector("P2"))

    def state(one, two):
        A, b = W.system(lambda u, x: {"u": {"gradient": u.gradient, "value": u.value - 1.0}})
        return fem.solve(A, b, [fem.Dirichlet(None, one, component="normal"),
                                fem.Dirichlet(lambda x: x[:, 1] < 0.95 * x[:, 1].max(), two,
                                              component="normal")])
    u = state(0.2, 0.2)
    along = np.sum(W.at_points(u, on="boundary") * W.boundary_normals(), axis=1)
    np.testing.assert_allclose(along, 0.2, atol=1e-13)
    problem = pcl.Problem(lambda theta: tf.reduce_sum(state(theta["a"], theta["b"]) ** 2),
                          {"a": 0.2, "b": 0.2})
    assert np.isfinite(problem.value(problem.theta0))
    with pytest.raises(pcl.InvalidCoefficient, match="contradict each other"):
        problem.value([0.2, 0.3])
    with pytest.raises(ValueError, match="contradict each other"):
        state(0.2, 0.3)


# --- mean values and rigid motions -----------------------------------------------------------
def test_pure_neumann_with_a_mean_value_is_the_closed_form():
    def source(x):
        return PI ** 2 * np.cos(PI * x[:, 0])
    exact = 2.0 + np.cos(PI * X[:, 0])
    linear = fem.solve(V.laplace(), V.load(source), constraints=V.mean_value(2.0))
    newton = fem.solve_nonlinear(V, lambda u, g, x: (-source(x), g), constraints=V.mean_value(2.0))
    for u in (linear, newton):
        np.testing.assert_allclose(u, exact, atol=5e-4)
        assert V.basis_integrals @ u.numpy() == pytest.approx(2.0, rel=1e-12)


def test_pure_traction_without_supports_strains_uniformly_and_does_not_move():
    """σ = 2 ε + tr ε I, so that ε = (σ − tr σ/4 I)/2."""
    stress = np.array([[1.0, 0.3], [0.3, -0.5]])
    strain = (stress - np.trace(stress) / 4 * np.eye(2)) / 2
    exact = ((X - 0.5) @ strain).ravel()
    pull = {None: lambda u, x, normal: {"u": {"value": -(normal @ stress)}}}
    A, b = U.system(elastic, pull)
    np.testing.assert_allclose(fem.solve(A, b, constraints=U.rigid_motions()), exact, atol=1e-12)
    newton = fem.solve_nonlinear(U, elastic, boundary=pull, constraints=U.rigid_motions())
    np.testing.assert_allclose(newton, exact, atol=1e-12)


# --- marches ------------------------------------------------------------------------------------
def test_a_wave_is_carried_across_periodic_sides():
    """u = e^{−8π²kt} cos 2π(x − ct) cos 2πy."""
    k, c, times = 0.02, 0.5, np.linspace(0, 1, 41)
    velocity = np.tile([c, 0.0], (len(V.quadrature_weights), 1))
    system = pcl.FirstOrder(V.mass(), V.laplace(k) + V.advection(velocity))
    u = fem.march(V, system, wave(X), times, constraints=BOTH)
    decay = np.exp(-8 * PI ** 2 * k)
    np.testing.assert_allclose(u[:, -1] / decay, wave(X, c), atol=0.03)
    left, right = V.boundary_dofs("left"), V.boundary_dofs("right")
    np.testing.assert_allclose(np.sort(u.numpy()[left, -1]), np.sort(u.numpy()[right, -1]), atol=1e-13)


def test_a_march_with_ties_follows_moving_values_and_reads_at_places():
    """u = y sin t, periodic in x."""
    system = pcl.FirstOrder(V.mass(), V.laplace(), load=lambda t: tf.cos(t) * V.load(lambda x: x[:, 1]))
    times = np.linspace(0, 1, 21)
    given = dict(dirichlet_at=lambda t: {"bottom": 0.0, "top": tf.sin(t)}, constraints=BOTH[0])
    u = fem.march(V, system, 0.0, times, **given)
    np.testing.assert_allclose(u, X[:, 1:] * np.sin(times), atol=1e-4)
    read = fem.march(V, system, 0.0, times, readings=([[0.3, 0.5], [0.0, 0.25]], [0.5, 1.0]), **given)
    np.testing.assert_allclose(read, [0.5 * np.sin(0.5), 0.25 * np.sin(1.0)], atol=1e-4)


def test_a_standing_wave_of_second_order_keeps_its_frequency_between_periodic_sides():
    omega, times = 2 * PI * np.sqrt(2), np.linspace(0, 0.5, 161)
    u, v = fem.march(V, pcl.SecondOrder(V.mass(), V.laplace()), wave(X), times, constraints=BOTH,
                     return_rate=True, radius=1.0)
    np.testing.assert_allclose(u[:, -1], np.cos(omega * 0.5) * wave(X), atol=0.02)
    np.testing.assert_allclose(v[:, -1] / omega, -np.sin(omega * 0.5) * wave(X), atol=0.04)
    with pytest.raises(ValueError, match="multipliers .* system of second order"):
        fem.march(V, pcl.SecondOrder(V.mass(), V.laplace()), 0.0, times, constraints=V.mean_value())


def test_a_kept_mean_value_takes_up_a_uniform_source():
    system = pcl.FirstOrder(V.mass(), V.laplace(), load=V.load(1.0))
    u = fem.march(V, system, np.cos(PI * X[:, 0]), np.linspace(0, 0.5, 21), constraints=V.mean_value(0.0))
    np.testing.assert_allclose(u[:, -1], np.exp(-PI ** 2 / 2) * np.cos(PI * X[:, 0]), atol=1e-3)


def test_a_periodic_vortex_of_stokes_flow_decays_with_its_pressure_level_kept():
    """u = e^{−8π²νt} (sin 2πx cos 2πy, −cos 2πx sin 2πy), p = 0."""
    W, nu = fem.Space(fem.unit_square(6), {"u": fem.vector("P2"), "p": "P1"}), 0.05
    M = W.matrix(lambda u, p, x: {"u": {"value": u.value}})
    K = W.matrix(lambda u, p, x: {
        "u": {"gradient": nu * u.gradient - p.value[:, None, None] * np.eye(2)},
        "p": {"value": -u.divergence}})
    x = 2 * PI * W.fields["u"].dof_points[::2]
    start = np.stack([np.sin(x[:, 0]) * np.cos(x[:, 1]), -np.cos(x[:, 0]) * np.sin(x[:, 1])], 1).ravel()
    pairs = [W.periodic(*sides, f) for f in "up" for sides in (("left", "right"), ("bottom", "top"))]
    u = fem.march(W, pcl.FirstOrder(M, K), W.join({"u": start}), np.linspace(0, 0.2, 5),
                  constraints=[*pairs, W.mean_value(0.0, "p")])
    end = W.split(u[:, -1])
    np.testing.assert_allclose(end["u"], start * np.exp(-8 * PI ** 2 * nu * 0.2), atol=0.02)
    np.testing.assert_allclose(end["p"], 0.0, atol=0.01)


def test_derivatives_of_a_march_with_ties_are_exact():
    sides = [SMALL.periodic("left", "right"), SMALL.periodic("bottom", "top")]

    def loss(theta):
        system = pcl.FirstOrder(SMALL.mass(), theta["k"] * SMALL.laplace())
        u = fem.march(SMALL, system, wave(SMALL.dof_points), np.linspace(0, 0.2, 4), constraints=sides,
                      dirichlet={"bottom": theta["a"], "top": theta["a"]})
        return tf.reduce_sum(u[:, -1] ** 2)
    with pytest.warns(RuntimeWarning, match="contradicts"):
        fem.march(SMALL, pcl.FirstOrder(SMALL.mass(), SMALL.laplace()), SMALL.dof_points[:, 0],
                  [0.0, 0.1], constraints=sides)
    problem = pcl.Problem(loss, {"k": 0.1, "a": 0.3})
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok
