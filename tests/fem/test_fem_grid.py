"""Finite differences on tensor-product grids: maps, forms, orders of convergence, doors."""

import pickle
import time

import numpy as np
import pytest
import tensorflow as tf
from oracles import by_tapes, flat_loss

import fem
import pcl
from fem.grid.grid import Grid
from pcl.errors import InvalidCoefficient, SingularMatrix


def smooth(n, stretch=0.3):
    """A smoothly graded axis on [0, 1]."""
    s = np.linspace(0.0, 1.0, n)
    return s + stretch * s * (1 - s) * (1 + s)


def rough(n):
    """Spacings that jump by up to a factor of 3 from one interval to the next."""
    h = np.random.default_rng(n).uniform(1.0, 3.0, n - 1)
    return np.concatenate([[0.0], np.cumsum(h) / h.sum()])


AXES = {"uniform": lambda n: np.linspace(0.0, 1.0, n), "smooth": smooth, "rough": rough}
GRIDS = {"1-D": lambda: Grid(smooth(6)), "2-D": lambda: Grid(smooth(4), rough(5)),
         "3-D": lambda: Grid(rough(3), smooth(4), [0.0, 0.1, 0.5, 2.0])}


@pytest.fixture(params=GRIDS)
def grid(request):
    return GRIDS[request.param]()


# --- small closed forms ----------------------------------------------------------------------
def test_three_nodes_by_hand():
    """x = 0, 1, 3: h = 1, 2, V = 1/2, 3/2, 1, κ = 5, 7 at the faces."""
    grid = Grid([0, 1, 3])
    np.testing.assert_array_equal(grid.face_points, [[0.5], [2.0]])
    np.testing.assert_array_equal(grid.volumes, [0.5, 1.5, 1.0])
    np.testing.assert_array_equal(grid.gradient.matrix.toarray(), [[-1, 1, 0], [0, -0.5, 0.5]])
    np.testing.assert_allclose(grid.divergence.matrix.toarray(), [[2, 0], [-2 / 3, 2 / 3], [0, -1]])
    np.testing.assert_allclose(grid.laplace([5.0, 7.0]).to_scipy().toarray(),
                               [[5, -5, 0], [-5, 8.5, -3.5], [0, -3.5, 3.5]])
    np.testing.assert_array_equal(grid.boundary, [0, 2])
    np.testing.assert_array_equal(grid.interior, [1])


def test_five_point_star():
    """On equal steps h the row of an inner node is (4, −1, −1, −1, −1), h² times −Δ."""
    A = Grid.uniform((4, 4), 3.0).laplace().to_scipy().toarray()
    np.testing.assert_allclose(A[5, [5, 1, 4, 6, 9]], [4, -1, -1, -1, -1], rtol=1e-14)
    assert np.count_nonzero(A[5]) == 5


def test_numbering_is_that_of_reshape():
    grid = Grid([0, 1, 2], [0, 10, 20, 30], [0, 100, 200])
    x, y, z = grid.points.T.reshape(3, *grid.shape)
    assert (x[2, 1, 0], y[2, 1, 0], z[2, 1, 0]) == (2, 10, 0)
    across = grid.points[grid.face_nodes[:, 1]] - grid.points[grid.face_nodes[:, 0]]
    np.testing.assert_array_equal(np.argmax(across > 0, axis=1), grid.face_directions)
    np.testing.assert_array_equal(np.count_nonzero(across, axis=1), 1)
    np.testing.assert_array_equal(grid.face_points, grid.points[grid.face_nodes].mean(axis=1))
    assert (grid.n, grid.n_faces) == (36, len(across))


# --- identities ------------------------------------------------------------------------------
def test_volumes_add_up_to_the_domain(grid):
    extent = np.prod([x[-1] - x[0] for x in grid.axes])
    assert grid.volumes.sum() == pytest.approx(extent, rel=1e-14)


