"""Linear constraints C u = d between unknowns: periodicity, ties, mean values, rigid motions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from fem.common.coefficient import float64_value, spread
from pcl.support.nearest import nearest
from pcl.support.validate import float64_sparse, require_finite

WAYS = ("elimination", "multiplier")


@dataclass(frozen=True)
class Constraint:
    """C u = d.

    Parameters
    ----------
    matrix : sparse or dense (m, n), constant
    value : scalar, or (m,) array or tensor, d
    by : 'elimination' or 'multiplier'
        Elimination expresses m unknowns by others, u = P z + L d: for conditions that touch few unknowns
        each (a Dirichlet condition is one). A multiplier λ is one more unknown for each row,

            R(u) + Cᵀ λ = 0,    C u = d

        for those that touch many, such as a mean value. λ is the force that keeps the constraint.
    name : str
        For messages.

    Raises
    ------
    ValueError, TypeError
        Another `by`, a value that is not of shape () or (m,), entries that are not finite.

    Examples
    --------
    The values at both ends of an interval differ by 1:

    >>> import numpy as np, skfem
    >>> import fem
    >>> V = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, 5)))
    >>> tie = fem.Constraint([[-1.0, 0.0, 0.0, 0.0, 1.0]], 1.0)
    >>> at_0 = fem.Dirichlet([0], 0.0)
    >>> u = fem.solve(V.laplace(), V.load(0.0), at_0, constraints=tie)
    >>> print(u.numpy().round(3))
    [0.   0.25 0.5  0.75 1.  ]
    """

    matrix: Any
    value: Any = 0.0
    by: str = "elimination"
    name: str = ""

    def __post_init__(self):
        if self.by not in WAYS:
            raise ValueError(f"by is {self.by!r}; expected one of {', '.join(map(repr, WAYS))}."
                             f"{nearest(self.by, WAYS)}")
        object.__setattr__(self, "matrix", float64_sparse("matrix of the constraint", self.matrix))
        value = float64_value("value of the constraint", self.value)
        m = self.matrix.shape[0]
        if tuple(value.shape) not in [(), (m,)]:
            raise ValueError(f"value of the constraint has shape {tuple(value.shape)}; expected () or "
                             f"({m},), one for each row of its matrix.")
        if not tf.is_tensor(value):
            require_finite("value of the constraint", value)
        object.__setattr__(self, "value", spread(value, m))


def rows_and_values(constraints, n, by):
    """All constraints of one way as one: C (m, n) and d (m,), array or tensor."""
    chosen = [c for c in as_list(constraints, n) if c.by == by]
    if not chosen:
        return sp.csr_array((0, n)), np.zeros(0)
    values = [c.value for c in chosen]
    joined = tf.concat(values, 0) if any(map(tf.is_tensor, values)) else np.concatenate(values)
    return sp.vstack([c.matrix for c in chosen], format="csr"), joined


def as_list(constraints, n):
    """The constraints as a list, each of n columns.

    Raises
    ------
    TypeError, ValueError
    """
    given = [] if constraints is None else constraints
    given = [given] if isinstance(given, Constraint) else list(given)
    for c in given:
        if not isinstance(c, Constraint):
            raise TypeError(f"constraints holds a {type(c).__name__}; expected fem.Constraint, for "
                            "example V.periodic('left', 'right') or V.mean_value(0.0).")
        if c.matrix.shape[1] != n:
            raise ValueError(f"the matrix of a constraint has {c.matrix.shape[1]} columns; expected {n}, "
                             "the unknowns of the space.")
    return given
