"""u = A⁻¹ b: values and derivatives of any order in the entries of A and in b."""

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from oracles import by_tapes, slope

import pcl
from pcl import factor
from pcl.nodes.linear import pattern as sparse_pattern, structure


def random_system(n=10, density=0.6, seed=0):
    """A random sparse system with unsorted and duplicate entries."""
    rng = np.random.default_rng(seed)
    mask = rng.random((n, n)) < density
    np.fill_diagonal(mask, True)
    rows, cols = np.nonzero(mask)
    order = rng.permutation(len(rows))
    rows, cols = rows[order], cols[order]
    rows, cols = np.concatenate([rows, rows[:5]]), np.concatenate([cols, cols[:5]])
    values = rng.normal(size=len(rows)) + 3.0 * (rows == cols)
    return rows, cols, values, rng.normal(size=n)


def dense_loss(rows, cols, n):
    """Σu² by dense TensorFlow, of the flat (values, b)."""
    def loss(theta):
        A = tf.scatter_nd(np.stack([rows, cols], axis=1), theta[:len(rows)], (n, n))
        return tf.reduce_sum(tf.linalg.solve(A, theta[len(rows):, None]) ** 2)
    return loss


def entry_problem(rows, cols, values, b):
    n = len(b)

    def loss(theta):
        A = pcl.SparseMatrix.from_entries(rows, cols, theta["entries"], (n, n))
        return tf.reduce_sum(pcl.solve(A, theta["b"]) ** 2)
    return pcl.Problem(loss, {"entries": values, "b": b})


