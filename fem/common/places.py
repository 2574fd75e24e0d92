"""Where a condition holds: at named parts, or where a function of the points is true."""

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np


def is_names(where: Any) -> TypeGuard[str | Sequence[str]]:
    """Whether it is a name or a non-empty list of names."""
    if isinstance(where, str):
        return True
    listed = isinstance(where, (list, tuple)) and len(where) > 0
    return listed and all(isinstance(w, str) for w in where)


def truth_of(predicate, points):
    """The predicate's verdicts on points (m, d) as a bool array (m,).

    It may be a function of our arrays, x (m, d), or of scikit-fem's, x (d, m). Which of them is told by
    the shape of what it returns, of points repeated until there are more than d: x[0] has then d entries
    of ours, x[:, 0] has d of scikit-fem's.

    Raises
    ------
    ValueError
        No truth values, one a point, in either; what the function itself raised where it raised in both.
    """
    m, d = points.shape
    many = np.tile(points, (d // m + 1, 1)) if 0 < m <= d else points
    ours = _verdicts(predicate, many)
    if _fits(ours, len(many)):
        return ours[:m]
    theirs = _verdicts(predicate, np.ascontiguousarray(many.T))
    if _fits(theirs, len(many)):
        return theirs[:m]
    if isinstance(ours, Exception) and isinstance(theirs, Exception):
        raise ours
    raise ValueError(f"the predicate `where` {_answer(ours)} for points x of shape {many.shape}, and "
                     f"{_answer(theirs)} for x of shape {many.shape[::-1]}; expected ({len(many)},) "
                     "truth values for one of them, for example lambda x: x[:, 0] == 0.")


def _verdicts(predicate, x):
    """What the predicate returns, as an array, or what it raises."""
    try:
        return np.asarray(predicate(x))
    except (IndexError, TypeError, ValueError) as error:
        return error


def _fits(verdicts, m):
    return isinstance(verdicts, np.ndarray) and verdicts.shape == (m,) and verdicts.dtype == bool


def _answer(given):
    if isinstance(given, Exception):
        return f"raised {type(given).__name__} ({given})"
    return f"returned shape {given.shape} and dtype {given.dtype}"
