"""First and second derivatives of many expressions by few sweeps through their graph.

Rows that share no argument are differentiated in one sweep of their sum: what a column of it contains can
come from one of them alone. For n equal units, or the nodes of a method of lines, the number of sweeps is
that of neighbours, not n.

Source: A. R. Curtis, M. J. D. Powell and J. K. Reid, On the estimation of sparse Jacobian matrices, IMA
J. Appl. Math. 13 (1974) 117–119, for rows in the place of columns; groups are made greedily, in order.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def jacobian(rows: Sequence[Any], arguments: Sequence[Any]) -> list:
    """[[∂r_i/∂a_j, None where it vanishes], …] of tensors (points,) that treat each point alone."""
    return _swept(rows, arguments, [0] * len(rows))


def upper_hessian(total: Any, arguments: Sequence[Any]) -> list:
    """[[∂²total/∂a_i∂a_j, None where it vanishes or j < i], …]."""
    first = tf.gradients(total, arguments)
    return _swept(first, arguments, range(len(arguments)))


def _swept(rows, arguments, begin):
    """Rows of derivatives; row i from its entry `begin[i]` on, those before are None."""
    seen = _Dependence(arguments)
    sets = [frozenset() if row is None else seen.of(row) for row in rows]
    table = [[None] * len(arguments) for _ in rows]
    for group in _groups(sets):
        found = tf.gradients([rows[i] for i in group], arguments)
        for i in group:
            for j in sets[i]:
                if j >= begin[i]:
                    table[i][j] = found[j]
    return table


def _groups(sets):
    """[numbers of sets of which no two have a common member, …], of those that have any."""
    groups: list = []
    for i, members in enumerate(sets):
        if not members:
            continue
        free = next((group for group in groups if not group[1] & members), None)
        if free is None:
            groups.append(([i], set(members)))
        else:
            free[0].append(i)
            free[1].update(members)
    return [numbers for numbers, _ in groups]


class _Dependence:
    """Which arguments a tensor is computed from."""

    def __init__(self, arguments):
        self._arguments = {a.ref(): frozenset([j]) for j, a in enumerate(arguments)}
        self._of_op: dict = {}

    def of(self, tensor):
        """Numbers of arguments, by depth first through the operations before the tensor."""
        if tensor.ref() in self._arguments:
            return self._arguments[tensor.ref()]
        known, stack = self._of_op, [tensor.op]
        while stack:
            op = stack[-1]
            inner = [x for x in op.inputs if x.ref() not in self._arguments]
            missing = [x.op for x in inner if x.op not in known]
            if missing and op not in known:
                stack += missing
                continue
            stack.pop()
            if op not in known:
                direct = [self._arguments[x.ref()] for x in op.inputs if x.ref() in self._arguments]
                known[op] = frozenset().union(*direct, *(known[x.op] for x in inner))
        return known[tensor.op]
