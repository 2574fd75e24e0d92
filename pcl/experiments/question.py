"""What goes to where experiments are computed, and what comes back."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pcl.support.types import Array


@dataclasses.dataclass(frozen=True, eq=False)
class Question:
    """`what` of the experiments `numbers`, at θ (p,), along v (p,).

    `what` is a key of `pcl.experiments.operations.OPERATIONS`, `options` those of its function.
    """

    what: str
    numbers: tuple[int, ...]
    theta: Array
    v: Array | None = None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Failure:
    """What experiment `number` raised: the error, or where it cannot be sent its words, and its trace."""

    number: int
    error: Exception
    trace: str


@dataclasses.dataclass(frozen=True, eq=False)
class Answer:
    """Sums over the experiments asked for, in their order, or their rows one after the other.

    Attributes
    ----------
    parts : tuple of numbers and arrays; None if all failed
    failures : tuple of Failure
    done : int, experiments computed
    work : (factorisations, back-substitutions)
    """

    parts: tuple | None
    failures: tuple[Failure, ...]
    done: int
    work: tuple[int, int]
