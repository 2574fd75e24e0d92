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

    Examples
    --------
    A noise of one's own states a density and draws; the exact derivatives are TensorFlow's. Laplace's:

    >>> import numpy as np, tensorflow as tf, pcl
    >>> class Laplace(pcl.uncertainty.noise.Noise):
    ...     def __init__(self, b): self.b = b
    ...     def log_density(self, predicted, observed, unknown):
    ...         return tf.reduce_sum(-abs(observed - predicted) / self.b - np.log(2 * self.b))
    ...     def draw(self, predicted, rng, unknown):
    ...         return predicted + rng.laplace(scale=self.b, size=predicted.shape)
    >>> problem = pcl.Problem.from_data(lambda t: t["m"] * np.ones(3), [1.0, 2.0, 9.0], Laplace(0.5),
    ...                                 {"m": 1.5})
    >>> float(problem.gradient([1.5])[0])                   # −2 Σ sign(y − m)/b
    -4.0
    """

    has_residuals: bool = False
    parameters: Mapping[str, str] = MappingProxyType({})

    def unknowns(self, observed: Array) -> Blocks:
        """{name: starting value} of numbers of its own that are estimated with the rest.

        The start is taken from the readings `observed`.
        """
        return {}

    def check(self, name: str, observed: Array) -> None:
        """Refuse readings `observed` that the model cannot give, by a ValueError with their `name`."""

    @abstractmethod
    def log_density(self, predicted: Tensor, observed: Array, unknown: Mapping[str, Tensor]) -> Tensor:
        """log p(y | f), a scalar tensor: f = `predicted`, y = `observed`, its `unknown` by name."""

    def residuals(self, predicted: Tensor, observed: Array) -> Tensor:
        """r(f, y) (m,) with f = `predicted`, y = `observed`; NotImplementedError where there are none."""
        raise NotImplementedError(f"{type(self).__name__} has no residuals.")

    def constant(self, observed: Array) -> float:
        """log p(y | f) + ½ Σ r² with y = `observed`; NotImplementedError where there are no residuals."""
        raise NotImplementedError(f"{type(self).__name__} has no residuals.")

    @abstractmethod
    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        """Readings drawn around predictions, of the shape of `predicted`.

        `rng` is a NumPy generator, `unknown` has the values of the model's own numbers by name.
        """
