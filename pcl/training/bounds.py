"""Box constraints in any of their spellings, as two arrays."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import Bounds

from pcl.support.nearest import nearest
from pcl.support.validate import float64_array


def parse_bounds(bounds, size, slices=None):
    """(lower, upper), each (size,), of `bounds`; None stays None.

    Parameters
    ----------
    bounds : None, scipy.optimize.Bounds, sequence of `size` pairs, or dict
        In a pair, None means no bound. A dict maps names of blocks to (lower, upper), each a
        number, None or an array of the block's size; blocks left out are free.
    slices : dict of slice, optional
        Where each named block lies in theta.

    Raises
    ------
    ValueError
        NaN, lower above upper, an empty side (lower +inf, upper -inf), a wrong number of
        bounds, an unknown block.
    """
    if bounds is None:
        return None
    if isinstance(bounds, dict):
        lower, upper = _from_blocks(bounds, size, slices)
    elif isinstance(bounds, Bounds):
        lower, upper = (_side("bounds", side, size, None) for side in (bounds.lb, bounds.ub))
    else:
        lower, upper = _from_pairs(bounds, size)
    return _checked(lower, upper)


def _from_pairs(bounds, size):
    if not isinstance(bounds, Sequence | np.ndarray):
        raise TypeError(f"bounds is a {type(bounds).__name__}; expected one pair (lower, upper) "
                        "for each entry of theta, a scipy.optimize.Bounds or a dict of blocks.")
    pairs = list(bounds)
    if len(pairs) != size:
        raise ValueError(f"bounds has {len(pairs)} pairs but theta has {size} entries. Give one "
                         "(lower, upper) each, None for no bound.")
    if any(isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2
           for pair in pairs):
        raise ValueError("bounds must hold pairs (lower, upper), one for each entry of theta, "
                         "or be a scipy.optimize.Bounds or a dict of blocks.")
    lower = [-np.inf if low is None else low for low, _ in pairs]
    upper = [np.inf if high is None else high for _, high in pairs]
    return _numbers(lower), _numbers(upper)


def _from_blocks(bounds, size, slices):
    if slices is None:
        raise ValueError("bounds is a dict of blocks but this problem has no named blocks. Give "
                         "a list of pairs or a scipy.optimize.Bounds.")
    unknown = sorted(set(bounds) - set(slices))
    if unknown:
        raise ValueError(f"bounds names unknown blocks {', '.join(map(repr, unknown))}; known "
                         f"are {', '.join(sorted(slices))}.{nearest(unknown[0], slices)}")
    lower, upper = np.full(size, -np.inf), np.full(size, np.inf)
    for name, pair in bounds.items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"bounds[{name!r}] is {pair!r}; expected a pair (lower, upper).")
        block = slices[name]
        length = lower[block].size
        lower[block] = _side(f"bounds[{name!r}]", pair[0], length, -np.inf)
        upper[block] = _side(f"bounds[{name!r}]", pair[1], length, np.inf)
    return lower, upper


def _numbers(side):
    if any(np.ndim(bound) or isinstance(bound, str) for bound in side):
        raise TypeError("bounds must hold pairs of numbers, None for no bound.")
    return float64_array("bounds", side, finite=False)


def _side(name, value, length, default):
    array = float64_array(name, default if value is None else value, finite=False).ravel()
    if array.size not in (1, length):
        raise ValueError(f"{name} has {array.size} entries; expected 1 or {length}.")
    return np.broadcast_to(array, (length,)).copy()


def _checked(lower, upper):
    for wrong, words in ((np.isnan(lower) | np.isnan(upper), "NaN"),
                         (lower > upper, "a lower bound above the upper one"),
                         ((lower == np.inf) | (upper == -np.inf), "an empty interval")):
        if wrong.any():
            i = int(np.argmax(wrong))
            raise ValueError(f"bounds has {words} at entry {i} of theta: ({lower[i]}, "
                             f"{upper[i]}). Use -inf, inf or None for no bound.")
    return lower, upper
