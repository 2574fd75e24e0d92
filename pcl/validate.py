"""Checks at the door: what comes in is a finite float64 array of the stated shape."""

import numbers

import numpy as np

from pcl.errors import NotFinite


def float64_array(name, value, shape=None, finite=True):
    """A new, C-contiguous float64 copy of `value`.

    Lists, integers, other float widths, byte orders and memory layouts, read-only arrays
    and TensorFlow tensors or variables are accepted; the input is never written to.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    shape : tuple, optional
        Expected shape; an entry None stands for any length. Nothing is broadcast.
    finite : bool
        Refuse NaN and infinity.

    Raises
    ------
    TypeError
        Complex, object or text data.
    ValueError
        Another shape, or (NotFinite) entries that are not finite.
    """
    raw = value.numpy() if hasattr(value, "numpy") else np.asarray(value)
    if raw.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {raw.dtype}; expected real numbers that convert "
                        "to float64.")
    array = np.array(raw, dtype=np.float64, order="C")
    if shape is not None and not _matches(array.shape, shape):
        raise ValueError(f"{name} has shape {array.shape}; expected {_text(shape)}. "
                         "Nothing is broadcast: reshape it first.")
    if finite:
        require_finite(name, array)
    return array


def require_finite(name, array):
    """Raise NotFinite with the count and the first index unless every entry is finite."""
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise NotFinite(f"{name} has {int(bad.sum())} of {array.size} entries that are NaN or "
                        f"infinite, first at index {first if len(first) != 1 else first[0]}.")


def positive_integer(name, value, minimum=1):
    """`value` as an int, refused unless it is a whole number ≥ `minimum`."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not real or not float(value).is_integer() or value < minimum:
        raise ValueError(f"{name} is {value!r}; expected a whole number ≥ {minimum}.")
    return int(value)


def known(name, value, choices):
    """`value` if it is one of `choices`, else a ValueError that lists them."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; known are {', '.join(sorted(choices))}.")
    return value


def _matches(given, expected):
    return len(given) == len(expected) and all(
        e is None or g == e for g, e in zip(given, expected))


def _text(shape):
    entries = ", ".join("any" if n is None else str(n) for n in shape)
    return f"({entries}{',' if len(shape) == 1 else ''})"