def test_laplace_is_symmetric_and_annihilates_constants(grid):
    kappa = np.random.default_rng(0).uniform(0.5, 2.0, grid.n_faces)
    A = grid.laplace(kappa).to_scipy().toarray()
    np.testing.assert_array_equal(A, A.T)
    np.testing.assert_allclose(A.sum(axis=1), 0.0, atol=1e-14 * np.abs(A).max())
    assert np.linalg.eigvalsh(A)[1] > 0.0


def test_strong_form_times_volume_is_the_integrated_form(grid):
    rng = np.random.default_rng(1)
    kappa, u = rng.uniform(0.5, 2.0, grid.n_faces), rng.normal(size=grid.n)
    strong = grid.divergence_form(kappa, u)
    by_maps = -(grid.divergence @ (kappa * (grid.gradient @ u)))
    np.testing.assert_allclose(strong, by_maps, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(grid.volumes * strong, grid.laplace(kappa) @ u, rtol=1e-12, atol=1e-12)


def test_discrete_gauss_theorem(grid):
    """⟨q, G u⟩ with weights A_f h_f is −⟨D q, u⟩ with weights V; with u = 1: Σ V D q = 0."""
    rng = np.random.default_rng(2)
    q, u = rng.normal(size=grid.n_faces), rng.normal(size=grid.n)
    weights = grid.laplace(1.0).structures[0].test.multiply(grid.gradient.matrix).sum(axis=1)
    weights = weights / grid.gradient.matrix.multiply(grid.gradient.matrix).sum(axis=1)
    left = np.sum(weights * q * (grid.gradient @ u))
    right = -np.sum(grid.volumes * (grid.divergence @ q) * u)
    assert left == pytest.approx(right, rel=1e-12)
    assert weights.sum() == pytest.approx(grid.dim * grid.volumes.sum(), rel=1e-13)
    assert abs(np.sum(grid.volumes * (grid.divergence @ q))) < 1e-12


def test_maps_are_exact_for_linear_functions_and_derivatives_for_parabolas(grid):
    x = grid.points
    slope = np.arange(1.0, grid.dim + 1)
    u = x @ slope + 3.0
    np.testing.assert_allclose(grid.gradient @ u, slope[grid.face_directions], rtol=1e-12)
    np.testing.assert_allclose(grid.face_mean @ u, grid.face_points @ slope + 3.0, rtol=1e-14)
    for d in range(grid.dim):
        v = u + x[:, d] ** 2 - 2 * x[:, 0] * x[:, d]
        expected = slope[d] + 2 * x[:, d] - 2 * x[:, 0] * (1 + (d == 0))
        np.testing.assert_allclose(grid.derivative(d) @ v, expected, rtol=1e-11, atol=1e-11)


def test_observation_is_exact_for_multilinear_functions_and_at_nodes(grid):
    rng = np.random.default_rng(3)
    low, high = grid.points.min(axis=0), grid.points.max(axis=0)
    points = rng.uniform(low, high, (20, grid.dim))

    def u(x):
        return np.prod(x + 1.0, axis=1)
    np.testing.assert_allclose(grid.observe(points) @ u(grid.points), u(points), rtol=1e-13)
    np.testing.assert_array_equal(grid.observe(grid.points).matrix.toarray(), np.eye(grid.n))
    np.testing.assert_array_equal(grid.observe_nodes([2, 0, 2]) @ u(grid.points),
                                  u(grid.points[[2, 0, 2]]))


def test_restriction_and_extension(grid):
    u = np.random.default_rng(4).normal(size=grid.n)
    inner = grid.restriction @ u
    np.testing.assert_array_equal(inner, u[grid.interior])
    full = (grid.extension @ inner).numpy()
    np.testing.assert_array_equal(full[grid.boundary], 0.0)
    np.testing.assert_array_equal(full[grid.interior], u[grid.interior])
    assert len(grid.interior) == np.prod([m - 2 for m in grid.shape])


def test_snapshots_are_columns(grid):
    rng = np.random.default_rng(5)
    u, q = rng.normal(size=(grid.n, 3)), rng.normal(size=(grid.n_faces, 3))
    kappa, f = rng.uniform(1, 2, (grid.n_faces, 3)), rng.normal(size=(grid.n, 3))
    shared = grid.divergence_form(kappa[:, 0], u).numpy()
    own = grid.divergence_form(kappa, u).numpy()
    nodal = grid.divergence_form(u ** 2 + 1, u, mean="harmonic").numpy()
    for j in range(3):
        one = u[:, j]
        close = {"rtol": 1e-12, "atol": 1e-11}
        np.testing.assert_allclose(shared[:, j], grid.divergence_form(kappa[:, 0], one), **close)
        np.testing.assert_allclose(own[:, j], grid.divergence_form(kappa[:, j], one), **close)
        np.testing.assert_allclose(
            nodal[:, j], grid.divergence_form(one ** 2 + 1, one, mean="harmonic"), **close)
        np.testing.assert_allclose((grid.laplace(kappa[:, 0]) @ u)[:, j],
                                   grid.laplace(kappa[:, 0]) @ one, **close)
        np.testing.assert_array_equal(grid.load(f)[:, j], grid.load(f[:, j]))
        for linear_map, x in [(grid.gradient, u), (grid.divergence, q), (grid.face_mean, u),
                              (grid.derivative(0), u), (grid.restriction, u)]:
            np.testing.assert_allclose((linear_map @ x)[:, j], linear_map @ x[:, j], **close)


# --- coefficients ----------------------------------------------------------------------------
def test_all_ways_of_stating_a_coefficient(grid):
    def kappa(x):
        return 1.0 + x.sum(axis=1)
    expected = grid.laplace(kappa).to_scipy().toarray()
    at_faces, at_nodes = kappa(grid.face_points), kappa(grid.points)     # linear: the mean is exact
    for given in [at_faces, tf.constant(at_faces), at_nodes, tf.constant(at_nodes), at_nodes.tolist(),
                  lambda x: tf.constant(kappa(x))]:
        np.testing.assert_allclose(grid.laplace(given).to_scipy().toarray(), expected, rtol=1e-13)
    half = grid.laplace(0.5) + grid.laplace(tf.constant(0.5, tf.float64))
    np.testing.assert_allclose(half.to_scipy().toarray(), grid.laplace().to_scipy().toarray(), rtol=1e-15)


def test_harmonic_mean_gives_the_exact_flux_between_two_materials():
    """κ = 1 on (0, 3/2), 9 on (3/2, 3): u(0) = 0, u(3) = 1 has the flux 1/(1.5/1 + 1.5/9) = 0.6."""
    grid = Grid([0.0, 1.0, 2.0, 3.0])
    kappa = np.array([1.0, 1.0, 9.0, 9.0])
    A = grid.laplace(kappa, mean="harmonic")
    u = fem.solve(A, grid.load(0.0), dirichlet={"left": 0.0, "right": 1.0})
    np.testing.assert_allclose(u, [0.0, 0.6, 1 - 0.6 / 9, 1.0], rtol=1e-14)
    arithmetic = grid.laplace(kappa).coefficients[0]
    np.testing.assert_allclose(arithmetic, [1, 5, 9])


def test_derivatives_through_both_means_equal_tapes():
    grid = Grid(smooth(4), rough(3))
    u = np.random.default_rng(6).normal(size=grid.n)

    for mean in ("arithmetic", "harmonic"):
        def loss(theta, mean=mean):
            r = grid.divergence_form(tf.exp(theta["k"]), u, mean=mean)
            return tf.reduce_sum(r ** 2 / (1 + r ** 2))
        problem = pcl.Problem(loss, {"k": np.linspace(-1, 1, grid.n)})
        _, gradient, hessian = by_tapes(flat_loss(loss, problem), problem.theta0)
        np.testing.assert_allclose(problem.gradient(problem.theta0), gradient, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(problem.hessian(problem.theta0), hessian, rtol=0,
                                   atol=1e-11 * np.abs(hessian).max())


# --- boundary value problems -----------------------------------------------------------------
class Manufactured:
    """u = Π sin(2x_d + 0.3), κ = 1 + |x|² exp(x_0), f = −∇·(κ∇u)."""

    @staticmethod
    def u(x):
        return np.prod(np.sin(2 * x + 0.3), axis=1)

    @staticmethod
    def kappa(x):
        return 1 + np.sum(x ** 2, axis=1) * np.exp(x[:, 0])

    @classmethod
    def f(cls, x):
        e, square = np.exp(x[:, 0]), np.sum(x ** 2, axis=1)
        result = 4 * x.shape[1] * cls.kappa(x) * cls.u(x)
        for d in range(x.shape[1]):
            u_d = 2 * np.cos(2 * x[:, d] + 0.3) * cls.u(np.delete(x, d, axis=1))
            kappa_d = 2 * x[:, d] * e + (square * e if d == 0 else 0.0)
            result = result - kappa_d * u_d
        return result


def order(counts, error, axis):
    """Slope of log(error) against log(largest spacing), from the coarsest to the finest grid."""
    errors = [error(n) for n in counts]
    spacings = [np.diff(axis(n)).max() for n in counts]
    return np.log(errors[0] / errors[-1]) / np.log(spacings[0] / spacings[-1])


COUNTS = {1: (21, 81), 2: (17, 65), 3: (11, 25)}


@pytest.mark.parametrize("kind", AXES)
@pytest.mark.parametrize("dim", COUNTS)
@pytest.mark.parametrize("place", ["faces", "nodes", "harmonic"])
def test_dirichlet_problem_converges_with_order_two(dim, kind, place):
    def error(n):
        grid = Grid(*[AXES[kind](n)] * dim)
        kappa = Manufactured.kappa if place == "faces" else Manufactured.kappa(grid.points)
        A = grid.laplace(kappa, mean="harmonic" if place == "harmonic" else "arithmetic")
        u = fem.solve(A, grid.load(Manufactured.f), dirichlet=Manufactured.u)
        return np.sqrt(grid.volumes @ (u.numpy() - Manufactured.u(grid.points)) ** 2)
    assert order(COUNTS[dim], error, AXES[kind]) > 1.9


@pytest.mark.parametrize("kind", ["uniform", "smooth"])
@pytest.mark.parametrize("dim", COUNTS)
def test_strong_form_is_consistent_of_order_two_inside(dim, kind):
    """Root mean square over inner nodes; 3-D grids are coarse, where the order is not reached yet."""
    def error(n):
        grid = Grid(*[AXES[kind](n)] * dim)
        r = grid.divergence_form(Manufactured.kappa, Manufactured.u) - Manufactured.f(grid.points)
        return np.sqrt(np.mean((grid.restriction @ r) ** 2))
    assert order((21, 41) if dim == 3 else COUNTS[dim], error, AXES[kind]) > 1.9


def test_no_flux_through_a_side_without_a_value():
    """cos(πx) with κ = 2: no flux at both ends, order two with the natural condition and a mean value."""
    def error(n):
        grid = Grid(smooth(n), smooth(5))
        exact = np.cos(np.pi * grid.points[:, 0])
        b = grid.load(lambda x: 2 * np.pi ** 2 * np.cos(np.pi * x[:, 0]))
        u = fem.solve(grid.laplace(2.0), b, mean_value=0.0)
        assert abs(grid.volumes @ u.numpy()) < 1e-10
        mixed = fem.solve(grid.laplace(2.0), b, dirichlet={"left": 1.0})
        return max(np.abs(u - exact).max(), np.abs(mixed - exact).max())
    assert order((21, 81), error, smooth) > 1.9


def test_reaction_diffusion_and_several_right_hand_sides():
    """−u'' + u = f with u = cosh x where f = 0."""
    grid = Grid(smooth(200))
    A = grid.laplace() + grid.mass(1.0)
    exact = np.cosh(grid.points[:, 0])
    b = np.stack([np.zeros(grid.n), grid.volumes], axis=1)
    u = fem.solve(A, b, dirichlet=lambda x: np.cosh(x[:, 0])).numpy()
    np.testing.assert_allclose(u[:, 0], exact, atol=1e-5)                 # h² u''/12
    ends = np.sinh(grid.points[:, 0]) + np.sinh(1 - grid.points[:, 0])
    np.testing.assert_allclose(u[:, 1] - u[:, 0], 1 - ends / np.sinh(1), atol=1e-5)


def test_sides_by_name():
    grid = Grid(smooth(3), smooth(4), smooth(5))
    for k, (low, high) in enumerate([("left", "right"), ("bottom", "top"), ("front", "back")]):
        np.testing.assert_array_equal(grid.boundary_dofs(low), np.flatnonzero(grid.points[:, k] == 0))
        np.testing.assert_array_equal(grid.boundary_dofs(high), np.flatnonzero(grid.points[:, k] == 1))
    np.testing.assert_array_equal(grid.boundary_dofs(["left", "top"]),
                                  grid.boundary_dofs(lambda x: (x[:, 0] == 0) | (x[:, 1] == 1)))
    np.testing.assert_array_equal(grid.boundary_dofs([7, 3]), [3, 7])


# --- doors -----------------------------------------------------------------------------------
@pytest.mark.parametrize("axes, error, words", [
    ((), ValueError, "0 coordinate arrays"),
    (([0, 1, 2],) * 4, ValueError, "one to three"),
    (([0, 1],), ValueError, "x has 2 coordinates; expected at least 3"),
    (([0, 1, 2], [0, 2, 1]), ValueError, r"y is not increasing: y\[2\] = 1 after y\[1\] = 2"),
    (([0, 1, 1, 2],), ValueError, r"x\[2\] = 1 after x\[1\] = 1"),
    (([0, np.nan, 2],), ValueError, "first at index 1"),
    (([[0, 1, 2]],), ValueError, r"x has shape \(1, 3\)"),
    ((5,), ValueError, r"x has shape \(\)"),
    (([0, 1j, 2],), TypeError, "complex"),
    ((["a", "b", "c"],), TypeError, "real numbers"),
])
def test_wrong_coordinates_are_refused(axes, error, words):
    with pytest.raises(error, match=words):
        Grid(*axes)


@pytest.mark.parametrize("counts, lengths, words", [
    (2, 1.0, "counts is 2"), ((5, 4.5), 1.0, "counts is 4.5"), ((5, 5), (1.0, 1.0, 1.0), "2 axes"),
    (5, -1.0, "lengths is -1.0"), (5, 0.0, "positive"), (5, np.nan, "lengths")])
def test_wrong_uniform_grids_are_refused(counts, lengths, words):
    with pytest.raises(ValueError, match=words):
        Grid.uniform(counts, lengths)


def test_coordinates_are_copied_and_a_grid_does_not_change():
    x = np.array([0.0, 1.0, 2.0])
    grid = Grid(x)
    x[1] = 5.0
    assert grid.points[1] == 1.0
    for array in (grid.points, grid.volumes, grid.face_points, grid.axes[0], grid.boundary):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7
    with pytest.raises(AttributeError, match="never changes"):
        grid.n = 4
    assert pickle.loads(pickle.dumps(grid)).n == 3


@pytest.mark.parametrize("shape", [(12, 1), (17, 1), (11,), (1,), (4, 3), (1, 17), (17, 2)])
def test_wrong_shapes_of_a_coefficient_are_refused(shape):
    grid = Grid.uniform((4, 3))                                           # 12 nodes, 17 faces
    for value in (np.ones(shape), tf.ones(shape, tf.float64)):
        with pytest.raises(ValueError, match=r"kappa has shape .*\(17,\) or \(12,\)"):
            grid.laplace(value)
        with pytest.raises(ValueError, match="kappa has shape"):
            grid.divergence_form(value, np.ones(12))


@pytest.mark.parametrize("shape", [(), (11,), (1, 12), (12, 1, 1), (17,)])
def test_wrong_shapes_of_a_function_are_refused(shape):
    grid = Grid.uniform((4, 3))
    for value in (np.ones(shape), tf.ones(shape, tf.float64)):
        with pytest.raises(ValueError, match=r"u has shape .*expected \(12,\)"):
            grid.divergence_form(1.0, value)
    if shape:
        with pytest.raises(ValueError, match="f has shape"):
            grid.load(np.ones(shape))
    with pytest.raises(ValueError, match="coefficient has shape"):
        grid.mass(np.ones((12, 1)))


def test_inadmissible_values_are_named():
    grid = Grid.uniform((4, 3), (3.0, 2.0))
    kappa = np.ones(17)
    kappa[3] = -1.0
    with pytest.raises(InvalidCoefficient, match=r"face 3 between nodes 3 and 6, at \(1.5, 0\)"):
        grid.laplace(kappa)
    np.testing.assert_array_equal(grid.laplace(kappa, positive=False).coefficients[0], kappa)
    nodal = np.ones(12)
    nodal[4] = np.nan
    with pytest.raises(InvalidCoefficient, match=r"node 4 at \(1, 1\)"):
        grid.laplace(nodal, positive=False)
    with pytest.raises(InvalidCoefficient, match=r"u is not finite .*node 4 at \(1, 1\)"):
        grid.divergence_form(1.0, np.stack([np.ones(12), nodal], axis=1))
    with pytest.raises(InvalidCoefficient, match=r"f is not finite .*node 4"):
        grid.load(nodal)
    with pytest.raises(ValueError, match="harmonic mean is defined for positive"):
        grid.laplace(1.0, positive=False, mean="harmonic")
    with pytest.raises(ValueError, match="known are arithmetic, harmonic"):
        grid.laplace(1.0, mean="geometric")
    with pytest.raises(TypeError, match="float32"):
        grid.laplace(tf.ones(17, tf.float32))


def test_a_network_that_leaves_the_admissible_range_is_named():
    grid = Grid.uniform(5)
    problem = pcl.Problem(lambda t: tf.reduce_sum(grid.divergence_form(t["k"], np.ones(5))),
                          {"k": np.array([1.0, 1.0, 0.0, 1.0])})
    with pytest.raises(InvalidCoefficient, match="face 2 between nodes 2 and 3"):
        problem.value(problem.theta0)


def test_numbers_and_points_out_of_range_are_refused():
    grid = Grid.uniform((4, 3))
    for bad in ([12], [-1]):
        with pytest.raises(IndexError, match="from 0 to 11"):
            grid.observe_nodes(bad)
        with pytest.raises(IndexError, match="from 0 to 11"):
            fem.solve(grid.laplace(), grid.load(), dirichlet={tuple(bad): 0.0})
    with pytest.raises(ValueError, match="indices is empty"):
        grid.observe_nodes([])
    with pytest.raises(ValueError, match=r"1 of 2 points lie outside .* point 1 at \(0.5, 1.01\)"):
        grid.observe([[0.5, 1.0], [0.5, 1.01]])
    with pytest.raises(ValueError, match="transposed"):
        grid.observe(np.ones((2, 5)))
    with pytest.raises(ValueError, match="axis is 2"):
        grid.derivative(2)
    with pytest.raises(ValueError, match="where is .front.; known are bottom, left"):
        grid.boundary_dofs("front")
    with pytest.raises(ValueError, match="vector in L @ x has shape"):
        _ = grid.gradient @ np.ones(17)


def test_a_singular_system_is_refused():
    grid = Grid.uniform((4, 3))
    with pytest.raises(SingularMatrix, match="no Dirichlet value"):
        fem.solve(grid.laplace(), grid.load())


# --- size ------------------------------------------------------------------------------------
@pytest.mark.parametrize("counts", [(1000, 1000), (100, 100, 100)])
def test_a_million_nodes_take_seconds(counts):
    """About 1 s on one thread; the bound leaves room for a busy machine."""
    start = time.perf_counter()
    grid = Grid.uniform(counts)
    r = grid.divergence_form(1.0, grid.points[:, 0] ** 2)
    assert time.perf_counter() - start < 15.0
    # Rounding: eps u / h² = 2e-16 · 1e6.
    np.testing.assert_allclose(grid.restriction @ r, -2.0, atol=1e-8)
