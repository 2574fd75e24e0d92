"""What can go wrong with one of many experiments."""

from collections.abc import Sequence
from typing import Any

from pcl.errors import TrialFailure
from pcl.experiments.question import Failure
from pcl.support.interface import FAILURES

LONGEST = 80        # letters of an item's repr


class ExperimentError(RuntimeError):
    """Building or evaluating experiments raised; the others were computed all the same.

    Attributes
    ----------
    failures : tuple of `pcl.experiments.question.Failure`
        number, error and trace of each.
    items : tuple, theirs
    others : {number: value} or None
        What was computed of the other experiments, where the values of each were asked for.
    """

    def __init__(self, message: str, failures: Sequence[Failure] = (), items: Sequence[Any] = (),
                 others: dict[int, float] | None = None):
        super().__init__(message)
        self.failures, self.items, self.others = tuple(failures), tuple(items), others


class ExperimentFailure(TrialFailure, ExperimentError):
    """Experiments have no trustworthy value at this θ: a trial point of a training that is stepped back
    from."""


def raised(failures: Sequence[Failure], items: Sequence[Any], total: int,
           others: dict[int, float] | None = None) -> ExperimentError:
    """The error of some failures: of a trial where every one of them is of that kind."""
    first = failures[0]
    more = "" if len(failures) == 1 else (
        f" So did {_numbers([failure.number for failure in failures[1:]])}.")
    what = f"{type(first.error).__name__}: {first.error}".rstrip(".")
    message = (f"experiment {first.number} of {total}, item {brief(items[first.number])}, raised "
               f"{what}.{more}")
    trial = all(isinstance(failure.error, FAILURES) for failure in failures)
    kind = ExperimentFailure if trial else ExperimentError
    return kind(message, failures, [items[failure.number] for failure in failures], others)


def brief(item: Any) -> str:
    """The repr of an item on one line, its middle left out where it is long."""
    text = " ".join(repr(item).split())
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} … {text[-half:]}"


def _numbers(numbers):
    shown = ", ".join(map(str, numbers[:10]))
    return f"{shown} and {len(numbers) - 10} others" if len(numbers) > 10 else shown
