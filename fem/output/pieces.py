"""Cells cut into small simplices on which functions are drawn as linear, and what they are there."""

import functools
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from fem.mesh.nodes import is_curved, is_tensor
from fem.output.arrays import formula_values, sort_out
from fem.output.sampled import mesh_of
from pcl.support.validate import known

# Small simplices of a whole picture, about, and the most parts of an edge.
_SIMPLICES = 200_000
_PARTS = 8


@functools.cache
def subdivision(tensor, dim, parts):
    """(X (dim, points), simplices (count, dim + 1)) of the reference cell, edges in `parts` parts.

    Each small cube of a lattice falls into dim! simplices, a path along the axes in every order (Kuhn).
    Those with y₁ ≥ … ≥ y_dim divide one large such simplex, which y_d = Σ_{e≥d} x_e maps onto the
    reference simplex.
    """
    corners, paths = itertools.product(range(parts), repeat=dim), itertools.permutations(range(dim))
    steps = np.array([[[axis in path[:k] for axis in range(dim)] for k in range(dim + 1)]
                      for path in paths])
    lattice = (np.array(list(corners))[:, None, None, :] + steps).reshape(-1, dim + 1, dim)
    if not tensor:
        lattice = lattice[(np.diff(lattice, axis=2) <= 0).all(axis=(1, 2))]
    points, numbers = np.unique(lattice.reshape(-1, dim), axis=0, return_inverse=True)
    simplices = numbers.reshape(-1, dim + 1)
    if not tensor:
        points = points - np.pad(points[:, 1:], ((0, 0), (0, 1)))
    return points.T / parts, simplices


@dataclass(frozen=True)
class Pieces:
    """points (n, dim), cell by cell; simplices (count, dim + 1) of their numbers, cell by cell."""

    points: np.ndarray
    simplices: np.ndarray
    X: np.ndarray
    n_cells: int

    def of_points(self, values):
        """Values (n_cells, …) of cells at the points."""
        return np.repeat(values, self.X.shape[1], axis=0)

    @property
    def owner(self):
        """The cell of each simplex."""
        return np.repeat(np.arange(self.n_cells), len(self.simplices) // self.n_cells)


def cut(mesh, degree):
    """The `Pieces` on which a function of this degree looks right."""
    dim, tensor, n_cells = mesh.p.shape[0], is_tensor(mesh), mesh.t.shape[1]
    parts = 1
    if degree > 1 or is_curved(mesh) or (tensor and degree == 1):
        parts = int(np.clip((_SIMPLICES / n_cells) ** (1 / dim) / 2, 2, _PARTS if dim < 3 else 3))
    X, simplices = subdivision(tensor, dim, parts)
    points = np.moveaxis(mesh.mapping().F(X), 0, -1).reshape(-1, dim)
    every = simplices + X.shape[1] * np.arange(n_cells)[:, None, None]
    return Pieces(points, every.reshape(-1, dim + 1), X, n_cells)


@dataclass(frozen=True)
class Quantity:
    """What is drawn: a function, an array of cells or nodes, or a formula, with a name."""

    name: str
    what: str
    entry: Any

    @property
    def degree(self):
        """0 for what is constant in cells."""
        if self.what == "function":
            return self.entry[0].degree
        return {"cells": 0, "nodes": 1, "formula": 2}[self.what]

    def values(self, space, pieces):
        """At the points of the pieces, (n, …)."""
        if self.what == "cells":
            return pieces.of_points(self.entry)
        if self.what == "formula":
            return formula_values(self.name, self.entry, pieces.points)
        if self.what == "function":
            values = self.entry[0].values(self.entry[1], pieces.X)
            return values.reshape(-1, *values.shape[2:])
        mesh = mesh_of(space)
        basis = np.array([mesh.elem().lbasis(pieces.X, i)[0] * np.ones(pieces.X.shape[1])
                          for i in range(len(mesh.t))])
        return np.einsum("ip,ic...->cp...", basis, self.entry[mesh.t]).reshape(-1, *self.entry.shape[1:])

    def at(self, space, cells, X, points):
        """At reference points X (dim, m) of cells (m,), which are the points (m, dim)."""
        if self.what == "cells":
            return self.entry[cells]
        if self.what == "formula":
            return formula_values(self.name, self.entry, points)
        if self.what == "function":
            return self.entry[0].at(self.entry[1], cells, X)
        mesh = mesh_of(space)
        basis = np.array([mesh.elem().lbasis(X, i)[0] * np.ones(X.shape[1]) for i in range(len(mesh.t))])
        return np.einsum("im,im...->m...", basis, self.entry[mesh.t[:, cells]])


def quantity_of(space, u, field=None, name="u"):
    """The `Quantity` that u is; of a state of several functions the one named by `field`.

    Raises
    ------
    ValueError
        As in `fem.save`; several functions and none of them named.
    """
    found = sort_out(space, {name: u})
    if field is None and len(found) > 1:
        raise ValueError(f"u holds several functions: {', '.join(found)}; expected field= one of them.")
    key = next(iter(found)) if field is None else known("field", field, found)
    return Quantity(key, *found[key])
