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
    """The predicate's verdicts as a bool array (m,)."""
    verdict = np.asarray(predicate(points))
    if verdict.shape != (len(points),) or verdict.dtype != bool:
        raise ValueError(f"the predicate `where` returned shape {verdict.shape} and dtype "
                         f"{verdict.dtype} for points of shape {points.shape}; expected "
                         f"({len(points)},) truth values, for example lambda x: x[:, 0] == 0.")
    return verdict
