"""Where experiments are computed: each is built when it is first asked for, and some are kept."""

import gc
import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pcl.experiments.operations import OPERATIONS, placed
from pcl.experiments.question import Answer, Failure, Question
from pcl.support import clock
from pcl.support.interface import require_interface
from pcl.support.types import Integers

LOG = logging.getLogger(__name__)

COLLECTED = 100     # experiments dropped between two searches for what holds itself

_NEEDED = ("theta0", "size", "slices", "blocks", "value", "value_and_gradient", "has_residuals",
           "statement")


class Layout:
    """θ of all experiments: {name: shape} and {name: slice}."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], slices: Mapping[str, slice]):
        self.shapes, self.slices = dict(shapes), dict(slices)
        self.size = sum(s.stop - s.start for s in self.slices.values())

    def part(self, names: list[str]) -> "Layout":
        """That of some blocks, one after the other."""
        slices, end = {}, 0
        for name in names:
            length = self.slices[name].stop - self.slices[name].start
            slices[name] = slice(end, end + length)
            end += length
        return Layout({name: self.shapes[name] for name in names}, slices)

    def places(self, names: list[str]) -> Integers | None:
        """Where blocks stand in θ, one after the other; None where they are all of it in its order."""
        if names == list(self.slices):
            return None
        every = np.arange(self.size)
        return np.concatenate([every[self.slices[name]] for name in names] or [every[:0]])

    def check(self, problem: Any) -> None:
        """ValueError unless the blocks of an experiment are among these, with these shapes."""
        for name, shape in problem.blocks.shapes.items():
            if name not in self.shapes:
                raise ValueError(f"its block {name!r} is none of {', '.join(self.shapes)}; give "
                                 "Problem.sum all blocks with their starts by blocks=.")
            if shape != self.shapes[name]:
                raise ValueError(f"its block {name!r} has shape {shape}; expected {self.shapes[name]}, "
                                 "as in the other experiments.")


class Station:
    """Experiments of one sum in one process.

    Parameters
    ----------
    make : function of an item -> problem
    item : function of the number of an experiment -> item
    keep : int
        So many are kept once built. When there are more the others take turns in the last place:
        all are asked for in order again and again, where keeping the latest would keep none in time.
    layout : Layout or None
        None until the first one is built, which then gives it.
    """

    def __init__(self, make: Callable[[Any], Any], item: Callable[[int], Any], keep: int,
                 layout: Layout | None = None):
        self.make, self.item, self.keep, self.layout = make, item, keep, layout
        self._built: dict[int, Any] = {}
        self._dropped = 0
        self._building = threading.Lock()       # one trace at a time

    def problem(self, number: int) -> Any:
        """The problem of an experiment, built if need be."""
        with self._building:
            if number not in self._built:
                self._make_room()
                self._built[number] = self._new(number)
            return self._built[number]

    def _make_room(self):
        while len(self._built) >= self.keep:
            self._built.popitem()               # the latest
            self._dropped += 1
            if self._dropped % COLLECTED == 0:
                gc.collect()                    # a problem is a circle, and Python waits for many

    def _new(self, number):
        problem = self.make(self.item(number))
        require_interface(problem, *_NEEDED)
        if self.layout is not None:
            self.layout.check(problem)
        LOG.debug("experiment %d is built", number)
        return problem

    def answer(self, question: Question) -> Answer:
        """What is asked; an experiment that raises is told of, the others are computed all the same."""
        total, failures, work = _Total(OPERATIONS[question.what].stacked), [], np.zeros(2, dtype=int)
        for number in question.numbers:
            try:
                problem = self.problem(number)
                before = _work(problem)
                total.add(self._part(problem, question))
                work += _work(problem) - before
            except clock.TimeOver:
                raise
            except Exception as error:
                failures.append(Failure(number, error, traceback.format_exc()))
        return Answer(total.parts, tuple(failures), len(question.numbers) - len(failures),
                      tuple(work.tolist()))

    def _part(self, problem, question):
        operation, whole, names = OPERATIONS[question.what], self.layout, list(problem.slices)
        assert whole is not None        # the first experiment has given it
        places = whole.places(names)
        theta, v = (x if x is None or places is None else x[places] for x in (question.theta, question.v))
        wanted = question.options.get("blocks")
        if wanted is not None:
            whole = whole.part(wanted)
            names = [name for name in wanted if name in problem.slices]
            places = whole.places(names)
        found = operation.compute(problem, theta, v, question.options)
        return tuple(placed(part, axes, places, whole.size) for part, axes in zip(found, operation.along))


class _Total:
    """A sum in the order of what is added, or rows one after the other."""

    def __init__(self, stacked):
        self._stacked, self._parts = stacked, None

    def add(self, parts):
        if self._parts is None:
            self._parts = [[part] if self._stacked else part for part in parts]
        elif self._stacked:
            for rows, part in zip(self._parts, parts):
                rows.append(part)
        else:
            self._parts = [a + b for a, b in zip(self._parts, parts)]

    @property
    def parts(self):
        if self._parts is None:
            return None
        if self._stacked:
            return tuple(np.concatenate(rows) for rows in self._parts)
        return tuple(self._parts)


def _work(problem):
    counts = getattr(problem, "counts", None)
    return np.array([getattr(counts, name, 0) for name in ("factorisations", "back_substitutions")])
