"""Facets of a mesh and the cells on their two sides, by sorting integer keys."""

from typing import NamedTuple

import numpy as np


class Facets(NamedTuple):
    """Facets in lexicographic order of their sorted node numbers (scikit-fem's numbering).

    `first` and `last` number (local facet, cell) pairs as local·n_cells + cell: the first and the
    last pair in which the facet occurs. They are equal on the boundary.
    """

    nodes: np.ndarray      # (nodes of a facet, n_facets)
    of_cell: np.ndarray    # (facets of a cell, n_cells)
    first: np.ndarray      # (n_facets,)
    last: np.ndarray       # (n_facets,)
    sides: np.ndarray      # (n_facets,) number of cells

    @property
    def n_cells(self):
        return self.of_cell.shape[1]

    @property
    def boundary(self):
        """Numbers of the facets that belong to one cell only."""
        return np.flatnonzero(self.sides == 1)

    def midpoints(self, points, numbers):
        """(m, dim) of facets, from points (dim, n); a coordinate that all nodes share is kept exactly."""
        corners = points[:, self.nodes[:, numbers]]                     # (dim, nodes of a facet, m)
        return (corners[:, 0] + (corners - corners[:, :1]).mean(axis=1)).T

    @property
    def cells(self):
        """(2, n_facets) cells on both sides, −1 where there is none."""
        both = np.stack([self.first, self.last]) % self.n_cells
        both[1, self.sides == 1] = -1
        return both.astype(np.int32)


def build_facets(cells, local_facets, sort_nodes=True):
    """The `Facets` of cells (nodes of a cell, n_cells); `local_facets` lists local node numbers.

    Without `sort_nodes` a facet keeps the (cyclic) node order of the first cell it occurs in.
    """
    columns = np.hstack([cells[list(local)] for local in local_facets])
    groups = group_columns(np.sort(columns, axis=0))
    nodes = np.ascontiguousarray(columns[:, groups.first])
    if sort_nodes:
        nodes.sort(axis=0)
    of_cell = groups.inverse.reshape(len(local_facets), cells.shape[1])
    return Facets(nodes, of_cell, groups.first, groups.last, groups.size)


class Groups(NamedTuple):
    """Equal columns brought together, groups in lexicographic order."""

    first: np.ndarray      # first column of each group
    last: np.ndarray       # last column of each group
    size: np.ndarray       # size of each group
    inverse: np.ndarray    # group of each column


def group_columns(columns):
    """`Groups` of equal columns of a (k, m) array of non-negative whole numbers."""
    keys = _keys(columns)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    ends = np.append(starts[1:], len(keys))
    inverse = np.empty(len(keys), dtype=np.int32)
    inverse[order] = np.repeat(np.arange(len(starts), dtype=np.int32), ends - starts)
    return Groups(order[starts], order[ends - 1], ends - starts, inverse)


def _keys(columns):
    """One int64 a column, ordered as the columns are lexicographically.

    Positional notation in base (largest entry + 1); before it would overflow, the key so far is
    replaced by its rank, which keeps the order.
    """
    base = int(columns.max()) + 1
    key, bound = columns[0].astype(np.int64), base
    for row in columns[1:]:
        if bound * base >= 2 ** 63:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            bound = int(key.max()) + 1
        key = key * base + row
        bound *= base
    return key
