"""Matrices that are the same at every evaluation, and the products of two of them, made once.

A map that a model holds meets the same neighbours again at each step of Newton's method and of a march.
"""

import threading
import weakref
from collections import defaultdict

import scipy.sparse as sp

from pcl.engine.second.patterns import PATTERNS


class Constants:
    """Known constant matrices, held weakly; a product goes with the first of its factors."""

    def __init__(self):
        self._alive, self._products, self._pairs = {}, {}, defaultdict(set)
        self._lock = threading.RLock()      # a factor may be let go while a product is entered

    def add(self, matrix):
        """The matrix itself, from now on known to stay as it is; anything but a sparse one is not."""
        key = id(matrix)
        if sp.issparse(matrix) and key not in self._alive:
            PATTERNS.add(matrix)
            with self._lock:
                self._alive[key] = weakref.ref(matrix, lambda _: self._forget(key))
        return matrix

    def product(self, a, b):
        """a b, the same object for the same two constants; None if one of them is not known."""
        pair = id(a), id(b)
        if pair[0] not in self._alive or pair[1] not in self._alive:
            return None
        found = self._products.get(pair)
        if found is not None:
            return found
        product = self.add(_product(a, b))
        with self._lock:
            self._pairs[pair[0]].add(pair)
            self._pairs[pair[1]].add(pair)
            return self._products.setdefault(pair, product)

    def _forget(self, key):
        with self._lock:
            self._alive.pop(key, None)
            for pair in self._pairs.pop(key, ()):
                self._products.pop(pair, None)
                for other in set(pair) - {key}:
                    if other in self._pairs:
                        self._pairs[other].discard(pair)


def _product(a, b):
    """a b with sorted entries."""
    known = PATTERNS.product(a, b)
    if known is not None:
        return known
    product = a @ b
    product.sort_indices()
    return product


CONSTANTS = Constants()
