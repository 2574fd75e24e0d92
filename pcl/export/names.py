"""Names of what is written: identifiers in Python and in C."""

import re

# Words that C or Python keep for themselves, and names that the sources use.
_TAKEN = frozenset(
    "and as assert async await auto break case char class const continue def default del do double elif "
    "else enum except exp extern finally float for from global goto if import in inline int is lambda "
    "long main nonlocal not np or pass raise register restrict return short sigmoid signed sin sizeof "
    "softplus static struct swish switch tanh try typedef union unsigned void volatile while with yield "
    "False None True".split())


def identifier(name: str) -> str:
    """The name; ValueError unless it is an identifier of letters, digits and underscores that is free."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or name in _TAKEN:
        raise ValueError(f"name is {name!r}; expected letters, digits and underscores, a letter first, "
                         "and no word of Python or C.")
    return name
