"""Objects in one line: their class, and what they hold as numbers, shapes or words."""

from typing import Any

import numpy as np


class Brief:
    """Base of classes whose `repr` names what they hold: Normal(mean=0, deviation=(3,) numbers)."""

    def __repr__(self) -> str:
        held = ((name, brief(value)) for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({', '.join(f'{name}={text}' for name, text in held if text)})"


def brief(value: Any) -> str:
    """A number, a word as it is, of an array its shape; "" for what is none of these."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, str):
        return repr(value)
    array = np.asarray(value) if isinstance(value, (int, float, np.ndarray, np.generic)) else None
    if array is None:
        return repr(value) if isinstance(value, Brief) else ""
    return f"{array.item():g}" if array.size == 1 else f"{array.shape} numbers"
