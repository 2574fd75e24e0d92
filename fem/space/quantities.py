"""What an element offers at a point: value, gradient, divergence, curl, second derivatives."""

import numpy as np
import scipy.sparse as sp
from skfem import DiscreteField, ElementTriN3

from fem.space.element import components, describe, is_continuous, scalar_part, value_shape
from pcl.support.arrays import scatter_rows
from pcl.support.nearest import nearest

# The names of scikit-fem.
_PRIMITIVE = {"value": None, "gradient": "grad", "divergence": "div", "curl": "curl", "hessian": "hess"}
NAMES = tuple(_PRIMITIVE)

# Row (divergence) or rows (curl) of what is made of a gradient, entries (component, direction).
_DERIVED: dict[tuple[str, int], list] = {
    ("divergence", 1): [[1.0]],
    ("divergence", 2): [[1.0, 0.0, 0.0, 1.0]],
    ("divergence", 3): [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]],
    ("curl", 2): [[0.0, -1.0, 1.0, 0.0]],                                  # ∂u_y/∂x − ∂u_x/∂y
    ("curl", 3): [[0, 0, 0, 0, 0, -1, 0, 1, 0], [0, 0, 1, 0, 0, 0, -1, 0, 0],
                  [0, -1, 0, 1, 0, 0, 0, 0, 0]],
}


class Quantities:
    """The quantities of an element by name, and their tables.

    Attributes
    ----------
    shapes : {name: shape of the quantity at a point}
        A gradient has the shape of the value and then (dim,), a Hessian twice that. Elements that are
        discontinuous have a value alone: their piecewise derivatives are no derivatives.
    """

    def __init__(self, element, mapping, functions):
        self._element, self._scalar, self._mapping = element, scalar_part(element), mapping
        self.dim, self._components = element.refdom.dim(), components(element)
        self._functions = functions
        self.shapes = self._shapes()

    def rows(self, name, X, cells, numbers, n):
        """Sparse (cells · points · entries, n): the quantity of u at points, u (n,) ↦.

        Parameters
        ----------
        X : (dim, points) of every cell, or (dim, cells, points)
        cells : numbers of the cells, None for all
        numbers : (functions · components, cells) the columns of their functions
        """
        base, derived = self._source(name)
        table = self._table(base, X, cells)                             # (cells, points, entries, f)
        count, points, entries, functions = table.shape
        k = self._components
        shape = (count, points, k, entries, functions)
        values = np.array(np.broadcast_to(table[:, :, None], shape)).reshape(-1, functions)
        columns = numbers.T.reshape(count, functions, k)                # function i·k + component
        columns = np.broadcast_to(columns.transpose(0, 2, 1)[:, None, :, None, :], shape)
        rows = scatter_rows(values, columns.reshape(-1, functions), n)
        if derived is None:
            return rows
        combined = sp.csr_array(sp.kron(sp.eye_array(count * points), derived) @ rows)
        combined.sort_indices()
        return combined

    def require(self, name, field):
        """Refuse a quantity that the element does not have.

        Raises
        ------
        ValueError
        """
        if name in self.shapes:
            return
        meant = "" if name in NAMES else nearest(name, self.shapes)
        raise ValueError(f"field {field!r} of {describe(self._element)} has no {name}; it has "
                         f"{', '.join(self.shapes)}.{meant}")

    def _shapes(self):
        value, scalar = value_shape(self._element), value_shape(self._scalar)
        shapes = {"value": value}
        if not is_continuous(self._element):
            return shapes
        inside = self._element.refdom.p.mean(axis=1)[:, None]
        field = self._function(inside, np.zeros(1, dtype=np.int64), 0)
        for name, attribute in _PRIMITIVE.items():
            if attribute is not None and getattr(field, attribute) is not None:
                own = np.shape(getattr(field, attribute))[:-2]
                shapes[name] = (*value[:len(value) - len(scalar)], *own)
        if "gradient" in shapes and value == (self.dim,):
            for name in ("divergence", "curl"):
                if (name, self.dim) in _DERIVED:
                    count = len(_DERIVED[name, self.dim])
                    shapes.setdefault(name, () if count == 1 else (count,))
        return shapes

    def _source(self, name):
        """(primitive quantity, matrix of the combinations of its entries or None)."""
        if name in ("divergence", "curl") and "gradient" in self.shapes:
            return "gradient", np.array(_DERIVED[name, self.dim], dtype=np.float64)
        return name, None

    def _table(self, name, X, cells):
        """(cells, points, entries, functions) of one component."""
        fields = [self._function(X, cells, i) for i in range(self._functions)]
        attribute = _PRIMITIVE[name]
        table = np.stack([np.asarray(f if attribute is None else getattr(f, attribute)) for f in fields],
                         axis=-1)                                       # (*shape, cells, points, f)
        return np.ascontiguousarray(table.reshape(-1, *table.shape[-3:]).transpose(1, 2, 0, 3))

    def _function(self, X, cells, i):
        if X.ndim == 2 or not isinstance(self._scalar, ElementTriN3):
            return self._scalar.gbasis(self._mapping, X, i, tind=cells)[0]
        return self._cell_by_cell(X, np.arange(X.shape[1]) if cells is None else cells, i)

    def _cell_by_cell(self, X, cells, i):
        """For an element that scikit-fem has at the same reference points of all cells only."""
        of_cells = [self._scalar.gbasis(self._mapping, X[:, k], i, tind=cells[k:k + 1])[0]
                    for k in range(len(cells))]
        return DiscreteField(value=np.concatenate([f.value for f in of_cells], axis=1),
                             curl=np.concatenate([f.curl for f in of_cells], axis=0))
