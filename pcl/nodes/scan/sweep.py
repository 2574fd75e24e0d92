"""A recurrence in the dense Hessian: tangent columns carried from step to step, curvature on the fly.

Two blocks of tangents of the state exist at a time, that before and that after a step. What the steps
start from is often of low rank to rounding: the Jacobian of a smooth network at thousands of points has
some hundred singular values above 1e-15 of the largest. Then the steps carry that many columns instead of
one a parameter.
"""

import numpy as np

from pcl.engine.second import sweep
from pcl.engine.second.low_rank import low_rank


def sweep_scan(base, tangents, n_theta, square, Q, is_reduced=False):
    """(Y', E) with dY/dθ = Y' E, E None for the identity; adds to Q half of the curvature of all steps.

    Parameters
    ----------
    base : ScanBase
    tangents : dict source -> slice of θ, or dense (size of the source, n_theta)
    square : K of a term dYᵀ K dY of Q, or None
    Q : (n_theta, n_theta), or None if only tangents are wanted
    is_reduced : whether the columns are few already
    """
    given, expand = (tangents, None) if is_reduced else _columns(base.sources, tangents, n_theta)
    n_columns = n_theta if expand is None else len(expand)
    Q_local = Q if expand is None or Q is None else np.zeros((n_columns, n_columns))
    sums = {} if Q is None else {source: np.zeros(given[source].shape) for source in base.sources
                                 if source.kind == "outer" and not isinstance(given[source], slice)}
    Y = _run(base, given, n_columns, Q_local, sums)
    for source, summed in sums.items():
        Q_local += given[source].T @ summed
    if square is not None:
        Q_local += Y.T @ (square @ Y)
    if expand is not None and Q is not None:
        Q += expand.T @ (Q_local @ expand)
    return Y, expand


def _run(base, given, n_columns, Q, sums):
    sums = {base.given[source.number]: summed for source, summed in sums.items()}
    point, call = base.point, base.point.call
    Y = np.empty((*point.value.shape, n_columns))
    start = {source.number: given[source] for source in base.sources if source.kind == "start"}
    state = [_dense(start.get(n), s.size, n_columns) for n, s in zip(call.state, point.start)]
    _keep(call, Y, 0, state)
    for s in range(point.n_stretches):
        for step, plan, following in base.steps(s):
            at_step = dict(zip(base.state(), state))
            for source in base.sources:
                if source.kind != "start":
                    at_step[base.given[source.number]] = _at_step(given[source], source, step.k)
            wanted = [(b.size, t.terms if t else {}) for b, t in zip(base.state(), following)]
            state = sweep.tangents(plan, at_step, n_columns, wanted, Q, sums)
            _keep(call, Y, step.k + 1, state)
    return Y.reshape(base.size, n_columns)


def _at_step(columns, source, k):
    """The columns of an outer variable, or of row k of an input array."""
    if source.kind == "outer":
        return columns
    size = source.size // source.shape[0]
    if isinstance(columns, slice):
        return slice(columns.start + k * size, columns.start + (k + 1) * size)
    return columns[k * size:(k + 1) * size]


def _dense(columns, size, n_columns):
    if columns is None or isinstance(columns, slice):
        dense = np.zeros((size, n_columns))
        if columns is not None:
            dense[:, columns] = np.eye(size)
        return dense
    return columns


def _keep(call, Y, k, state):
    j = call.place_of(k)
    if j is not None:
        Y[:, j] = np.concatenate([state[i] for i in call.kept])


def _columns(sources, tangents, n_theta):
    """({source: its columns}, E) with dv/dθ = columns · E for each; E None for the columns of θ."""
    dense = [source for source in sources if not isinstance(tangents[source], slice)]
    factors = low_rank([tangents[source] for source in dense]) if dense else ([], np.zeros((0, n_theta)))
    if factors is None:
        return tangents, None
    lefts, right = factors
    given: dict[int, slice | np.ndarray] = {}
    rows, n = [right], len(right)
    for source in sources:
        if isinstance(tangents[source], slice):
            block = tangents[source]
            end = n + block.stop - block.start
            given[source] = slice(n, end)
            rows.append(np.eye(n_theta)[block])
            n = end
    for source, left in zip(dense, lefts):
        columns = given[source] = np.zeros((len(left), n))
        columns[:, :left.shape[1]] = left
    return given, np.concatenate(rows)
