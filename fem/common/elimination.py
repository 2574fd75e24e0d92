"""Linear conditions on the unknowns, E u = h, solved for some of them: u = P z + L h."""

import functools

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import digest, selection

# Singular values of one condition's rows below this part of the largest one are rounding.
_RANK = 1e-10


class Elimination:
    """u = P z + L h with z = u[free], such that E u = h for every z.

    Conditions that share an unknown are solved together; in each such group the unknowns that a QR
    factorisation with pivoting chooses are expressed by the others. A Dirichlet condition is a row
    with one entry; a periodic one, a normal component and what ties nodes together have more.

    Parameters
    ----------
    rows : sparse (m, n), E

    Attributes
    ----------
    free : ndarray (n_z,)
    put : LinearMap (n, n_z), P
    lift : LinearMap (n, m), L
    take_free : LinearMap (n_z, n), u ↦ z
    redundant : sparse (k, m)
        K with K h = 0 if the conditions do not contradict each other.
    """

    def __init__(self, rows):
        E = sp.csr_array(rows)
        m, self.n = E.shape
        solved = _Solved(E)
        slave = np.zeros(self.n, dtype=bool)
        slave[solved.slaves] = True
        self.fixed, self.free = np.flatnonzero(slave), np.flatnonzero(~slave)
        back = selection(solved.slaves, self.n).T
        identity = selection(self.free, self.n).T
        self.put = LinearMap(identity + back @ (solved.by_others @ identity))
        self.lift = LinearMap(back @ solved.by_values)
        self.take_free = LinearMap(identity.T)
        self.redundant = solved.redundant
        P = self.put.matrix
        self.key = digest(P.data, P.indices, P.indptr, np.array(P.shape))

    @functools.cached_property
    def is_selection(self):
        """Whether every condition fixes one unknown alone."""
        return self.put.matrix.nnz == len(self.free)


class _Solved:
    """u_slaves = C u + S h, from groups of rows that share unknowns."""

    def __init__(self, E):
        m, n = E.shape
        counts = np.diff(E.indptr)
        single = np.flatnonzero(counts == 1)
        numbers, first = np.unique(E.indices[E.indptr[single]], return_index=True)
        one = single[first]                                             # one row for each number
        at_one = E.data[E.indptr[one]]
        first_solved = sp.csr_array(sp.diags_array(1.0 / at_one) @ selection(one, m))
        self._slaves, self._S = [numbers], [first_solved]
        self._C: list = [sp.csr_array((len(one), n))]
        self._K: list = []
        rest = np.setdiff1d(np.arange(m), one)
        if len(rest):
            known = selection(numbers, n)
            reduced = E[rest] - E[rest] @ known.T @ known
            reduced.data[np.abs(reduced.data) <= _RANK * np.abs(E.data).max(initial=0.0)] = 0.0
            reduced.eliminate_zeros()
            values = selection(rest, m) - E[rest] @ known.T @ self._S[0]
            self._groups(sp.csr_array(reduced), sp.csr_array(values))
        self.slaves = np.concatenate(self._slaves)
        self.by_others = sp.vstack(self._C, format="csr")
        self.by_values = sp.vstack(self._S, format="csr")
        self.redundant = sp.vstack(self._K, format="csr") if self._K else sp.csr_array((0, m))

    def _groups(self, E, values):
        m, n = E.shape
        touched = sp.coo_array(E)
        graph = sp.coo_array((np.ones(touched.nnz), (touched.coords[0], m + touched.coords[1])),
                             shape=(m + n, m + n))
        label = connected_components(graph, directed=False)[1][:m]
        order = np.argsort(label, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
            self._group(E[rows], values[rows], n)

    def _group(self, E, values, n):
        columns = np.unique(E.indices)
        Q, R, pivot = scipy.linalg.qr(E[:, columns].toarray(), pivoting=True)
        size = np.abs(np.diag(R)) if len(columns) else np.zeros(0)
        r = int((size > _RANK * size.max(initial=0.0)).sum()) if size.max(initial=0.0) > 0 else 0
        if r < len(Q):
            self._K.append(sp.csr_array(Q[:, r:].T) @ values)
        if not r:
            return
        C = -scipy.linalg.solve_triangular(R[:r, :r], R[:r, r:])
        S = scipy.linalg.solve_triangular(R[:r, :r], Q[:, :r].T)
        self._slaves.append(columns[pivot[:r]])
        self._C.append(sp.csr_array(C) @ selection(columns[pivot[r:]], n))
        self._S.append(sp.csr_array(S) @ values)