def test_hessian_in_all_entries_and_the_right_hand_side_equals_dense_differentiation():
    rows, cols, values, b = random_system()
    problem = entry_problem(rows, cols, values, b)
    theta = problem.theta0
    value, gradient, hessian = by_tapes(dense_loss(rows, cols, len(b)), theta)
    H = problem.hessian(theta)
    scale = np.abs(hessian).max()
    assert problem.value(theta) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(problem.gradient(theta), gradient, rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(H, hessian, rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(H, H.T, rtol=0, atol=1e-12 * scale)


def test_one_factorisation_serves_value_gradient_hessian_and_products():
    problem = entry_problem(*random_system())
    theta = problem.theta0
    problem.value(theta), problem.gradient(theta), problem.hessian(theta)
    problem.hvp(theta, np.ones(problem.size))
    assert problem.counts.factorisations == 1


def test_nested_tapes_through_the_solve_agree_with_the_problem():
    rows, cols, values, b = random_system(6)
    problem = entry_problem(rows, cols, values, b)

    def loss(theta):
        A = pcl.SparseMatrix.from_entries(rows, cols, theta[:len(rows)], (6, 6))
        return tf.reduce_sum(pcl.solve(A, theta[len(rows):]) ** 2)
    theta = problem.theta0
    value, gradient, hessian = by_tapes(loss, theta)
    np.testing.assert_allclose(problem.gradient(theta), gradient, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(problem.hessian(theta), hessian, rtol=1e-9, atol=1e-11)


def test_third_derivative_through_the_solve_agrees_with_differences():
    """d³/dt³ of Σu² with A = A₀ + t A₁, by three tapes and by a complex-step-free difference."""
    rows, cols, values, b = random_system(5, seed=3)
    direction = np.random.default_rng(1).normal(size=len(rows))

    def loss(t):
        A = pcl.SparseMatrix.from_entries(rows, cols, values + t * direction, (5, 5))
        return tf.reduce_sum(pcl.solve(A, b) ** 2)

    def second(t):
        t = tf.convert_to_tensor(t, tf.float64)
        with tf.GradientTape() as outer:
            outer.watch(t)
            with tf.GradientTape() as inner:
                inner.watch(t)
                value = loss(t)
            first = inner.gradient(value, t)
        return outer.gradient(first, t)

    t = tf.constant(0.05, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(t)
        curvature = second(t)
    third = tape.gradient(curvature, t).numpy()
    h = 1e-5
    difference = slope(second, 0.05, 1.0, h).numpy()
    assert third == pytest.approx(difference, rel=1e-6)


def test_several_right_hand_sides_are_solved_with_one_factor_and_differentiated_together():
    rows, cols, values, _ = random_system(7, seed=2)
    B = np.random.default_rng(5).normal(size=(7, 3))
    weights = np.arange(1.0, 22.0).reshape(7, 3)

    def loss(theta):
        A = pcl.SparseMatrix.from_entries(rows, cols, theta["entries"], (7, 7))
        return tf.reduce_sum(weights * pcl.solve(A, theta["B"]) ** 3)

    def dense(theta):
        A = tf.scatter_nd(np.stack([rows, cols], axis=1), theta[:len(rows)], (7, 7))
        return tf.reduce_sum(weights * tf.linalg.solve(A, tf.reshape(theta[len(rows):], (7, 3))) ** 3)
    problem = pcl.Problem(loss, {"entries": values, "B": B})
    _, gradient, hessian = by_tapes(dense, problem.theta0)
    scale = np.abs(hessian).max()
    np.testing.assert_allclose(problem.gradient(problem.theta0), gradient, atol=1e-11 * scale)
    np.testing.assert_allclose(problem.hessian(problem.theta0), hessian, atol=1e-10 * scale)
    assert problem.counts.factorisations == 1


def test_matrix_times_vector_depending_on_an_earlier_solve():
    """v = A⁻¹(A(c)ᵀ A⁻¹ b + b²): products, transposes and chained solves together."""
    rows, cols, values, b = random_system(6, seed=4)

    def model(entries, b, matrix, solve):
        u = solve(matrix(entries), b)
        return solve(matrix(entries), matrix(entries).T @ u + b ** 2)

    def loss(theta):
        def matrix(e):
            return pcl.SparseMatrix.from_entries(rows, cols, e, (6, 6))
        return tf.reduce_sum(tf.sin(model(theta["entries"], theta["b"], matrix, pcl.solve)))

    def dense(theta):
        A = tf.scatter_nd(np.stack([rows, cols], axis=1), theta[:len(rows)], (6, 6))
        b = theta[len(rows):]
        u = tf.linalg.solve(A, b[:, None])
        return tf.reduce_sum(tf.sin(tf.linalg.solve(A, tf.transpose(A) @ u + b[:, None] ** 2)))
    problem = pcl.Problem(loss, {"entries": values, "b": b})
    _, gradient, hessian = by_tapes(dense, problem.theta0)
    scale = np.abs(hessian).max()
    np.testing.assert_allclose(problem.gradient(problem.theta0), gradient, atol=1e-11 * scale)
    np.testing.assert_allclose(problem.hessian(problem.theta0), hessian, atol=1e-9 * scale)
    assert problem.counts.factorisations == 1  # the same matrix twice


def test_transposed_solve_is_the_adjoint():
    rows, cols, values, b = random_system(20, 0.2, seed=7)
    matrix = sp.csc_array(sp.coo_array((values, (rows, cols)), shape=(20, 20)))
    F = factor.factorise(matrix)
    c = np.random.default_rng(2).normal(size=20)
    assert F.solve(b, False) @ c == pytest.approx(b @ F.solve(c, True), rel=1e-12)


def test_solvers_of_the_registry_agree():
    pytest.importorskip("cholespy")
    n = 30
    matrix = sp.diags_array([-np.ones(n - 1), 2.5 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1])

    def loss(solver):
        A = pcl.SparseMatrix.from_scipy(matrix)
        return lambda t: tf.reduce_sum(pcl.solve(A * tf.exp(t["a"]), np.ones(n), solver=solver) ** 2)
    both = [pcl.Problem(loss(solver), {"a": 0.3}) for solver in ("superlu", "cholespy")]
    theta = both[0].theta0
    assert both[1].hessian(theta) == pytest.approx(both[0].hessian(theta), rel=1e-12)


def test_unknown_solver_is_refused_with_the_known_ones():
    A = pcl.SparseMatrix.from_scipy(sp.eye_array(3))
    with pytest.raises(ValueError, match="'umf'.*superlu"):
        pcl.solve(A, np.ones(3), solver="umf")


def test_missing_package_of_a_solver_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cholespy", None)
    with pytest.raises(ImportError, match="pip install cholespy"):
        factor.factorise(sp.csc_array(sp.eye_array(3)), "cholespy")


@pytest.mark.parametrize("entries, complaint", [
    ([[1.0, -1.0], [-1.0, 1.0]], "no Dirichlet"),
    ([[1.0, 2.0], [2.0, 4.0]], "singular"),
    ([[1.0, 0.0], [0.0, 0.0]], "row 1"),
])
def test_singular_matrices_are_refused(entries, complaint):
    with pytest.raises(pcl.SingularMatrix, match=complaint):
        factor.factorise(sp.csc_array(np.array(entries)))


def test_large_jumps_of_a_coefficient_are_not_called_singular():
    """−(κu')' with κ from 1 to 1e-12 on 100 cells: badly scaled, well determined."""
    kappa = np.logspace(0, -12, 101)
    main = kappa[:-1] + kappa[1:]
    matrix = sp.csc_array(sp.diags_array([-kappa[1:-1], main, -kappa[1:-1]], offsets=[-1, 0, 1]))
    u = factor.factorise(matrix).solve(matrix @ np.ones(100), False)
    np.testing.assert_allclose(u, 1.0, rtol=1e-6)


@pytest.mark.parametrize("block", [1, 3, 1000])
@pytest.mark.parametrize("group", [1, 2])
def test_entries_are_the_sum_over_groups_whatever_the_block(block, group, monkeypatch):
    """A(c) + B(d) = Σ_k c_k Σ_r test[r]ᵀ trial[r] + …, dense, with empty rows and stored zeros."""
    monkeypatch.setattr(sparse_pattern, "BLOCK", block)
    rng = np.random.default_rng(0)
    maps = [np.where(rng.random((10, n)) < 0.4, rng.normal(size=(10, n)), 0.0) for n in (4, 5, 4, 5)]
    maps[0][3] = maps[1][4] = 0.0
    parts = [structure.Structure(*maps[:2], group), structure.Structure(*maps[2:])]
    c, d = rng.normal(size=10 // group), rng.normal(size=10)
    dense = maps[0].T @ np.diag(np.repeat(c, group)) @ maps[1] + maps[2].T @ np.diag(d) @ maps[3]
    pattern = sparse_pattern.Pattern(parts)
    np.testing.assert_allclose(pattern.matrix([c, d]).toarray(), dense, rtol=0, atol=1e-14)
    keys = pattern.cols * 4 + pattern.rows
    assert (np.diff(keys) > 0).all()


def test_bare_backends_are_those_of_the_registry():
    A = sp.csc_array(sp.diags_array([-np.ones(4), 3.0 * np.ones(5), -np.ones(4)], offsets=[-1, 0, 1]))
    b = np.arange(5.0)
    F = factor.backend("superlu")(A, True)
    np.testing.assert_allclose(A @ F.solve(b, False), b, atol=1e-14)
    np.testing.assert_allclose(F.estimate(b), F.solve(b, True), rtol=1e-14)
    with pytest.raises(ValueError, match="'umf'.*superlu"):
        factor.backend("umf")


def test_wrong_shapes_are_refused():
    A = pcl.SparseMatrix.from_scipy(sp.eye_array(3))
    with pytest.raises(ValueError, match=r"\(4,\).*\(3,\)"):
        pcl.solve(A, np.ones(4))
    with pytest.raises(ValueError, match="square"):
        pcl.solve(A.restrict([0, 1], [0, 1, 2]), np.ones(2))
    with pytest.raises(TypeError, match="float32"):
        pcl.solve(A, tf.ones(3, tf.float32))
    with pytest.raises(IndexError, match=r"rows\[1\] is 3"):
        pcl.SparseMatrix.from_entries([0, 3], [0, 0], np.ones(2), (3, 3))
