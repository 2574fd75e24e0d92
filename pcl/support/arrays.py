"""Small arrays and matrices that many modules make."""

import copy
import hashlib

import numpy as np
import scipy.sparse as sp


def selection(numbers, n):
    """The sparse matrix (len(numbers), n) with a one at (e, numbers[e]); its transpose puts back."""
    m = len(numbers)
    matrix = sp.csr_array((np.ones(m), np.array(numbers, np.int64), np.arange(m + 1)), shape=(m, n))
    return with_short_numbers(matrix)


def with_short_numbers(matrix):
    """A compressed matrix, its numbers made int32 in place where they fit."""
    if max(*matrix.shape, len(matrix.indices)) < 2 ** 31:
        matrix.indices, matrix.indptr = (a.astype(np.int32, copy=False)
                                         for a in (matrix.indices, matrix.indptr))
    return matrix


def placed(first, size, of):
    """The sparse matrix (of, size) that puts a vector at rows first … first + size − 1."""
    return selection(np.arange(first, first + size), of).T.tocsr()


def frozen(array):
    """The array itself, read-only from now on."""
    array.setflags(write=False)
    return array


def scatter_rows(values, columns, n):
    """Sparse matrix (m, n) with values[r, :] in the columns columns[r, :]; exact zeros dropped.

    Columns are sorted: SciPy sorts in place when it needs to, which would tear matrices that share
    a pattern (`scaled_rows`) apart.
    """
    m, width = columns.shape
    index = np.int32 if max(m * width, n) < 2 ** 31 else np.int64
    indptr = np.arange(m + 1, dtype=index) * index(width)
    matrix = sp.csr_array((values.reshape(-1), columns.ravel().astype(index), indptr), shape=(m, n))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def scaled_rows(matrix, weights):
    """diag(weights) matrix, sharing the pattern."""
    return with_data(matrix, matrix.data * np.repeat(weights, np.diff(matrix.indptr)))


def with_data(matrix, data):
    """The sparse matrix with these entries in the pattern of another.

    That is shared, and not checked again: it takes a tenth of the time of a new one.
    """
    result = copy.copy(matrix)
    result.data = data
    return result


def digest(*arrays):
    """A short key for the contents of arrays."""
    h = hashlib.blake2b(digest_size=16)
    for a in arrays:
        h.update(str((a.shape, a.dtype.str)).encode())
        h.update(np.ascontiguousarray(a).data)
    return h.digest()
