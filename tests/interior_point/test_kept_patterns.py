"""Entries and transposes kept from point to point: the same numbers as without."""
import numpy as np
import pytest
import scipy.sparse as sp

from pcl.interior_point.kkt.pattern import Pattern, stored
from pcl.interior_point.program import is_finite
from pcl.support.sparse import times_transposed

RNG = np.random.default_rng(0)


def symmetric(n, density=0.4):
    A = RNG.standard_normal((n, n)) * (RNG.random((n, n)) < density)
    return A + A.T


def lower(pattern, values):
    return sp.coo_array((values, (pattern.row, pattern.col)), shape=(pattern.size,) * 2).toarray()


@pytest.mark.parametrize("form", [sp.csc_array, sp.csr_array, sp.coo_array, np.asarray])
def test_entries_stand_in_the_lower_triangle_whatever_the_format(form):
    W, J = symmetric(7), RNG.standard_normal((4, 7)) * (RNG.random((4, 7)) < 0.5)
    in_W, in_J = stored(form(W)), stored(form(J))
    pattern = Pattern(in_W, in_J, J.shape)
    K = np.block([[W, J.T], [J, np.zeros((4, 4))]])
    np.testing.assert_array_equal(lower(pattern, pattern.values(in_W, in_J)), np.tril(K))
    K[:7, :7] = 0.0
    np.testing.assert_array_equal(lower(pattern, pattern.values(None, in_J)), np.tril(K))


def test_entries_stored_twice_are_summed():
    W = sp.csc_array((np.array([1.0, 2.0, 5.0]), np.array([0, 0, 1]), np.array([0, 2, 3])), shape=(2, 2))
    J = sp.csr_array((np.array([1.0, 4.0, 3.0]), np.array([1, 0, 1]), np.array([0, 3])), shape=(1, 2))
    pattern = Pattern(stored(W), stored(J), J.shape)
    K = lower(pattern, pattern.values(stored(W), stored(J)))
    np.testing.assert_array_equal(K, [[3.0, 0.0, 0.0], [0.0, 5.0, 0.0], [4.0, 4.0, 0.0]])


def test_a_pattern_fits_equal_index_arrays_of_one_format_alone():
    J = sp.csc_array(np.array([[1.0, 2.0, 0.0], [0.0, 3.0, 4.0]]))
    pattern = Pattern(None, stored(J), J.shape)
    assert pattern.fits(None, stored(2.0 * J.copy()))
    assert not pattern.fits(None, stored(sp.csr_array(J)))
    assert not pattern.fits(None, stored(sp.csc_array(J[:, [1, 0, 2]])))
    assert not pattern.fits(stored(sp.eye_array(3, format="csc")), stored(J))


def test_touched_slots_follow_what_is_held():
    J = sp.csc_array(np.ones((1, 3)))
    pattern = Pattern(None, stored(J), J.shape)
    for held in (np.eye(4)[0] > 0, np.eye(4)[2] > 0, np.eye(4)[2] > 0):
        touched = np.zeros(pattern.nnz, dtype=bool)
        touched[pattern.touched(held)] = True
        np.testing.assert_array_equal(touched, held[pattern.row] | held[pattern.col])


@pytest.mark.parametrize("form", [sp.csc_array, sp.csr_array, sp.coo_array, np.asarray])
def test_products_with_the_transpose_follow_values_and_pattern(form):
    v = RNG.standard_normal(5)
    A = RNG.standard_normal((5, 8)) * (RNG.random((5, 8)) < 0.5)
    first, other = form(A), form(A[:, ::-1])
    for B, dense in ((first, A), (form(3.0 * A), 3.0 * A), (other, A[:, ::-1]), (first, A)):
        np.testing.assert_allclose(times_transposed(B, v), dense.T @ v, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_an_entry_that_is_not_finite_is_seen(wrong):
    A = np.eye(3)
    assert is_finite(A) and is_finite(sp.csr_array(A))
    A[1, 1] = wrong
    assert not is_finite(A) and not is_finite(sp.csr_array(A))
