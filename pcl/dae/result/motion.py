"""A simulated trajectory as a function of weights, parameters and starts, with exact derivatives.

The collocated equations on the elements of the simulation determine its unknowns u,

    r(u, q) = 0,   q = (θ, p, x₀),   y = h(u) what is read off at given times,

    tangent     ẏ = h_u S q̇,   S = −r_u⁻¹ r_q
    adjoint     q̄ = Sᵀ h_uᵀ ȳ = −r_qᵀ λ,   r_uᵀ λ = h_uᵀ ȳ
    curvature   ⟨ȳ, y⟩'' = (S; I)ᵀ (Σ ȳ ∂²h − Σ λ ∂²r) (S; I)

Exact for these elements: their ends do not move with q. Element by element along the chain, as in the
sequential way of fitting.
"""

from dataclasses import dataclass

import numpy as np

from pcl.dae.kkt.bent import bent
from pcl.dae.kkt.chain import Chain
from pcl.dae.program.reading import Reading


@dataclass(frozen=True)
class Moving:
    """What q is made of, in this order.

    Attributes
    ----------
    laws : numbers of the laws whose weights move
    parameters, states : names of those whose values, or values at the start, move
    """

    laws: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()
    states: tuple[str, ...] = ()

    def sizes(self, laws):
        """Lengths of the parts of q, given trained laws: of each law, then 1 each."""
        return [*(laws[k].law.size for k in self.laws),
                *[1] * (len(self.parameters) + len(self.states))]


class Motion:
    """y = h(u(q)) at one q.

    Parameters
    ----------
    run : Forecast
    curve : Curve, its simulation
    moving : Moving
    t : (n,), times of the readings
    names : of variables and observables that are read

    Attributes
    ----------
    size : int, length of q
    value : ndarray (n_names, n)
    """

    def __init__(self, run, curve, moving, t, names):
        self._program, self._x = run.collocated(curve)
        self._elements = self._program.elements
        self._chain = Chain(self._program.rows)
        self._J = self._program.jacobian(self._x)
        self._blocks = self._chain.blocks(self._J)
        self._u = self._elements.local(self._x[:self._elements.n])
        self._readings = [Reading(self._elements, name, [(0, t, run.inputs(t))]) for name in names]
        self.value = np.array([reading.value(self._u) for reading in self._readings])
        self._places, self._laws = self._where(moving)
        self.size, self._U = self._places.size, None

    def jacobian(self):
        """∂y/∂q (n_names, n, q)."""
        U = self._tangents()
        return np.array([np.matmul(reading.gradient_rows(self._u)[:, None], U[reading.place])[:, 0]
                         for reading in self._readings]).reshape(*self.value.shape, self.size)

    def pushforward(self, dq):
        """∂y/∂q q̇ (n_names, n) of q̇ (q,), by one sweep along the elements."""
        U = self._along(dq[:, None])
        return np.array([np.einsum("nw,nw->n", reading.gradient_rows(self._u), U[reading.place, :, 0])
                         for reading in self._readings])

    def pullback(self, adjoint):
        """ȳᵀ ∂y/∂q (q,) of ȳ (n_names, n), by one sweep back."""
        g = self._seen(adjoint)
        whole = np.zeros(self._program.n)
        whole[:self._elements.n] = self._elements.scatter(g)
        return (whole - self._J.T @ self._chain.adjoint(self._blocks, g))[self._places]

    def curvature(self, adjoint):
        """⟨ȳ, ∂²y/∂q²⟩ (q, q) of ȳ (n_names, n)."""
        lam = -self._chain.adjoint(self._blocks, self._seen(adjoint))
        W = self._program.hessian(self._x, lam, 0.0)
        for reading, bar in zip(self._readings, adjoint):
            reading.add(W.local, reading.bends(self._u, bar))
        return bent(W, self._tangents(), self._laws)

    # --- parts --------------------------------------------------------------------------------
    def _seen(self, adjoint):
        """h_uᵀ ȳ (E, width)."""
        return sum((reading.pulled(bar[:, None] * reading.slopes(self._u))
                    for reading, bar in zip(self._readings, adjoint)), np.zeros(self._u.shape))

    def _where(self, moving):
        """(where q stands among the unknowns (q,), where the weights of each law stand in q)."""
        elements, model = self._elements, self._program.model
        ends = elements.n + np.cumsum([0, *self._program.rows.sizes])
        weights = [np.arange(ends[k], ends[k + 1]) for k in moving.laws]
        first = elements.n - elements.parameters.n
        parameters = [first + model.parameters.index(name) for name in moving.parameters]
        starts = [model.states.index(name) for name in moving.states]
        laws: list[slice | None] = [None] * len(self._program.laws)
        start = 0
        for k, own in zip(moving.laws, weights):
            laws[k], start = slice(start, start + own.size), start + own.size
        return np.concatenate([*weights, parameters, starts]).astype(int), laws

    def _tangents(self):
        """u (E, width, q) along every number of q; kept."""
        if self._U is None:
            self._U = self._along(np.eye(self.size))
        return self._U

    def _along(self, V):
        """u (E, width, c) along V (q, c)."""
        elements, program = self._elements, self._program
        full = np.zeros((program.n, V.shape[1]))
        full[self._places] = V
        first = elements.E * elements.n_x
        return self._chain.tangents(
            self._blocks, full[elements.n:], full[elements.n - elements.parameters.n:elements.n],
            full[:first].reshape(elements.E, elements.n_x, -1))
