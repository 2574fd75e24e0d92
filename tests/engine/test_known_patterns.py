"""Products and sums of matrices of known patterns are those of dense arrays, whatever the entries are."""

import gc

import numpy as np
import pytest
import scipy.sparse as sp

from pcl.engine.second.patterns import PATTERNS, Patterns
from pcl.engine.second.tangent import add, compose, diagonal_matrix
from pcl.support.arrays import with_data
from pcl.support.sparse import times_transposed

FORMATS = [(a, b) for a in ("csr", "csc") for b in ("csr", "csc")]


def known(rng, m, n, form, patterns=PATTERNS):
    return patterns.add(sp.csc_array(sp.random_array((m, n), density=0.4, rng=rng)).asformat(form))


@pytest.mark.parametrize("form", FORMATS)
def test_products_and_sums_are_those_of_dense_arrays(form):
    """New entries in known patterns, zeros and what cancels among them."""
    rng = np.random.default_rng(0)
    a, b, c = known(rng, 6, 5, form[0]), known(rng, 5, 7, form[1]), known(rng, 6, 5, form[1])
    for draw in (rng.standard_normal, lambda n: rng.integers(-1, 2, n).astype(float), np.zeros):
        a, b, c = (with_data(x, draw(x.nnz)) for x in (a, b, c))
        product, total = compose(a, b), add(a, c)
        np.testing.assert_allclose(product.toarray(), a.toarray() @ b.toarray(), atol=1e-14)
        np.testing.assert_allclose(total.toarray(), a.toarray() + c.toarray(), atol=1e-14)
        assert PATTERNS.knows(product) and PATTERNS.knows(total)
        for found in ("csr", "csc"):
            np.testing.assert_array_equal(PATTERNS.converted(product, found).toarray(), product.toarray())


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_diagonal_matrices_scale_rows_and_columns(form):
    rng = np.random.default_rng(1)
    a, left, right = known(rng, 6, 5, form), rng.standard_normal(6), rng.standard_normal(5)
    np.testing.assert_allclose(compose(diagonal_matrix(left), a).toarray(), left[:, None] * a.toarray())
    np.testing.assert_allclose(compose(a, diagonal_matrix(right)).toarray(), a.toarray() * right)


def test_patterns_are_forgotten_with_their_matrices():
    rng, patterns = np.random.default_rng(2), Patterns()
    a, b = known(rng, 6, 5, "csr", patterns), known(rng, 5, 7, "csr", patterns)
    product = patterns.product(a, b)
    assert patterns._found and patterns.knows(product)
    del a, b, product
    gc.collect()
    assert not patterns._found and not patterns._alive


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("columns", [(), (3,), (0,)])
def test_products_with_arrays_are_those_of_scipy(form, columns):
    rng = np.random.default_rng(3)
    a = sp.csr_array(sp.random_array((6, 5), density=0.4, rng=rng)).asformat(form)
    x, y = rng.standard_normal((5, *columns)), np.asfortranarray(rng.standard_normal((6, *columns)))
    np.testing.assert_array_equal(times_transposed(a.T, x), a @ x)
    np.testing.assert_allclose(times_transposed(a, y), a.toarray().T @ y, atol=1e-15)
    np.testing.assert_array_equal(times_transposed(a.T, np.ones((5, *columns), int)),
                                  a @ np.ones((5, *columns)))
    with pytest.raises(ValueError):
        times_transposed(a.T, np.ones(4))
