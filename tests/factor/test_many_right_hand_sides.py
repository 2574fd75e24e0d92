"""Hundreds of right-hand sides, by dense blocks of the factors, are those solved for one by one."""

import numpy as np
import pytest
import scipy.sparse as sp

from pcl.execute import threads
from pcl.factor import factorise, superlu
from pcl.factor.dense_blocks import DenseBlocks


def grid(m, wind=0.0):
    """Five-point −Δ + wind ∂x on m × m nodes, not symmetric with wind."""
    def along(wind):
        return sp.diags_array([-1.0 - wind, 2.0, wind - 1.0], offsets=[-1, 0, 1], shape=(m, m))
    one, x, y = sp.eye_array(m), along(wind), along(0.0)
    return sp.csc_array(sp.kron(one, x) + sp.kron(y, one))


def wild(n, seed=0):
    """Random entries of random size, whose pivots are not on the diagonal."""
    rng = np.random.default_rng(seed)
    A = sp.random_array((n, n), density=5.0 / n, rng=rng, data_sampler=rng.standard_normal)
    return sp.csc_array(A + sp.csc_array(np.eye(n)[rng.permutation(n)]))


MATRICES = {"symmetric": grid(21), "with wind": grid(17, 0.7), "pivots off the diagonal": wild(137),
            "diagonal": sp.csc_array(sp.diags_array(np.arange(1.0, 12.0))),
            "one unknown": sp.csc_array([[4.0]])}


def backward_error(A, x, b):
    return np.max(np.abs(A @ x - b) / (abs(A) @ np.abs(x) + np.abs(b)))


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("name", MATRICES)
def test_many_right_hand_sides_leave_the_residual_of_a_few(name, transpose):
    A, few = MATRICES[name], superlu.MANY // 2
    b = np.random.default_rng(1).standard_normal((A.shape[0], superlu.MANY + 3))
    factor, B = factorise(A), A.T if transpose else A
    error = backward_error(B, factor.solve(b[:, :few], transpose), b[:, :few])
    assert backward_error(B, factor.solve(b, transpose), b) < 10.0 * error + 1e-15


@pytest.mark.parametrize("n", [1, 7, 8, 9, 128, 129, 300])
@pytest.mark.parametrize("density", [0.0, 0.03, 0.6])
def test_substitution_in_blocks_is_that_of_the_whole_matrix(n, density):
    rng = np.random.default_rng(n)
    L = np.tril(rng.standard_normal((n, n)) * (rng.random((n, n)) < density), -1) / np.sqrt(n)
    L += np.diag(rng.uniform(1.0, 2.0, n))
    x = rng.standard_normal((n, 3))
    blocks, forward, backward = DenseBlocks(sp.csc_array(L)), L @ x, L.T @ x
    blocks.forward(forward), blocks.backward(backward)
    np.testing.assert_allclose(forward, x, rtol=0, atol=1e-11)
    np.testing.assert_allclose(backward, x, rtol=0, atol=1e-11)


def test_blocks_of_the_last_factorisation_alone_are_kept():
    b = np.ones((49, superlu.MANY))
    first, second = factorise(grid(7)), factorise(2.0 * grid(7))
    first.solve(b, False), second.solve(b, False)
    assert list(superlu._latest) == [second]
    del second
    assert not superlu._latest


def test_superlu_has_one_thread_of_scipys_blas_and_gives_the_others_back(monkeypatch):
    state = [3]
    monkeypatch.setattr(threads._scipys_blas, "_get", lambda: state[0])
    monkeypatch.setattr(threads._scipys_blas, "_set",
                        lambda n: (state.append(n), state.__setitem__(0, n)))
    factor = factorise(grid(3))
    assert state == [3, *(len(state) // 2) * [1, 3]] and len(state) > 1
    factor.solve(np.ones(9), False)
    assert state[-2:] == [1, 3]
