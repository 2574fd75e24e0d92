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


class Workers(Executor, Protocol):
    """An executor that an argument `executor=` may be: some workers, here or elsewhere.

    `ordered(function, items, places=None)`
        As above; items of one place, a whole number, go to one worker for as long as it lives, in this
        call and in others, so that what it keeps is found again. By default any worker takes any item.

    count : int
        How many work at a time.
    here : bool
        They work in this process: they see its objects, and nothing has to be sent. Elsewhere `function`
        and items have to be such that cloudpickle can send them, and context variables stay at home.
    `close()`
        Ends what was started; the next call begins anew.
    """

    @property
    def count(self) -> int: ...

    @property
    def here(self) -> bool: ...

    def ordered(self, function: Callable[[Item], Result], items: Sequence[Item],
                places: Sequence[int] | None = None) -> Iterator[Result]: ...

    def close(self) -> None: ...
