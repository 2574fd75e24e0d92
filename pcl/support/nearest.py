"""What somebody may have meant by a name that does not exist."""

import difflib
from collections.abc import Iterable
from typing import Any


def nearest(name: Any, known: Iterable[Any], closeness: float = 0.5) -> str:
    """" Did you mean 'left'?", or "" where no known name is close, whatever the case of its letters."""
    names = {str(each).lower(): str(each) for each in known}
    close = difflib.get_close_matches(str(name).lower(), names, 1, closeness)
    return f" Did you mean {names[close[0]]!r}?" if close else ""
