"""Matrices of a known pattern are judged with less work, and as severely."""
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

from pcl import factor
from pcl.errors import NotFinite, SingularMatrix
from pcl.factor import checked
from pcl.factor.watch import Watch


def laplacian(n, diagonal):
    """The matrix of a row of n springs to the ground, as CSC; the pattern is the same for all."""
    d = np.broadcast_to(np.asarray(diagonal, float), (n,))
    return sp.csc_array(sp.diags_array([-np.ones(n - 1), d, -np.ones(n - 1)], offsets=[-1, 0, 1]))


def watched(matrix, solver="superlu"):
    watch = Watch(matrix)
    factor.factorise(matrix, solver, watch)
    return watch


@pytest.fixture
def full(monkeypatch):
    """How often everything was looked at."""
    seen, accurate = [], checked._accurate
    monkeypatch.setattr(checked, "_accurate", lambda *a: seen.append(1) or accurate(*a))
    return seen


@pytest.mark.parametrize("skew", [0.0, 0.3])
def test_the_next_matrix_of_a_pattern_is_solved_as_well_and_looked_at_once(full, skew):
    n, b = 300, np.linspace(-1.0, 2.0, 300)
    first = laplacian(n, 2.5) + skew * sp.csc_array(sp.eye_array(n, k=1) - sp.eye_array(n, k=-1))
    watch, second = watched(sp.csc_array(first)), sp.csc_array(first * 1.7)
    F, dense = factor.factorise(second, "superlu", watch), second.toarray()
    columns = np.random.default_rng(0).standard_normal((n, 300))        # many: dense blocks
    for transpose, A in ((False, dense), (True, dense.T)):
        for right in (b, columns[:, :3], columns):
            np.testing.assert_allclose(F.solve(right, transpose), np.linalg.solve(A, right), rtol=1e-11,
                                       atol=1e-13)
    assert len(full) == 1


def test_ten_times_the_condition_is_looked_at_in_full(full):
    watch = watched(laplacian(200, 2.5))
    factor.factorise(laplacian(200, 2.4), "superlu", watch)
    assert len(full) == 1
    factor.factorise(laplacian(200, 2.0001), "superlu", watch)
    assert len(full) == 2
    factor.factorise(laplacian(200, 2.0002), "superlu", watch)          # conditioned like the last one
    assert len(full) == 2


def test_what_is_singular_is_refused_after_one_that_is_not():
    free = np.full(100, 2.0)
    free[[0, -1]] = 1.0                                     # free ends: constants are in the null space
    with pytest.raises(SingularMatrix):
        factor.factorise(laplacian(100, free), "superlu", watched(laplacian(100, 2.5)))
    torn = laplacian(100, 2.5)                              # an unknown in no equation
    column = np.repeat(np.arange(100), np.diff(torn.indptr))
    torn.data = np.where((torn.indices == 50) | (column == 50), 0.0, torn.data)
    with pytest.raises(SingularMatrix):
        factor.factorise(torn, "superlu", watched(laplacian(100, 2.5)))


def test_entries_that_are_no_numbers_are_refused_after_a_good_matrix():
    bad = laplacian(10, 2.5)
    bad.data[3] = np.nan
    with pytest.raises(NotFinite):
        factor.factorise(bad, "superlu", watched(laplacian(10, 2.5)))


def test_a_nearly_singular_matrix_is_warned_of_each_time():
    nearly = sp.csc_array(np.array([[1.0, 1.0], [1.0, 1.0 + 1e-13]]))
    watch = watched(sp.csc_array(np.array([[2.0, 1.0], [1.0, 2.0]])))
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="nearly singular"):
            factor.factorise(nearly, "superlu", watch)


def test_a_matrix_that_is_no_longer_symmetric_is_looked_at_in_full(full):
    watch, skew = watched(laplacian(50, 2.5)), laplacian(50, 2.5)
    skew.data[1] = 0.7
    F, b = factor.factorise(skew, "superlu", watch), np.ones(50)
    assert len(full) == 2
    np.testing.assert_allclose(F.solve(b, True), np.linalg.solve(skew.toarray().T, b), rtol=1e-12)
    rounded = laplacian(50, 2.5)
    rounded.data[1] *= 1.0 + 2e-16                          # to rounding it is
    watch = watched(laplacian(50, 2.5))
    factor.factorise(rounded, "superlu", watch)
    assert len(full) == 3


def test_a_symmetric_matrix_that_needs_other_pivots_gets_them_after_one_that_does_not():
    A = sp.csc_array(np.array([[2.0, 1.0], [1.0, 2.0]]))
    B = sp.csc_array(np.array([[1e-15, 1.0], [1.0, 1e-15]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = factor.factorise(B, "superlu", watched(A)).solve(np.array([1.0, 2.0]), False)
    np.testing.assert_allclose(x, [2.0, 1.0], rtol=1e-13)


def test_what_is_all_but_singular_is_told_even_next_to_the_last_matrix():
    def held(spring):                                       # a free row but for weak springs
        free = np.full(40, 2.0)
        free[[0, -1]] = 1.0
        return laplacian(40, free + spring)
    watch = watched(held(1e-12))                            # reciprocal condition 1.8e-12
    with pytest.raises(SingularMatrix, match="no Dirichlet value"):
        factor.factorise(held(3e-13), "superlu", watch)     # 5e-13: not ten times worse
