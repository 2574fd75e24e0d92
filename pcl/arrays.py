"""Small arrays and matrices that many modules make."""

import numpy as np
import scipy.sparse as sp


def selection(numbers, n):
    """The sparse matrix (len(numbers), n) with a one at (e, numbers[e]); its transpose puts back."""
    m = len(numbers)
    return sp.csr_array((np.ones(m), (np.arange(m), numbers)), shape=(m, n))


def placed(first, size, of):
    """The sparse matrix (of, size) that puts a vector at rows first … first + size − 1."""
    return selection(np.arange(first, first + size), of).T.tocsr()


def frozen(array):
    """The array itself, read-only from now on."""
    array.setflags(write=False)
    return array
