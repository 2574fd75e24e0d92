"""What is known of a law beforehand, and the network that has it at every weight.

    rises or falls with inputs      `MonotoneMLP`: weights of given sign
    convex                          `ICNN`; with rising or falling inputs the signs of their weights, too
    above or below a bound          softplus of the network's last layer
    between bounds                  sigmoid of it

A concave law is the negative of a convex one, one that stays below a bound is the bound less a positive
one: the law then turns the network's sign (`output_scale` −1) and what it does with its inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.networks.icnn import ICNN
from pcl.networks.mlp import MLP
from pcl.networks.monotone import MonotoneMLP
from pcl.networks.transform import Transform, bounded, softplus
from pcl.support.nearest import nearest
from pcl.support.types import Names
from pcl.support.validate import float64_array

HIDDEN, SEVERAL = (8,), (8, 8)      # widths; where several inputs have a sign one layer is not enough


@dataclass(frozen=True)
class Shape:
    """What `Law` takes of the shape of its outputs, checked.

    Parameters
    ----------
    inputs : names of the law's inputs
    increasing, decreasing : names of inputs with which all outputs rise or fall
    convex, concave : bool, in all inputs together
    lower, upper : bounds of the outputs, ±inf for none
    """

    inputs: tuple[str, ...]
    increasing: tuple[str, ...]
    decreasing: tuple[str, ...]
    convex: bool
    concave: bool
    lower: float
    upper: float

    @classmethod
    def of(cls, inputs: tuple[str, ...], increasing: Names = (), decreasing: Names = (),
           convex: bool = False, concave: bool = False, positive: bool = False,
           bounds: Any = None) -> Shape:
        """See `Law`.

        Raises
        ------
        TypeError, ValueError
            Unknown inputs, words that contradict each other, a shape that only constants have.
        """
        for name, flag in (("convex", convex), ("concave", concave), ("positive", positive)):
            if not isinstance(flag, (bool, np.bool_)):
                raise TypeError(f"{name} is {flag!r}; expected True or False, for all inputs together.")
        rising, falling = (_names(word, given, inputs) for word, given in
                           (("increasing", increasing), ("decreasing", decreasing)))
        lower, upper = _ends(bounds)
        found = cls(inputs, rising, falling, bool(convex), bool(concave),
                    max(lower, 0.0) if positive else lower, upper)
        found._require()
        return found

    @property
    def asked(self) -> bool:
        """Whether anything is known."""
        return bool(self.increasing or self.decreasing or self.convex or self.concave
                    or np.isfinite([self.lower, self.upper]).any())

    @property
    def turned(self) -> bool:
        """Whether the law is a bound, or 0, less its network."""
        return self.concave or (np.isfinite(self.upper) and not np.isfinite(self.lower))

    @property
    def shift(self) -> float:
        """The law's output_shift."""
        return self.upper if self.turned and np.isfinite(self.upper) else 0.0

    def network(self, n_out: int, hidden: tuple[int, ...] | None) -> Any:
        """The network with hidden widths, by default `HIDDEN`, or `SEVERAL` for several inputs of given
        sign."""
        signs = self._signs
        hidden = hidden or (SEVERAL if np.count_nonzero(signs) > 1 else HIDDEN)
        widths = (len(self.inputs), *hidden, n_out)
        if self.convex or self.concave:
            return ICNN(widths, self._output, signs)
        if any(signs):
            return MonotoneMLP(widths, signs, output=self._output)
        return MLP(widths, output=self._output)

    @property
    def _signs(self):
        """Of the network's slopes in each input: 1, −1, or 0 for either."""
        turn = -1 if self.turned else 1
        return tuple(turn * ((name in self.increasing) - (name in self.decreasing))
                     for name in self.inputs)

    @property
    def _output(self):
        if self.turned:
            return softplus() if np.isfinite(self.upper) else Transform("identity")
        if np.isfinite(self.upper):
            return bounded(self.lower, self.upper)
        return softplus(self.lower) if np.isfinite(self.lower) else Transform("identity")

    def _require(self):
        both = [name for name in self.increasing if name in self.decreasing]
        if both:
            raise ValueError(f"increasing and decreasing both have {both[0]!r}; expected one of them. A "
                             "law that does not depend on it leaves it out of inputs.")
        if self.convex and self.concave:
            raise ValueError("convex and concave are both True, which only a + b x is; expected one of "
                             "them, or write a and b as parameters of the model.")
        if not self.lower < self.upper:
            raise ValueError(f"the outputs have to stay between {self.lower:g} and {self.upper:g}; "
                             "expected a lower bound (0 with positive=True) below the upper one.")
        for bent, side, end in (("convex", "upper", self.upper), ("concave", "lower", self.lower)):
            if getattr(self, bent) and np.isfinite(end):
                raise ValueError(f"the law is {bent} and has the {side} bound {end:g}: of all inputs "
                                 f"only a constant is that. Leave out {bent} or the bound, and bound the "
                                 "output where it is used by `Model(bounds=…)`.")


def _names(word, given, inputs):
    names = (given,) if isinstance(given, str) else given
    if isinstance(names, (bool, np.bool_)):
        raise TypeError(f"{word} is {given!r}; expected names of inputs, as {word}={list(inputs)!r}.")
    for name in names:
        if name not in inputs:
            raise ValueError(f"{word} has {name!r}; expected some of the inputs {', '.join(inputs)}."
                             f"{nearest(name, inputs)}")
    return tuple(names)


def _ends(bounds):
    """(lower, upper) of a pair with None for open, of None no bounds."""
    if bounds is None:
        return -np.inf, np.inf
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise ValueError(f"bounds is {bounds!r}; expected (lower, upper), None for open.")
    return tuple(open_ if end is None else float(float64_array("bounds", end, shape=(), finite=False))
                 for end, open_ in zip(bounds, (-np.inf, np.inf)))
