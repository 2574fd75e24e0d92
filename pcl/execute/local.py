"""Workers in this process: one, or a thread each."""

from collections.abc import Callable, Iterator, Sequence

from pcl.execute import threads
from pcl.execute.executor import Item, Result
from pcl.support.processes import processors
from pcl.support.validate import positive_integer


class Serial:
    """One after the other, on the caller's thread."""

    count, here = 1, True

    def __repr__(self) -> str:
        return "serial"

    def ordered(self, function: Callable[[Item], Result], items: Sequence[Item],
                places: Sequence[int] | None = None) -> Iterator[Result]:
        """function(item) of each item; see `pcl.execute.executor.Workers`."""
        return threads.alone(function, items)

    def close(self) -> None:
        """Nothing was started."""


class Threads:
    """Threads of this process: what releases the interpreter's lock runs side by side.

    Parameters
    ----------
    workers : int, optional
        As many as processors by default.
    """

    here = True

    def __init__(self, workers: int | None = None):
        self.count = processors() if workers is None else positive_integer("workers", workers)

    def __repr__(self) -> str:
        return f"threads({self.count})"

    def ordered(self, function: Callable[[Item], Result], items: Sequence[Item],
                places: Sequence[int] | None = None) -> Iterator[Result]:
        """function(item) of each item; see `pcl.execute.executor.Workers`."""
        if self.count == 1:
            return threads.alone(function, items)
        return threads.ordered(function, items, self.count)

    def close(self) -> None:
        """The threads wait to be used again."""
