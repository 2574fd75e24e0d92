"""A collocated program with its trajectories solved for, in reduced space."""

from collections import deque

import numpy as np

from pcl.dae.kkt.bent import bent
from pcl.dae.kkt.chain import Chain
from pcl.dae.sequential import trajectories
from pcl.dae.sequential.trajectories import Units
from pcl.support.validate import float64_array

_KEPT = 8           # trajectories of earlier q, from the nearest of which Newton's method starts


class Sequential:
    """minimise f(u(q), q) over q = (θ, p, free starts), where u(q) solves the collocated equations.

        gradient   f_q + J_qᵀ λ,   J_uᵀ λ = −f_u
        Hessian    (S; I)ᵀ W (S; I),   J_u S = −J_q,   W = ∇²(f + λᵀ c)

    A problem for `pcl.minimize` with the same model, data and laws as the simultaneous program. Bounds
    and path constraints are not kept: nothing but the equations is imposed on the trajectories.

    Parameters
    ----------
    program : Transcription
    x : (program.n,)
        Start: q is taken from it, the trajectories are the first guess of Newton's method.

    Attributes
    ----------
    size : int
    theta0 : (size,)
    slices : {"weights", "parameters", "starts": slice of q}
    places : (size,), where q stands among the unknowns of the program

    Raises
    ------
    NotConverged, SingularMatrix
        (of `value` and so on; both TrialFailure) no trajectories at this q.

    Notes
    -----
    Newton's method (`pcl.dae.sequential.trajectories`) works on whole trajectories from those of the
    nearest of the last eight q; where that fails, element by element from the start. The blocks of an
    element are inverted once a point for states, adjoint and tangents. Work at the last q is remembered.
    """

    has_residuals = False

    def __init__(self, program, x):
        self.program, elements = program, program.elements
        self._x = float64_array("x", x, (program.n,))
        self._units = Units.at(program, self._x)
        self._chain = Chain(program.rows)
        starts = np.flatnonzero((elements.first[:, None] & ~program.rows.jointed).ravel())
        self.places = np.concatenate([np.arange(elements.n, program.n),
                                      np.arange(elements.n - elements.parameters.n, elements.n), starts])
        self.size = len(self.places)
        ends = np.cumsum([program.n - elements.n, elements.parameters.n, len(starts)])
        self.slices = {name: slice(int(a), int(b)) for name, a, b in zip(
            ("weights", "parameters", "starts"), [0, *ends], ends)}
        self.theta0 = self._x[self.places]
        self._found, self._last = deque([(self.theta0, self._x)], maxlen=_KEPT), None

    def solution(self, q):
        """All unknowns of the program (n,) at q, with the equations fulfilled."""
        return self._at(q).x.copy()

    def multipliers(self, q):
        """λ (m,) of the equations at q, ∂(f + λᵀ c)/∂u = 0."""
        return self._at(q).multipliers

    def guess(self, q):
        """The unknowns (n,) from which Newton's method begins at q."""
        x = self._nearest(q)[1].copy()
        x[self.places] = q
        return x

    def value(self, q):
        """f(u(q), q)."""
        return float(self.program.objective(self._at(q).x))

    def gradient(self, q):
        """df/dq (size,)."""
        point = self._at(q)
        return self._pulled(point, self.program.gradient(point.x))

    def value_and_gradient(self, q):
        """f and df/dq."""
        return self.value(q), self.gradient(q)

    def hessian(self, q):
        """d²f/dq² (size, size), exact."""
        point = self._at(q)
        U = self._chain.tangents(point.blocks, *self._split(np.eye(self.size)))
        ends = np.cumsum([0, *self.program.rows.sizes])
        return bent(point.curvature(), U, [slice(a, b) for a, b in zip(ends, ends[1:])])

    def hvp(self, q, v):
        """The product of the Hessian with v: one sweep forward, one back."""
        point, v = self._at(q), float64_array("v", v, (self.size,))
        u = self._chain.tangents(point.blocks, *self._split(v[:, None]))[:, :, 0]
        dx = np.zeros(self.program.n)
        dx[:self.program.elements.n] = self._gathered(u)
        dx[self.places] = v
        return self._pulled(point, point.curvature() @ dx)

    # --- parts --------------------------------------------------------------------------------
    def _at(self, q):
        q = float64_array("theta", q, (self.size,))
        last = self._last
        if last is None or not np.array_equal(last.q, q):
            self._last = last = _Solution(self.program, self._chain, q, self._trajectories(q))
        return last

    def _trajectories(self, q):
        near, x = self._nearest(q)
        if x is not self._x and np.array_equal(near, q):
            return x
        given = self.program, self._chain, self.guess(q), self._units
        if x is self._x:            # the given start, which fulfils no equation, has served
            found, self._units = trajectories.first(*given)
            self._found.clear()
        else:
            found = trajectories.found(*given)
        self._found.append((q, found))
        return found

    def _nearest(self, q):
        """(q, unknowns) of the nearest point before."""
        return min(self._found, key=lambda found: np.abs(found[0] - q).max())

    def _pulled(self, point, g):
        """(S; I)ᵀ g of a vector g (n,)."""
        lam = self._chain.adjoint(point.blocks, self.program.elements.local(g[:self.program.elements.n]))
        return (g - point.J.T @ lam)[self.places]

    def _split(self, V):
        """(dθ, dp, dx₀ (E, n_x, c)) of V (size, c)."""
        elements = self.program.elements
        dx0 = np.zeros((elements.E * elements.n_x, V.shape[1]))
        dx0[self.places[self.slices["starts"]]] = V[self.slices["starts"]]
        return (V[self.slices["weights"]], V[self.slices["parameters"]],
                dx0.reshape(elements.E, elements.n_x, -1))

    def _gathered(self, u):
        elements = self.program.elements
        cut = elements.width - elements.n_p
        return elements.join(u[:, :elements.n_x], u[:, elements.n_x:cut], np.zeros(elements.parameters.n))


class _Solution:
    """What is known at one q."""

    def __init__(self, program, chain, q, x):
        self._program, self._chain, self.q, self.x = program, chain, q, x
        self.J = program.jacobian(x)
        self.blocks = chain.blocks(self.J)
        self._W = self._multipliers = None

    @property
    def multipliers(self):
        """λ = −J_u⁻ᵀ f_u (m,), 0 at the rows of paths."""
        if self._multipliers is None:
            elements = self._program.elements
            g = elements.local(self._program.gradient(self.x)[:elements.n])
            self._multipliers = -self._chain.adjoint(self.blocks, g)
        return self._multipliers

    def curvature(self):
        """W at these multipliers."""
        if self._W is None:
            self._W = self._program.hessian(self.x, self.multipliers, 1.0)
        return self._W
