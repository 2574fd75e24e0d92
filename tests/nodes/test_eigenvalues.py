"""K x = λ M x: values, vectors, and their derivatives, against dense linear algebra."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
import tensorflow as tf
from oracles import by_tapes, differences

import pcl
from pcl.nodes.eigen import pencil

RNG = np.random.default_rng(0)
N = 5
G = RNG.normal(size=(8, N)) * (RNG.random((8, N)) < 0.6) + np.eye(8, N)
H = RNG.normal(size=(6, N)) * (RNG.random((6, N)) < 0.6) + np.eye(6, N)
STIFF, MASS = pcl.Structure(G, G), pcl.Structure(H, H)
BLOCKS = {"k": 0.3 * RNG.normal(size=8), "m": 0.3 * RNG.normal(size=6)}
WEIGHTS = RNG.normal(size=(N, 3))


def matrices(theta):
    """K = Gᵀ diag(e^k) G, M = Hᵀ diag(e^m) H."""
    return (pcl.SparseMatrix.from_structure(STIFF, tf.exp(theta["k"])),
            pcl.SparseMatrix.from_structure(MASS, tf.exp(theta["m"])))


def of_values(values):
    return tf.reduce_sum(values ** 3 * [1.0, 2.0, 3.0])


def of_pairs(values, vectors):
    return of_values(values) + tf.reduce_sum(tf.square(WEIGHTS * tf.square(vectors)))


def by_dense_tensorflow(loss, theta):
    """The loss of the first three pairs by Cholesky's factor of M and tf.linalg.eigh."""
    K = G.T @ (tf.exp(theta[:8])[:, None] * G)
    L = tf.linalg.cholesky(H.T @ (tf.exp(theta[8:])[:, None] * H))
    C = tf.linalg.triangular_solve(L, tf.transpose(tf.linalg.triangular_solve(L, K)))
    values, Y = tf.linalg.eigh((C + tf.transpose(C)) / 2.0)
    return loss(values[:3], tf.linalg.triangular_solve(L, Y, adjoint=True)[:, :3])


LOSSES = {False: lambda theta: of_values(pcl.eigenvalues(*matrices(theta), 3)),
          True: lambda theta: of_pairs(*pcl.eigenvalues(*matrices(theta), 3, vectors=True))}


@pytest.mark.parametrize("vectors", [False, True])
def test_all_derivatives_equal_those_of_a_dense_decomposition(vectors):
    problem = pcl.Problem(LOSSES[vectors], BLOCKS)
    theta, v = problem.theta0, np.linspace(-1.0, 1.0, problem.size)
    dense = (of_pairs if vectors else lambda values, vectors: of_values(values))
    value, gradient, hessian = by_tapes(lambda t: by_dense_tensorflow(dense, t), theta, vectorised=False)
    assert problem.value(theta) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(problem.gradient(theta), gradient, atol=1e-11 * np.abs(gradient).max())
    scale = np.abs(hessian).max()
    for mode in ("forward", "backward"):
        np.testing.assert_allclose(problem.hessian(theta, mode=mode), hessian, atol=1e-10 * scale)
    np.testing.assert_allclose(problem.hvp(theta, v), hessian @ v, atol=1e-9 * scale)


def test_derivatives_pass_the_checks():
    problem = pcl.Problem(LOSSES[True], BLOCKS)
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


def test_the_jacobian_of_the_eigenvalues_is_that_of_differences_of_scipy():
    problem = pcl.Problem.from_residuals(
        lambda theta: pcl.eigenvalues(*matrices(theta), [0, (2, 4)]), BLOCKS)

    def values(theta):
        K, M = (A.T @ (np.exp(c)[:, None] * A) for A, c in ((G, theta[:8]), (H, theta[8:])))
        found = scipy.linalg.eigh(K, M, eigvals_only=True)
        return np.array([found[0], (found[2] + found[4]) / 2.0])
    J = problem.jacobian(problem.theta0)
    np.testing.assert_allclose(J, differences(values, problem.theta0), atol=1e-6 * np.abs(J).max())
    np.testing.assert_allclose(problem.gauss_newton(problem.theta0), 2.0 * J.T @ J, rtol=1e-9, atol=1e-9)


def test_vectors_are_normalised_and_signed():
    K, M = matrices({name: tf.constant(value) for name, value in BLOCKS.items()})
    values, X = pcl.eigenvalues(K, M, 5, vectors=True)
    K, M, X = K.to_scipy(), M.to_scipy(), X.numpy()
    np.testing.assert_allclose(X.T @ M @ X, np.eye(5), atol=1e-13)
    np.testing.assert_allclose(K @ X, M @ X * values, atol=1e-12 * abs(K).max())
    large = np.abs(X) >= 0.5 * np.abs(X).max(axis=0)
    assert all(x[np.argmax(big)] > 0.0 for x, big in zip(X.T, large.T))


