"""Transforms of the outputs of a network: positive, bounded, shifted, scaled."""

from __future__ import annotations

from dataclasses import dataclass

from pcl.networks import activations
from pcl.support.validate import float64_array


@dataclass(frozen=True)
class Transform:
    """y = shift + scale · f(z), entry by entry, on the outputs z of the last layer.

    Parameters
    ----------
    function : "identity", "softplus", "exp" or "sigmoid"
    scale : float, finite and not 0
    shift : float

    Raises
    ------
    ValueError
        Another function; a scale that is 0; numbers that are not finite.

    Examples
    --------
    >>> import pcl
    >>> net = pcl.MLP([1, 1], output=pcl.Transform("exp", scale=2.0, shift=1.0))
    >>> net([0.0, 0.0], [[5.0]]).numpy()                    # 1 + 2 e⁰
    array([[3.]])
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
    """y = floor + log(1 + e^z): every output stays above `floor`, or at it if e^z underflows.

    Parameters
    ----------
    floor : float

    Returns
    -------
    Transform

    Examples
    --------
    >>> import pcl
    >>> net = pcl.MLP([1, 1], output=pcl.softplus(floor=0.1))
    >>> net([1.0, 0.0], [[-50.0], [0.0]]).numpy()[:, 0].round(4)            # 0.1 + ln 2
    array([0.1   , 0.7931])
    """
    return Transform("softplus", shift=floor)


def exponential() -> Transform:
    """y = e^z: positive outputs; z above 709 overflows and is reported as `NotFinite`.

    Returns
    -------
    Transform

    Examples
    --------
    >>> import pcl
    >>> net = pcl.MLP([1, 1], output=pcl.exponential())
    >>> net([1.0, 0.0], [[-1.0], [0.0]]).numpy()[:, 0].round(4)
    array([0.3679, 1.    ])
    """
    return Transform("exp")


def bounded(lower: float, upper: float) -> Transform:
    """y = lower + (upper − lower) / (1 + e^−z): every output stays between the bounds.

    Parameters
    ----------
    lower, upper : float, lower < upper

    Returns
    -------
    Transform

    Raises
    ------
    ValueError
        lower ≥ upper, or not finite.

    Examples
    --------
    >>> import pcl
    >>> net = pcl.MLP([1, 1], output=pcl.bounded(0.0, 4.0))
    >>> net([1.0, 0.0], [[-50.0], [0.0], [50.0]]).numpy()[:, 0].round(6)
    array([0., 2., 4.])
    """
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
