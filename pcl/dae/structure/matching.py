"""Which equation can serve which unknown: maximum matching, and what is left over."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import maximum_bipartite_matching


def parts(pattern):
    """The over- and underdetermined parts of a pattern, as ((rows, columns), (rows, columns)).

    With a maximum matching: the overdetermined part is what alternating paths reach from unmatched rows,
    the underdetermined part what they reach from unmatched columns. All four are empty if and only if the
    pattern is square and some matrix with it is nonsingular.

    Parameters
    ----------
    pattern : bool (m, n), where equation i contains unknown j

    Notes
    -----
    Source: A. L. Dulmage and N. S. Mendelsohn, Coverings of bipartite graphs, Canadian Journal of
    Mathematics 10 (1958) 517–534; A. Pothen and C.-J. Fan, ACM Transactions on Mathematical Software 16
    (1990) 303–324.
    """
    pattern = np.asarray(pattern, dtype=bool)
    column_of = _match(pattern)
    rows, columns = _reach(pattern, column_of, np.flatnonzero(column_of < 0))
    row_of = np.full(pattern.shape[1], -1)
    matched = np.flatnonzero(column_of >= 0)
    row_of[column_of[matched]] = matched
    under_columns, under_rows = _reach(pattern.T, row_of, np.flatnonzero(row_of < 0))
    return (rows, columns), (under_rows, under_columns)


def _match(pattern):
    """The column matched to each row, −1 for none."""
    if not pattern.size:
        return np.full(len(pattern), -1)
    return maximum_bipartite_matching(sp.csr_array(pattern), perm_type="column").astype(int)


def _reach(pattern, partner, start):
    """Rows and columns on alternating paths that begin at the rows `start`."""
    rows, columns = set(start.tolist()), set()
    matched = {int(c): r for r, c in enumerate(partner) if c >= 0}
    stack = list(rows)
    while stack:
        for c in np.flatnonzero(pattern[stack.pop()]).tolist():
            columns.add(c)
            r = matched.get(c)
            if r is not None and r not in rows:
                rows.add(r)
                stack.append(r)
    return sorted(rows), sorted(columns)