# --- many unknowns ---------------------------------------------------------------------------------
def chain(n, spring=None):
    """n masses between walls, springs c: λ_j = 4 sin²(jπ/2(n+1)) for c = 1."""
    D = np.eye(n + 1, n) - np.eye(n + 1, n, -1)
    return pcl.SparseMatrix.from_structure(pcl.Structure(D, D), 1.0 if spring is None else spring)


def chain_values(n, numbers):
    return 4.0 * np.sin((1 + np.asarray(numbers)) * np.pi / (2 * (n + 1))) ** 2


@pytest.mark.parametrize("n", [50, 400])
def test_the_smallest_are_those_of_a_chain_of_springs(n):
    assert (n > pencil.DENSE) == (n == 400)
    np.testing.assert_allclose(pcl.eigenvalues(chain(n), count=5), chain_values(n, range(5)), rtol=1e-9)
    two = pcl.eigenvalues(chain(n), count=[3, 0])
    np.testing.assert_allclose(two, chain_values(n, [3, 0]), rtol=1e-9)


def test_all_eigenvalues_of_a_small_pencil_are_found_over_seven_decades():
    values = pcl.eigenvalues(chain(190), count=190)
    np.testing.assert_allclose(values, chain_values(190, range(190)), rtol=1e-9)
    graded = np.logspace(0.0, 7.0, 12)
    values = pcl.eigenvalues(pcl.SparseMatrix.from_scipy(sp.diags_array(graded)), count=12)
    np.testing.assert_allclose(values, graded, rtol=1e-9)


@pytest.mark.parametrize("n", [50, 400])
def test_the_nearest_to_a_shift_are_found_on_both_sides(n):
    every = chain_values(n, range(n))
    nearest = np.sort(every[np.argsort(np.abs(every - 1.7))[:6]])
    np.testing.assert_allclose(pcl.eigenvalues(chain(n), count=6, sigma=1.7), nearest, rtol=1e-11)


def test_many_unknowns_have_the_derivatives_of_few():
    """Lanczos and the dense solver on one chain: a loss of values and vectors, by its Hessian."""
    problems = []
    for dense in (1000, 10):
        def loss(theta):
            spring = tf.exp(theta["c"][0]) + theta["c"][1] * np.linspace(0, 1, 301)
            values, X = pcl.eigenvalues(chain(300, spring), count=3, vectors=True)
            return tf.reduce_sum(values ** 2) * 1e6 + tf.reduce_sum(X[::5] ** 4)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pencil, "DENSE", dense)
            problem = pcl.Problem(loss, {"c": [0.1, 0.2]})
            problems.append((problem.value(problem.theta0), problem.hessian(problem.theta0)))
    np.testing.assert_allclose(problems[0][0], problems[1][0], rtol=1e-9)
    np.testing.assert_allclose(problems[0][1], problems[1][1], rtol=1e-7)


def test_an_eigenvalue_that_lanczos_leaves_out_is_looked_for_again(monkeypatch):
    """Two equal chains have every eigenvalue twice; the first search is made to lose one."""
    two = sp.block_diag([chain(150).to_scipy()] * 2, format="csc")
    original, searches = pencil.Pencil._lanczos, []

    def forgetful(self, F, shift, count, seed):
        values, vectors = original(self, F, shift, count, seed)
        searches.append(count)
        keep = np.arange(len(values)) != 1 if len(searches) == 1 else slice(None)
        return values[keep], vectors[:, keep]
    monkeypatch.setattr(pencil.Pencil, "_lanczos", forgetful)
    values = pcl.eigenvalues(pcl.SparseMatrix.from_scipy(two), count=4)
    np.testing.assert_allclose(values, chain_values(150, [0, 0, 1, 1]), rtol=1e-9)
    assert len(searches) == 2


def test_a_body_that_floats_has_an_eigenvalue_zero_and_the_others_right():
    """Springs without walls: λ_j = 4 sin²(jπ/2n), from j = 0."""
    n, D = 300, np.eye(299, 300) - np.eye(299, 300, 1)
    K = pcl.SparseMatrix.from_structure(pcl.Structure(D, D), 1.0)
    expected = 4.0 * np.sin(np.arange(4) * np.pi / (2 * n)) ** 2
    np.testing.assert_allclose(pcl.eigenvalues(K, count=4), expected, rtol=1e-8, atol=1e-14)


# --- multiple eigenvalues ----------------------------------------------------------------------------
PLANE = np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 5.0]])
DIRECTIONS = np.array([[[1.0, 0.3, 0.2], [0.3, -0.5, 0.7], [0.2, 0.7, 0.4]],
                       [[0.2, -0.6, 0.5], [-0.6, 0.9, 0.1], [0.5, 0.1, -0.3]]])
