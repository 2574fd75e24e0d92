"""A⁻¹ from the factor of a matrix near A: as accurate as its own, and refused where it must be."""

import numpy as np
import pytest
import scipy.sparse as sp

from pcl.errors import NotFinite, SingularMatrix
from pcl.factor.cache import FactorCache
from pcl.factor.near import FEW, Near

N = 40
B = sp.csc_array(sp.diags_array([np.full(N - 1, -1.0), np.full(N, 2.5), np.full(N - 1, -0.7)],
                                offsets=[-1, 0, 1]))
RHS = np.random.default_rng(0).standard_normal(N)


def near(change):
    """(Near of B + change, the cache that it takes factors from)."""
    cache, A = FactorCache(), sp.csc_array(B + change)
    A.sum_duplicates()
    first = cache.get(B, "superlu")
    return Near(first, A, lambda: cache.get(A, "superlu")), A, cache


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("shape", [(N,), (N, 3)])
def test_a_near_factor_solves_to_rounding_without_a_new_one(transpose, shape):
    F, A, cache = near(1e-3 * B)
    b = np.random.default_rng(1).standard_normal(shape)
    expected = np.linalg.solve((A.T if transpose else A).toarray(), b)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(F.solve(b, transpose), expected, rtol=0, atol=1e-14 * scale)
    assert cache.counts.factorisations == 1


def test_a_matrix_that_is_far_gets_its_own_factor():
    F, A, cache = near(sp.diags_array(np.linspace(0.0, 5.0, N)))
    np.testing.assert_allclose(A @ F.solve(RHS), RHS, atol=1e-14)
    assert cache.counts.factorisations == 2


def test_after_a_few_columns_there_is_a_factor_of_its_own():
    F, A, cache = near(1e-6 * B)
    F.solve(np.ones((N, FEW)))
    assert cache.counts.factorisations == 1
    F.solve(RHS)
    assert cache.counts.factorisations == 2


def test_a_singular_matrix_is_refused_and_one_with_nan():
    zero = np.zeros(N)
    zero[3] = 1.0
    gone = -B @ sp.diags_array(zero)                    # column 3 vanishes
    with pytest.raises(SingularMatrix):
        near(gone)[0].solve(RHS)
    F, A, _ = near(0.0 * B)
    A.data[5] = np.nan
    with pytest.raises(NotFinite):
        F.solve(RHS)
