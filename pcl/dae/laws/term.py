"""What may stand for unknown terms of a model: a network, one that is fixed, free trajectories."""

from typing import Protocol

from pcl.support.types import Array


class Term(Protocol):
    """z = g(a; θ) at each of n points: d inputs a, m outputs z, p parameters θ.

    `inputs`, `outputs`
        Names, d and m of them.
    `size`
        p.
    `term`
        The same as the equations see it, with names of the model: itself, but for laws at many places.
    `at(params, a)`
        The `TermPoint` at θ (p,) and a (n, d).
    """

    @property
    def inputs(self) -> tuple[str, ...]: ...

    @property
    def outputs(self) -> tuple[str, ...]: ...

    @property
    def size(self) -> int: ...

    @property
    def term(self) -> "Term": ...

    def at(self, params: Array, a: Array) -> "TermPoint": ...


class TermPoint(Protocol):
    """A term at one (θ, a), with derivatives of ⟨z̄, z⟩ for z̄ (n, m).

        value (n, m)                    z
        jacobian() (n, m, p)            ∂z/∂θ
        input_jacobian() (n, m, d)      ∂z/∂a of each point
        pullback(z̄) (p,)                Σ ⟨z̄, ∂z/∂θ⟩
        curvature(z̄) (p, p)             Σ ⟨z̄, ∂²z/∂θ²⟩
        curvature_product(z̄, θ̇) (p,)    the same times θ̇
        input_curvature(z̄) (n, d, d)    ⟨z̄, ∂²z/∂a²⟩ of each point
        mixed_curvature(z̄) (n, d, p)    ⟨z̄, ∂²z/∂a∂θ⟩ of each point
    """

    value: Array

    def jacobian(self) -> Array: ...

    def input_jacobian(self) -> Array: ...

    def pullback(self, adjoint: Array) -> Array: ...

    def curvature(self, adjoint: Array) -> Array: ...

    def curvature_product(self, adjoint: Array, theta_dot: Array) -> Array: ...

    def input_curvature(self, adjoint: Array) -> Array: ...

    def mixed_curvature(self, adjoint: Array) -> Array: ...
