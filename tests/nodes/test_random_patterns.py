"""Random sparse patterns, duplicates, empty rows and columns among them, against dense matrices."""

import hypothesis.strategies as st
import numpy as np
import tensorflow as tf
from hypothesis import given
from oracles import by_tapes

import pcl


@st.composite
def entries(draw, square=False, max_size=5):
    """(rows, cols, values, shape): places in any order, as often as they like."""
    m = draw(st.integers(1, max_size))
    n = m if square else draw(st.integers(1, max_size))
    places = draw(st.lists(st.tuples(st.integers(0, m - 1), st.integers(0, n - 1)),
                           min_size=1, max_size=12))
    rows, cols = np.array(places).T
    return rows, cols, np.random.default_rng(len(places)).uniform(-1.0, 1.0, len(places)), (m, n)


def dense(rows, cols, values, shape):
    A = np.zeros(shape)
    np.add.at(A, (rows, cols), values)
    return A


@given(entries())
def test_products_and_transposed_products_are_those_of_the_dense_matrix(given):
    rows, cols, values, shape = given
    A = pcl.SparseMatrix.from_entries(rows, cols, values, shape)
    x, X = np.arange(1.0, shape[1] + 1.0), np.arange(2.0 * shape[1]).reshape(-1, 2)
    np.testing.assert_allclose(A @ x, dense(*given) @ x, atol=1e-13)
    np.testing.assert_allclose(A @ X, dense(*given) @ X, atol=1e-13)
    np.testing.assert_allclose(A.T @ np.ones(shape[0]), dense(*given).sum(axis=0), atol=1e-13)


@given(entries(square=True), entries(square=True))
def test_sums_and_restrictions_are_those_of_dense_matrices(first, second):
    n = max(first[3][0], second[3][0])
    A, B = (pcl.SparseMatrix.from_entries(*part[:3], (n, n)) for part in (first, second))
    expected = dense(*first[:3], (n, n)) + dense(*second[:3], (n, n))
    np.testing.assert_allclose((A + B) @ np.eye(n), expected, atol=1e-13)
    some = np.arange(0, n, 2)
    np.testing.assert_allclose((A + B).restrict(some, some) @ np.eye(len(some)),
                               expected[np.ix_(some, some)], atol=1e-13)


@given(entries(square=True, max_size=4))
def test_a_solve_has_the_derivatives_of_the_dense_one(given):
    """A + 20 I: diagonally dominant, A has at most twelve entries of size one."""
    rows, cols, values, (n, _) = given
    rows, cols = np.concatenate([rows, np.arange(n)]), np.concatenate([cols, np.arange(n)])
    values, b, places = np.concatenate([values, np.full(n, 20.0)]), np.arange(1.0, n + 1.0), len(rows)

    def loss(theta):
        A = pcl.SparseMatrix.from_entries(rows, cols, theta["a"], (n, n))
        return tf.reduce_sum(tf.sin(pcl.solve(A, theta["b"])))

    def by_hand(theta):
        A = tf.scatter_nd(np.stack([rows, cols], axis=1), theta[:places], (n, n))
        return tf.reduce_sum(tf.sin(tf.linalg.solve(A, theta[places:, None])))
    problem = pcl.Problem(loss, {"a": values, "b": b})
    value, gradient, hessian = by_tapes(by_hand, problem.theta0)
    np.testing.assert_allclose(problem.value(problem.theta0), value, rtol=1e-12)
    np.testing.assert_allclose(problem.gradient(problem.theta0), gradient, atol=1e-12)
    np.testing.assert_allclose(problem.hessian(problem.theta0), hessian, atol=1e-12)
