"""Values that hold inside a block of code, for whatever is called there."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def having(variable: ContextVar, value: T) -> Iterator[T]:
    """`variable` holds `value` inside the block, in this thread and task; then what it held before."""
    token = variable.set(value)
    try:
        yield value
    finally:
        variable.reset(token)
