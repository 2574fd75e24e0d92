"""Questions to the workers, answers in the order of the experiments."""

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pcl.execute.executor import Workers
from pcl.execute.remote import WorkerLost
from pcl.experiments.errors import ExperimentError, brief
from pcl.experiments.question import Answer, Question
from pcl.experiments.station import Layout, Station
from pcl.experiments.worker import Missing, Order, Parcel, Refused, versions, work
from pcl.support import processes

LOG = logging.getLogger(__name__)

_PLAIN = "Make the Problem, its meshes and tensors inside make, or take executor='serial' or 'threads'."


class Here:
    """Workers in this process: one station, nothing is sent."""

    def __init__(self, make: Callable[[Any], Any], items: Sequence[Any], workers: Workers, keep: int):
        self._workers = workers
        self._station = Station(make, items.__getitem__, keep)

    def begin(self, layout: Layout) -> None:
        """θ of all experiments is known."""
        self._station.layout = layout

    def first(self) -> Any:
        """The first experiment."""
        return self._station.problem(0)

    def answers(self, questions: Sequence[Question], places: Sequence[int]) -> Iterator[Answer]:
        """The answers in the order of the questions; those of one place are for one worker."""
        return self._workers.ordered(self._station.answer, questions, places)


class Elsewhere:
    """Workers in other processes: makers, meshes and data travel once, θ each time.

    A worker that lacks something (it is new, or not the one that was meant) says so and is sent it.
    """

    def __init__(self, make: Callable[[Any], Any], items: Sequence[Any], workers: Workers, keep: int):
        self._workers, self._make, self._items, self._keep = workers, make, items, keep
        self._key, self._versions = uuid.uuid4().hex, versions()
        self._packed = processes.packed(make, "make", _PLAIN)
        self._layout: Layout | None = None
        self._sent: set[int] = set()

    def begin(self, layout: Layout) -> None:
        """θ of all experiments is known."""
        self._layout = layout

    def first(self) -> Any:
        """The first experiment, built here for its blocks; it is not kept."""
        return Station(self._make, self._items.__getitem__, 1).problem(0)

    def answers(self, questions: Sequence[Question], places: Sequence[int]) -> Iterator[Answer]:
        """See `Here`."""
        orders = _Orders(questions, self._order)
        held: dict[int, Answer] = {}
        late: list[int] = []
        turn = 0
        for number, answer in enumerate(self._received(orders, places)):
            if isinstance(answer, Missing):
                late.append(number)
            else:
                held[number] = answer
            while turn in held:
                yield held.pop(turn)
                turn += 1
        if late:
            LOG.debug("%d parts of the work are sent to workers that have not had them", len(late))
            again = _Orders([questions[number] for number in late], self._complete)
            held.update(zip(late, self._received(again, [places[number] for number in late])))
        yield from (held.pop(number) for number in range(turn, len(questions)))

    def _received(self, orders, places):
        """What the workers reply; errors that have no experiment's name are given it."""
        try:
            for reply in self._workers.ordered(work, orders, places):
                if isinstance(reply, Refused):
                    raise ExperimentError(reply.reason)
                yield reply
        except WorkerLost as error:
            raise self._lost(orders.questions[error.number].numbers) from error

    def _lost(self, numbers):
        named = ", ".join(f"{number} (item {brief(self._items[number])})" for number in numbers[:3])
        more = f" and {len(numbers) - 3} others" if len(numbers) > 3 else ""
        return ExperimentError(
            f"the workers that computed experiment {named}{more} died, three one after the other: they "
            "were killed, ran out of memory, or met a fault in compiled code. Try this item alone with "
            "executor='serial'.")

    def _order(self, question):
        new = [number for number in question.numbers if number not in self._sent]
        self._sent.update(new)
        return self._complete(question) if new else Order(self._key, question, None)

    def _complete(self, question):
        """With all that a worker needs which has nothing."""
        items = {number: self._packed_item(number) for number in question.numbers}
        return Order(self._key, question,
                     Parcel(self._versions, self._packed, items, self._keep, self._layout))

    def _packed_item(self, number):
        item = self._items[number]
        return processes.packed(item, f"items[{number}], {brief(item)},", "Let it hold plain data.")


class _Orders(Sequence):
    """Orders made when they are sent: parcels of many experiments are not held at once."""

    def __init__(self, questions, order):
        self.questions, self._order = questions, order

    def __len__(self):
        return len(self.questions)

    def __getitem__(self, number):
        return self._order(self.questions[number])


def crew(make: Callable[[Any], Any], items: Sequence[Any], workers: Workers,
         keep: int) -> Here | Elsewhere:
    """Who computes the experiments."""
    return Here(make, items, workers, keep) if workers.here else Elsewhere(make, items, workers, keep)
