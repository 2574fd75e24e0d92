"""Named trainable blocks in one flat vector θ."""

from collections.abc import Mapping

import numpy as np
import scipy           # its `optimize` is loaded when it is first used

from pcl.support.nearest import nearest
from pcl.support.outcome import Outcome
from pcl.support.types import Array, ArrayLike, Theta
from pcl.support.validate import float64_array


class Named(dict):
    """{name: tensor}, the θ that a loss is given; an unknown name is answered with the known ones."""

    def __missing__(self, name):
        raise KeyError(f"θ has no block {name!r}; known are {', '.join(map(str, self))}."
                       f"{nearest(name, self)}")


class Blocks:
    """The layout of θ: blocks one after the other, each flattened row by row.

    Parameters
    ----------
    start : dict name -> array or number
        Starting values; they also fix the shapes.

    Attributes
    ----------
    shapes : dict name -> tuple
    slices : dict name -> slice of θ
    size : int
    """

    def __init__(self, start):
        if not isinstance(start, Mapping) or not start:
            raise TypeError(f"blocks is {start!r}; expected a dict that names at least one block of "
                            "parameters, for instance {'kappa': net.init(seed=0)}.")
        arrays = {str(name): float64_array(f"blocks[{name!r}]", a) for name, a in start.items()}
        self.shapes = {name: a.shape for name, a in arrays.items()}
        self.slices, end = {}, 0
        for name, a in arrays.items():
            self.slices[name] = slice(end, end + a.size)
            end += a.size
        self.size = end
        self._start = np.concatenate([a.ravel() for a in arrays.values()])

    @property
    def start(self):
        """A copy of the starting vector."""
        return self._start.copy()

    def check(self, theta, name="theta"):
        """θ, flat, {block: array} or a result, as a finite float64 vector of the right length."""
        if isinstance(theta, (Mapping, Outcome)):
            return self.ravel(theta)
        theta = float64_array(name, theta)
        if theta.shape != (self.size,):
            sizes = ", ".join(f"{name}: {s.stop - s.start}" for name, s in self.slices.items())
            raise ValueError(f"{name} has shape {theta.shape}; expected ({self.size},) for the blocks "
                             f"{sizes}. Flatten them in this order, for instance with problem.ravel.")
        return theta

    def unravel(self, theta):
        """{name: array} of a flat θ."""
        return self.split(self.check(theta))

    def split(self, theta):
        """The same of a θ that was checked, as views."""
        return {name: theta[s].reshape(self.shapes[name]) for name, s in self.slices.items()}

    def ravel(self, arrays):
        """The flat θ of {name: array}, with the names of the blocks, or of a result."""
        if isinstance(arrays, (scipy.optimize.OptimizeResult, Outcome)):
            return self.check(arrays.x)             # type: ignore[union-attr]
        if not isinstance(arrays, Mapping):
            raise TypeError(f"blocks given are a {type(arrays).__name__}; expected a dict with the "
                            f"names {', '.join(self.shapes)}.")
        if set(arrays) != set(self.shapes):
            near = "".join(nearest(name, self.shapes) for name in arrays if name not in self.shapes)
            raise ValueError(f"blocks given are {sorted(map(str, arrays))}; expected "
                             f"{sorted(self.shapes)}.{near}")
        return np.concatenate([float64_array(name, arrays[name], self.shapes[name]).ravel()
                               for name in self.shapes])


class OfBlocks:
    """What is a function of θ: its starting point, and θ by name and flat.

    Attributes
    ----------
    blocks : Blocks
    """

    blocks: Blocks

    @property
    def theta0(self) -> Array:
        """The starting point, a copy."""
        return self.blocks.start

    def unravel(self, theta: Theta) -> dict[str, Array]:
        """{name: array} of a flat `theta` (size,)."""
        return self.blocks.unravel(theta)

    def ravel(self, arrays: Mapping[str, ArrayLike]) -> Array:
        """The flat θ (size,) of `arrays`, {name: array}."""
        return self.blocks.ravel(arrays)
