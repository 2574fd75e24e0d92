"""Random patterns of equations: matching and index against brute force."""

import itertools

import hypothesis.strategies as st
import numpy as np
import scipy.linalg
from hypothesis import given, settings

from pcl.dae.structure.index import reduction
from pcl.dae.structure.matching import parts

MANY = settings(max_examples=max(60, settings().max_examples))     # they cost no tracing


@st.composite
def patterns(draw, largest=5):
    m, n = draw(st.integers(0, largest)), draw(st.integers(1, largest))
    bits = draw(st.lists(st.booleans(), min_size=m * n, max_size=m * n))
    return np.array(bits, dtype=bool).reshape(m, n)


def largest_matching(pattern):
    """By trying every choice of a column, or none, for each row in turn."""
    sets = {frozenset()}
    for row in pattern:
        sets |= {used | {c} for used in sets for c in np.flatnonzero(row) if c not in used}
    return max(map(len, sets))


def is_free(pattern, axis, k, best):
    """Whether some largest matching leaves out row (axis 0) or column (axis 1) k."""
    return largest_matching(np.delete(pattern, k, axis=axis)) == best


@MANY
@given(patterns())
def test_the_parts_are_what_some_largest_matching_leaves_over(pattern):
    """Rows that a largest matching may leave out are the overdetermined ones, columns the others."""
    (rows, over), (under, columns) = parts(pattern)
    best = largest_matching(pattern)
    assert list(rows) == [i for i in range(pattern.shape[0]) if is_free(pattern, 0, i, best)]
    assert list(columns) == [j for j in range(pattern.shape[1]) if is_free(pattern, 1, j, best)]
    assert set(over) == set(np.flatnonzero(pattern[rows].any(axis=0)))
    assert set(under) == set(np.flatnonzero(pattern[:, columns].any(axis=1)))


@MANY
@given(patterns(largest=4))
def test_nothing_is_left_over_exactly_where_a_permutation_fits(pattern):
    m, n = pattern.shape
    fits = m == n and any(all(pattern[range(n), p]) for p in itertools.permutations(range(n)))
    (a, b), (c, d) = parts(pattern)
    assert fits == (not (a or b or c or d))


@st.composite
def pencils(draw):
    """(E, A, index): S diag(I, N) T w' + S diag(J, I) T w = 0, N of shifts, their largest size."""
    sizes, states = draw(st.lists(st.integers(1, 3), max_size=2)), draw(st.integers(0, 2))
    shift = [np.eye(k, k=1) for k in sizes]
    rng = np.random.default_rng(draw(st.integers(0, 10 ** 6)))
    S, T = (scipy.linalg.qr(rng.normal(size=(states + sum(sizes),) * 2))[0] for _ in range(2))
    E = scipy.linalg.block_diag(np.eye(states), *shift)
    A = scipy.linalg.block_diag(rng.normal(size=(states, states)), np.eye(sum(sizes)))
    return S @ E @ T, S @ A @ T, max(sizes, default=0)


@MANY
@given(pencils().filter(lambda pencil: len(pencil[0])))
def test_the_index_of_a_pencil_is_the_size_of_its_largest_nilpotent_block(pencil):
    E, A, index = pencil
    found = reduction(E, A)
    assert found.index == index and not found.dependent


@MANY
@given(pencils().filter(lambda pencil: len(pencil[0]) > 1))
def test_an_equation_that_is_stated_twice_has_no_index(pencil):
    E, A, _ = pencil
    E[-1], A[-1] = 2.0 * E[0], 2.0 * A[0]
    found = reduction(E, A)
    assert found.index is None and len(found.dependent)
