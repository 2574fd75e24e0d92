"""What a file of a trained problem gives back: numbers, and laws that can be called."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pcl.support.types import Array, ArrayLike, Blocks
from pcl.support.validate import float64_array, known
from pcl.training.run.history import History
from pcl.uncertainty.laplace import Band, Posterior


@dataclasses.dataclass(frozen=True, eq=False)
class SavedLaw:
    """A network with its parameters: y (q, n_out) = law(x) at points x (q, n_in), and its derivatives.

    Attributes
    ----------
    net : MLP or ICNN
    params : ndarray (size,)
    """

    net: Any
    params: Array

    def __call__(self, x: ArrayLike) -> Array:
        """y (q, n_out)."""
        return self.net.at(self.params, self._points(x)).value

    def jacobian(self, x: ArrayLike) -> Array:
        """∂y/∂x (q, n_out, n_in)."""
        return self.net.at(self.params, self._points(x)).input_jacobian()

    def hessian(self, x: ArrayLike, output: int = 0) -> Array:
        """∂²y_k/∂x² of one output k, (q, n_in, n_in)."""
        x = self._points(x)
        weights = np.zeros((len(x), self.net.n_out))
        weights[:, output] = 1.0
        return self.net.at(self.params, x).input_curvature(weights)

    def sensitivity(self, x: ArrayLike, output: int = 0) -> Array:
        """∂y_k/∂params of one output k, (q, size)."""
        x = self._points(x)
        return self.net.at(self.params, x).jacobian_rows(0, len(x))[output::self.net.n_out]

    def _points(self, x):
        x = float64_array("x", x)
        return x[:, None] if x.ndim == 1 and self.net.n_in == 1 else x

    def __repr__(self) -> str:
        return f"SavedLaw({self.net!r}, {self.params.size} parameters)"


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """A trained problem without its equations.

    Attributes
    ----------
    x : ndarray (p,)
    theta : {block: array}
    laws : {block: SavedLaw}
    fun, success, status, message, method, nit : as of the `Result` that was saved
    history : History
    versions : {package: version} of the run
    """

    x: Array
    theta: Blocks
    laws: dict[str, SavedLaw]
    fun: float
    success: bool
    status: str
    message: str
    method: str
    nit: int
    history: History
    versions: dict[str, str]
    _posterior: Posterior | None = None

    @property
    def posterior(self) -> Posterior:
        """The posterior that was saved with it; ValueError if there was none."""
        if self._posterior is None:
            raise ValueError("no posterior was saved: result.save(path, posterior=result.posterior()).")
        return self._posterior

    def band(self, block: str, x: ArrayLike, output: int = 0, **options: Any) -> Band:
        """The band of a saved law at points x, from the saved posterior; options as of
        `Posterior.band`, linearised."""
        law = self.laws[known("block", block, self.laws)]
        sensitivity = self._widened(block, law, x, output)
        return self.posterior.band((law(x)[:, output], sensitivity), x, **options)

    def _widened(self, block, law, x, output):
        """∂y/∂θ with respect to all blocks, (q, p)."""
        J = law.sensitivity(x, output)
        start = sum(self.theta[name].size for name in list(self.theta)[:list(self.theta).index(block)])
        wide = np.zeros((len(J), self.x.size))
        wide[:, start:start + J.shape[1]] = J
        return wide

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} {array.size}" for name, array in self.theta.items())
        return f"{self.message}\n{self.method}, {self.nit} iterations, loss {self.fun:.6g}; {sizes}"
