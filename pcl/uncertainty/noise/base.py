"""What every noise model offers: the density of readings around predictions."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from pcl.support.brief import Brief
from pcl.support.types import Array, Blocks, Tensor


class Noise(Brief, ABC):
    """p(y | f): readings y (any shape) around predictions f of that shape.

    Where there are residuals,

        log p(y | f) = constant(y) − ½ Σ r(f, y)²,

    so that least squares sees them; everywhere log p is a TensorFlow function of f and of the model's
    own `unknowns`, with exact first and second derivatives, all constants of the density included.

    Attributes
    ----------
    has_residuals : bool
    parameters : {unknown: name}
        Unknowns that are parameters of the model of a `pcl.dae.fit`, and no numbers of the noise alone:
        several noise models and the equations may have them in common.
    """

    has_residuals: bool = False
    parameters: Mapping[str, str] = MappingProxyType({})

    def unknowns(self, observed: Array) -> Blocks:
        """{name: starting value} of numbers of its own that are estimated with the rest."""
        return {}

    def check(self, name: str, observed: Array) -> None:
        """Refuse readings that the model cannot give, by a ValueError with their name."""

    @abstractmethod
    def log_density(self, predicted: Tensor, observed: Array, unknown: Mapping[str, Tensor]) -> Tensor:
        """log p(y | f), a scalar."""

    def residuals(self, predicted: Tensor, observed: Array) -> Tensor:
        """r (m,)."""
        raise NotImplementedError(f"{type(self).__name__} has no residuals.")

    def constant(self, observed: Array) -> float:
        """log p(y | f) + ½ Σ r²."""
        raise NotImplementedError(f"{type(self).__name__} has no residuals.")

    @abstractmethod
    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        """Readings drawn around predictions, of their shape."""
