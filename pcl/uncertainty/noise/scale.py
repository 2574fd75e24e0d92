"""A size of noise: known, or one unknown number estimated by its logarithm."""

import numpy as np
import tensorflow as tf

from pcl.support.brief import Brief, brief
from pcl.support.types import Array, ArrayLike, Blocks, Tensor
from pcl.support.validate import float64_array


class Scale(Brief):
    """s > 0: a number or an array of the shape of the readings; or unknown, the block "ln name".

    Parameters
    ----------
    name : str, of the argument
    given : number, array, or None where it is unknown
    start : number, optional
        First guess where it is unknown.
    zero : bool
        Whether 0 may be given.
    """

    def __init__(self, name: str, given: ArrayLike | None, start: float | None = None,
                 zero: bool = False):
        self.name, self.block = name, f"ln {name}"
        self.given = None if given is None else positive(name, given, zero)
        self.start = None if start is None else float(positive("start", start))

    def __repr__(self) -> str:
        return brief(self.given) or f"unknown {self.name}"

    @property
    def known(self) -> bool:
        """Whether it is given."""
        return self.given is not None

    @property
    def is_zero(self) -> bool:
        """Whether it is given as 0 everywhere."""
        return self.given is not None and not self.given.any()

    def unknowns(self, guess: float) -> Blocks:
        """{block: first guess of ln s}, none where s is known."""
        if self.known:
            return {}
        return {self.block: np.array(np.log(self.start or guess or 1.0))}

    def check(self, name: str, observed: Array) -> None:
        """Refuse an array of another shape than the readings."""
        if self.given is not None and self.given.ndim and self.given.shape != observed.shape:
            raise ValueError(f"{self.name} has shape {self.given.shape}; expected a number or "
                             f"{observed.shape}, the shape of {name}.")

    def log(self, unknown) -> Tensor:
        """ln s."""
        return unknown[self.block] if self.given is None else tf.constant(np.log(self.given))

    def value(self, unknown) -> Tensor:
        """s."""
        return tf.exp(unknown[self.block]) if self.given is None else tf.constant(self.given)

    def number(self, unknown: Blocks) -> Array:
        """s as an array."""
        return np.exp(unknown[self.block]) if self.given is None else self.given

    def log_sum(self, shape: tuple) -> float:
        """Σ ln s over readings of this shape, of a known s."""
        assert self.given is not None
        return float(np.log(np.broadcast_to(self.given, shape)).sum())


def positive(name: str, value: ArrayLike, zero: bool = False) -> Array:
    """`value` as finite float64 array > 0, or ≥ 0."""
    array = float64_array(name, value)
    bad = array < 0.0 if zero else array <= 0.0
    if bad.any():
        relation, wanted = ("< 0", "≥ 0") if zero else ("≤ 0", "> 0")
        raise ValueError(f"{name} has {np.count_nonzero(bad)} of {array.size} entries {relation}, the "
                         f"least {array.min():g}; expected numbers {wanted}.")
    return array
