"""What runs independent pieces of work."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Executor(Protocol):
    """f(i) for each of some items, wherever they are computed.

    `ordered(function, items)`
        The results, one after the other, in the order of the items: what `map` gives.

            errors        reach the caller at the turn of their item
            memory        few results wait for their turn, however many items there are
            nesting       work inside of work is done, and does not wait for itself
            context       `function` sees the context variables of the caller

    A module may be one: `pcl.execute.threads` is.
    """

    def ordered(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]: ...
