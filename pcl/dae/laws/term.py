"""What may stand for unknown terms of a model: a network, one that is fixed, free trajectories."""

from typing import Protocol

import numpy as np


class Term(Protocol):
    """z = g(a; θ) at each of n points: d inputs a, m outputs z, p parameters θ.

    `inputs`, `outputs`
        Names, d and m of them.
    `size`
        p.
    `at(params, a)`
        The `TermPoint` at θ (p,) and a (n, d).
    """

    inputs: tuple
    outputs: tuple

    @property
    def size(self) -> int: ...

    def at(self, params: np.ndarray, a: np.ndarray) -> "TermPoint": ...


class TermPoint(Protocol):
    """A term at one (θ, a), with derivatives of ⟨z̄, z⟩ for z̄ (n, m).

        value (n, m)                    z
        jacobian() (n, m, p)            ∂z/∂θ
        input_jacobian() (n, m, d)      ∂z/∂a of each point
        pullback(z̄) (p,)                Σ ⟨z̄, ∂z/∂θ⟩
        curvature(z̄) (p, p)             Σ ⟨z̄, ∂²z/∂θ²⟩
        input_curvature(z̄) (n, d, d)    ⟨z̄, ∂²z/∂a²⟩ of each point
        mixed_curvature(z̄) (n, d, p)    ⟨z̄, ∂²z/∂a∂θ⟩ of each point
    """

    value: np.ndarray

    def jacobian(self) -> np.ndarray: ...

    def input_jacobian(self) -> np.ndarray: ...

    def pullback(self, adjoint: np.ndarray) -> np.ndarray: ...

    def curvature(self, adjoint: np.ndarray) -> np.ndarray: ...

    def input_curvature(self, adjoint: np.ndarray) -> np.ndarray: ...

    def mixed_curvature(self, adjoint: np.ndarray) -> np.ndarray: ...
