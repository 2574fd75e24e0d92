"""Chains of elements: which stand in a row without a cut, and their padding to equal length."""

import numpy as np


class Segments:
    """The elements of every trajectory in pieces of at most L.

    Attributes
    ----------
    table : int (S, L), elements of each segment in order of time; E where a segment is shorter
    last : int (S,), the last element
    head : int (S,), the first element
    cut : bool (S,), whether the segment begins inside a trajectory
    """

    def __init__(self, starts, count, length):
        ends = np.append(starts[1:], count)
        heads = [np.arange(a, b, _even(b - a, length)) for a, b in zip(starts, ends)]
        stops = [np.append(h[1:], b) for h, b in zip(heads, ends)]
        self.head, stop = np.concatenate(heads), np.concatenate(stops)
        self.last = stop - 1
        longest = int((stop - self.head).max())
        steps = self.head[:, None] + np.arange(longest)
        self.table = np.where(steps < stop[:, None], steps, count)
        self.cut = ~np.isin(self.head, starts)
        self.length = longest


def _even(count, length):
    """At most `length`, for pieces of nearly equal length."""
    return -(-count // -(-count // length))


def padded(blocks, neutral=None):
    """Blocks (E, …) with one more at the end: zeros, or `neutral`."""
    last = np.zeros(blocks.shape[1:]) if neutral is None else neutral
    return np.concatenate([blocks, last[None]])