ENTRIES = np.indices((3, 3)).reshape(2, -1)


def plane(theta, mass=False):
    """(K, M) with λ = 2, 2, 5 at θ = 0, full matrices that move with θ (2,)."""
    K = tf.reshape(PLANE + tf.tensordot(theta, DIRECTIONS, 1), [-1])
    M = tf.reshape(np.eye(3) + (0.3 * tf.tensordot(theta[::-1], DIRECTIONS, 1) if mass else 0.0), [-1])
    return [pcl.SparseMatrix.from_entries(*ENTRIES, entries, (3, 3)) for entries in (K, M)]


def mean_of_two(theta, mass):
    K, M = (A.to_scipy().toarray() for A in plane(tf.constant(theta), mass))
    return scipy.linalg.eigh(K, M, eigvals_only=True)[:2].mean()


@pytest.mark.parametrize("mass", [False, True])
@pytest.mark.parametrize("gap", [0.0, 1e-9, 1e-5])
def test_the_mean_of_eigenvalues_that_coincide_has_first_and_second_derivatives(mass, gap):
    """Against differences of scipy.linalg.eigh, which see no kink in the mean."""
    start = np.array([gap, 0.0])
    problem = pcl.Problem(
        lambda theta: pcl.eigenvalues(*plane(theta["t"], mass), [(0, 1), 2])[0], {"t": start})

    def gradient(theta):
        return differences(lambda t: mean_of_two(t, mass), theta, 1e-3)
    np.testing.assert_allclose(problem.gradient(start), gradient(start), atol=1e-6)
    H = differences(gradient, start, 1e-3)
    np.testing.assert_allclose(problem.hessian(start), H, atol=1e-5)
    for v in np.eye(2):
        np.testing.assert_allclose(problem.hvp(start, v), H @ v, atol=1e-5)


def refused(what):
    with pytest.raises(pcl.MultipleEigenvalue, match="eigenvalues 0, 1 coincide at 2.*mean is the entry"):
        what()


ZERO = {"t": np.zeros(2)}


def test_one_of_several_that_coincide_has_no_derivative():
    problem = pcl.Problem(lambda theta: pcl.eigenvalues(*plane(theta["t"]), 3)[0], ZERO)
    assert problem.value(np.zeros(2)) == pytest.approx(2.0)
    refused(lambda: problem.gradient(np.zeros(2)))
    one = pcl.Problem(lambda theta: pcl.eigenvalues(*plane(theta["t"]), 1)[0], ZERO)
    refused(lambda: one.gradient(np.zeros(2)))              # the other one is found beyond the first


def test_their_sum_has_a_gradient_but_no_hessian_by_its_parts():
    problem = pcl.Problem(lambda theta: tf.reduce_sum(pcl.eigenvalues(*plane(theta["t"]), 2)), ZERO)
    expected = [D[0, 0] + D[1, 1] for D in DIRECTIONS]       # the trace over the plane
    np.testing.assert_allclose(problem.gradient(np.zeros(2)), expected, rtol=1e-12)


@pytest.mark.parametrize("square", [lambda y: (y[0] - y[1]) ** 2,
                                    lambda y: tf.reduce_sum((y[:2] - 2.0) ** 2)])
def test_a_square_whose_gradient_vanishes_is_refused_at_second_order(square):
    problem = pcl.Problem(lambda theta: square(pcl.eigenvalues(*plane(theta["t"]), 3)), ZERO)
    refused(lambda: problem.hessian(np.zeros(2)))
    refused(lambda: problem.hessian(np.zeros(2), mode="backward"))
    refused(lambda: problem.hvp(np.zeros(2), np.ones(2)))


def test_eigenvalues_beside_a_multiple_one_keep_all_derivatives():
    def problem(which, place):
        return pcl.Problem(lambda theta: pcl.eigenvalues(*plane(theta["t"]), which)[place] ** 2, ZERO)
    all_three, alone = problem(3, 2), problem([2], 0)
    H = alone.hessian(np.zeros(2))
    np.testing.assert_allclose(all_three.gradient(np.zeros(2)), alone.gradient(np.zeros(2)), rtol=1e-12)
    for mode in ("forward", "backward"):
        np.testing.assert_allclose(all_three.hessian(np.zeros(2), mode=mode), H, rtol=1e-12)
    np.testing.assert_allclose(all_three.hvp(np.zeros(2), np.ones(2)), H.sum(axis=1), rtol=1e-12)


