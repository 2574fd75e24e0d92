"""Transforms of the outputs of a network: positive, bounded, shifted, scaled."""

from __future__ import annotations

from dataclasses import dataclass

from pcl.networks import activations
from pcl.support.validate import float64_array


@dataclass(frozen=True)
class Transform:
    """y = shift + scale · f(z), entry by entry, on the outputs z of the last layer.

    `function` is one of "identity", "softplus", "exp", "sigmoid"; scale is finite and not 0, shift
    finite. ValueError otherwise.
    """

    function: str
    scale: float = 1.0
    shift: float = 0.0

    def __post_init__(self):
        activations.named("function", self.function, activations.OUTPUT)
        for name in ("scale", "shift"):
            value = float64_array(name, getattr(self, name), shape=())
            object.__setattr__(self, name, float(value))
        if self.scale == 0.0:
            raise ValueError("scale is 0; expected a number other than 0, or every output is "
                             "the constant shift.")


def softplus(floor: float = 0.0) -> Transform:
    """y = floor + log(1 + e^z): every output stays above `floor`, or at it if e^z underflows."""
    return Transform("softplus", shift=floor)


def exponential() -> Transform:
    """y = e^z: positive outputs; z above 709 overflows and is reported as `NotFinite`."""
    return Transform("exp")


def bounded(lower: float, upper: float) -> Transform:
    """y = lower + (upper − lower) / (1 + e^−z): every output stays between the bounds."""
    lower, upper = (float(float64_array(n, v, shape=()))
                    for n, v in (("lower", lower), ("upper", upper)))
    if not lower < upper:
        raise ValueError(f"lower is {lower} and upper is {upper}; expected lower < upper.")
    return Transform("sigmoid", scale=upper - lower, shift=lower)


def of_output(output: Transform | str | None) -> Transform:
    """What a network takes as its `output`: a `Transform`, the name of one, None for none."""
    if isinstance(output, Transform):
        return output
    name = "identity" if output is None else output
    return Transform(activations.named("output", name, activations.OUTPUT).name)