def test_jacobians_are_refused_where_a_residual_is_one_of_several():
    problem = pcl.Problem.from_residuals(lambda theta: pcl.eigenvalues(*plane(theta["t"]), 3), ZERO)
    refused(lambda: problem.jacobian(np.zeros(2)))
    refused(lambda: problem.gauss_newton(np.zeros(2)))
    third = pcl.Problem.from_residuals(lambda theta: pcl.eigenvalues(*plane(theta["t"]), 3)[2:], ZERO)
    np.testing.assert_allclose(third.jacobian(np.zeros(2)), [[D[2, 2] for D in DIRECTIONS]], rtol=1e-12)


def test_vectors_of_several_that_coincide_are_refused():
    refused(lambda: pcl.eigenvalues(*plane(tf.zeros(2, tf.float64)), 2, vectors=True))
    values, vectors = pcl.eigenvalues(*plane(tf.zeros(2, tf.float64)), [2], vectors=True)
    np.testing.assert_allclose(vectors[:, 0], [0.0, 0.0, 1.0], atol=1e-14)


def test_tapes_refuse_what_the_problem_refuses():
    theta = tf.zeros(2, tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(theta)
        y = pcl.eigenvalues(*plane(theta), 3)
        one, total = y[0], y[0] + y[1]
    refused(lambda: tape.gradient(one, theta))
    traces = [D[0, 0] + D[1, 1] for D in DIRECTIONS]
    np.testing.assert_allclose(tape.gradient(total, theta), traces, rtol=1e-12)


# --- bad input ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("n", [3, 300])
def test_what_is_no_such_pencil_is_refused_in_words(n):
    unit = sp.eye_array(n, format="csr")
    K, wrong = sp.csr_array(sp.diags_array(np.arange(1.0, n + 1.0))), sp.lil_array(unit)
    wrong[0, 1] = 0.5

    def of(K, M=None, *args, **settings):
        matrices = [None if A is None else pcl.SparseMatrix.from_scipy(A) for A in (K, M)]
        return pcl.eigenvalues(*matrices, *args, **settings)
    with pytest.raises(ValueError, match="K is not symmetric: .*up to 0.5"):
        of(wrong, None, 2)
    with pytest.raises(ValueError, match="M is not symmetric"):
        of(K, wrong, 2)
    with pytest.raises(pcl.InvalidCoefficient, match="M is not positive definite"):
        of(K, unit - 2.0 * sp.diags_array(1.0 * (np.arange(n) == 1)), 2)
    with pytest.raises(pcl.InvalidCoefficient, match="K is not positive semidefinite.*sigma"):
        of(K - 2.5 * unit, None, 2)
    with pytest.raises(ValueError, match=f"count is {n + 1}; expected a whole number from 1 to {n}"):
        of(K, None, n + 1)
    with pytest.raises(pcl.SingularMatrix, match="σ = 2.*another sigma"):
        of(K, None, 1, sigma=2.0)
    np.testing.assert_allclose(of(K - 2.5 * unit, None, 2, sigma=0.1), [-0.5, 0.5], rtol=1e-12)


def test_arguments_that_fit_nothing_are_refused_at_the_door():
    K = chain(4)
    with pytest.raises(TypeError, match="K is a ndarray; expected a pcl.SparseMatrix"):
        pcl.eigenvalues(np.eye(3))
    with pytest.raises(ValueError, match="K has shape .4, 4. and M .5, 5."):
        pcl.eigenvalues(K, chain(5), 2)
    with pytest.raises(ValueError, match="a mean of several"):
        pcl.eigenvalues(K, count=[(0, 1)], vectors=True)
    with pytest.raises(ValueError, match="tuple of different numbers"):
        pcl.eigenvalues(K, count=[(0, 0)])
    with pytest.raises(IndexError, match="expected numbers from 0 to 3"):
        pcl.eigenvalues(K, count=[4])
    with pytest.raises(pcl.NotFinite, match="K .its entries."):
        pcl.eigenvalues(chain(4, tf.constant([1.0, np.nan, 1.0, 1.0, 1.0], tf.float64)), count=2)


def test_the_hessian_over_many_points_holds_no_matrix_of_points_by_points():
    """A network at 40,000 points: a matrix of all pairs of them would take 12 GB."""
    points = np.linspace(-1.0, 1.0, 40_000)[:, None]
    D, net = sp.random_array((40_000, 5), density=0.3, rng=np.random.default_rng(1)), pcl.MLP([1, 3, 1])
    many = pcl.Structure(D, D)

    def loss(theta):
        K = pcl.SparseMatrix.from_structure(many, tf.exp(net(theta["net"], points)[:, 0]))
        return tf.reduce_sum(pcl.eigenvalues(K, count=3) ** 2) * 1e-6
    problem = pcl.Problem(loss, {"net": net.init(1)})
    H, v = problem.hessian(problem.theta0), np.linspace(-1.0, 1.0, problem.size)
    np.testing.assert_allclose(problem.hvp(problem.theta0, v), H @ v, atol=1e-9 * np.abs(H).max())
