"""The sequential way: a collocated program with its trajectories solved for, in reduced space."""

from collections import deque

import numpy as np

from pcl.collocation import Mesh
from pcl.dae.kkt.chain import Chain
from pcl.dae.program.elements import Elements
from pcl.dae.program.misfit import Misfit
from pcl.dae.program.transcription import Transcription
from pcl.errors import NotConverged, TrialFailure
from pcl.support.validate import float64_array

_NEWTON, _HALVINGS = 30, 12     # steps; halvings of one step
_KEPT = 8           # trajectories of earlier q, from the nearest of which Newton's method starts
_SETTLED = 1e-9     # relative step after which Newton's error is at rounding level, its square


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

    Raises
    ------
    NotConverged, SingularMatrix
        (of `value` and so on; both TrialFailure) no trajectories at this q.

    Notes
    -----
    Newton's method works on whole trajectories from those of the nearest of the last eight q, with halved
    steps; where that fails, element by element from the start. The blocks of an element are inverted once
    a point for states, adjoint and tangents. Work at the last q is remembered.
    """

    has_residuals = False

    def __init__(self, program, x):
        self.program, elements = program, program.elements
        self._x = float64_array("x", x, (program.n,))
        self._chain = Chain(program.rows)
        starts = np.flatnonzero((elements.first[:, None] & ~program.rows.jointed).ravel())
        self._places = np.concatenate([np.arange(elements.n, program.n),
                                       np.arange(elements.n - elements.n_p, elements.n), starts])
        self.size = len(self._places)
        ends = np.cumsum([program.n - elements.n, elements.n_p, len(starts)])
        self.slices = {name: slice(int(a), int(b)) for name, a, b in zip(
            ("weights", "parameters", "starts"), [0, *ends], ends)}
        self.theta0 = self._x[self._places]
        self._found, self._last = deque([(self.theta0, self._x)], maxlen=_KEPT), None

    def solution(self, q):
        """All unknowns of the program (n,) at q, with the equations fulfilled."""
        return self._at(q).x.copy()

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
        W = point.curvature()
        U = self._chain.tangents(point.blocks, *self._split(np.eye(self.size)))
        flat = U.reshape(-1, self.size)
        H = flat.T @ np.matmul(W.local, U).reshape(flat.shape)
        start = 0
        for X, A, B in zip(W.mixed, W.inputs, W.theta):
            place = slice(start, start + len(B))
            cross = np.tensordot(np.matmul(A, U), X, ((0, 1), (0, 1)))
            H[:, place] += cross
            H[place] += cross.T
            H[place, place] += B
            start = place.stop
        return H

    def hvp(self, q, v):
        """The product of the Hessian with v: one sweep forward, one back."""
        point, v = self._at(q), float64_array("v", v, (self.size,))
        u = self._chain.tangents(point.blocks, *self._split(v[:, None]))[:, :, 0]
        dx = np.zeros(self.program.n)
        dx[:self.program.elements.n] = self._gathered(u)
        dx[self._places] = v
        return self._pulled(point, point.curvature() @ dx)

    # --- parts --------------------------------------------------------------------------------
    def _at(self, q):
        q = float64_array("theta", q, (self.size,))
        last = self._last
        if last is None or not np.array_equal(last.q, q):
            self._last = last = _Point(self.program, self._chain, q, self._trajectories(q))
        return last

    def _trajectories(self, q):
        near, x = min(self._found, key=lambda found: np.abs(found[0] - q).max())
        if x is not self._x and np.array_equal(near, q):
            return x
        start = x.copy()
        start[self._places] = q
        found = _solved(self.program, self._chain, start)
        if x is self._x:            # the given start, which fulfils no equation, has served
            self._found.clear()
        self._found.append((q, found))
        return found

    def _pulled(self, point, g):
        """(S; I)ᵀ g of a vector g (n,)."""
        lam = self._chain.adjoint(point.blocks, self.program.elements.local(g[:self.program.elements.n]))
        return (g - point.J.T @ lam)[self._places]

    def _split(self, V):
        """(dθ, dp, dx₀ (E, n_x, c)) of V (size, c)."""
        elements = self.program.elements
        dx0 = np.zeros((elements.E * elements.n_x, V.shape[1]))
        dx0[self._places[self.slices["starts"]]] = V[self.slices["starts"]]
        return (V[self.slices["weights"]], V[self.slices["parameters"]],
                dx0.reshape(elements.E, elements.n_x, -1))

    def _gathered(self, u):
        elements = self.program.elements
        cut = elements.width - elements.n_p
        return elements.join(u[:, :elements.n_x], u[:, elements.n_x:cut], u[0, cut:])


class _Point:
    """What is known at one q."""

    def __init__(self, program, chain, q, x):
        self._program, self._chain, self.q, self.x = program, chain, q, x
        self.J = program.jacobian(x)
        self.blocks = chain.blocks(self.J)
        self._W = None

    def curvature(self):
        """W at the adjoint of f."""
        if self._W is None:
            program, elements = self._program, self._program.elements
            g = elements.local(program.gradient(self.x)[:elements.n])
            self._W = program.hessian(self.x, -self._chain.adjoint(self.blocks, g), 1.0)
        return self._W


def marched(program, x):
    """The trajectories (n,) at the q that stands in x, element by element from their starts.

    Raises
    ------
    NotConverged, SingularMatrix
    """
    return _marched(program, Chain(program.rows), x)


def _marched(program, chain, x):
    elements, x = program.elements, x.copy()
    x0, w, p = elements.split(x)
    given, ends = np.zeros_like(x0), np.zeros_like(x0)
    given[elements.first[:, None] & program.rows.jointed] = program._known
    for e in chain.steps:
        free = elements.first[e, None] & ~program.rows.jointed[e]
        x0[e] = np.where(elements.first[e, None], np.where(free, x0[e], given[e]), ends[e - 1])
        values = elements.scheme.points > 0.0
        w[e] = np.where(np.arange(elements.n_w) < elements.n_x, 0.0, w[e])
        w[np.ix_(e, values, np.arange(elements.n_x))] = x0[e, None]         # constant: a guess
        piece = _piece(program, e, x0[e])
        inner, theta = piece.elements, x[elements.n:]
        found = _newton(piece, Chain(piece.rows), np.concatenate([inner.join(x0[e], w[e], p), theta]))
        w[e], ends[e] = inner.split(found)[1], inner.local(found[:inner.n]) @ elements.end.T
    return _newton(program, chain, np.concatenate([elements.join(x0, w, p), x[elements.n:]]))


def _piece(program, place, x0):
    """The program of the elements `place` alone, each of a trajectory of its own, begun at x0."""
    elements = program.elements
    number, e = elements.trajectory[place], place - elements.starts[elements.trajectory[place]]
    meshes = [Mesh(elements.meshes[k].times[i:i + 2]) for k, i in zip(number, e)]
    alone = Elements(program.model, elements.scheme, meshes)
    u = program._u.reshape(elements.E, elements.K, -1)[place]
    return Transcription(program.model, program.laws, alone, u, np.ones(x0.shape, dtype=bool), x0,
                         Misfit.of(alone, []), program.penalties)


def _solved(program, chain, x):
    """The trajectories at the q that stands in x."""
    try:
        return _newton(program, chain, x)
    except TrialFailure:
        return _marched(program, chain, x)


def _newton(program, chain, x):
    """Newton's method with halved steps."""
    elements = program.elements
    cut = elements.width - elements.n_p
    r, size = _residual(program, x)
    for _ in range(_NEWTON):
        if not np.isfinite(size):
            break
        local, jumps = r
        blocks = chain.blocks(program.jacobian(x))
        u = chain.forward(blocks, -local[:, :, None], -jumps[:, :, None])[:, :, 0]
        dx = np.zeros(program.n)
        dx[:elements.n] = elements.join(u[:, :elements.n_x], u[:, elements.n_x:cut], u[0, cut:])
        length = np.abs(dx / (1.0 + np.abs(x))).max()
        x, r, size = _halved(program, x, dx, size, length <= _SETTLED)
        if length <= _SETTLED:
            return x
    raise NotConverged(f"Newton's method on the trajectories does not converge: residual {size:.2e} "
                       f"after at most {_NEWTON} steps. Begin from other weights or trajectories.")


def _halved(program, x, dx, size, settled):
    """(x + α dx, residual, its size) with the first α = 1, ½, … that lowers the residual."""
    for k in range(_HALVINGS):
        trial = x + 0.5 ** k * dx
        r, found = _residual(program, trial)
        if found < size or (settled and np.isfinite(found)):
            return trial, r, found
    return x, r, np.inf


def _residual(program, x):
    """((local (E, n_w K), jumps (E, n_x)), 2-norm); infinite where it cannot be evaluated."""
    elements, rows = program.elements, program.rows
    try:
        local, joints, _ = rows.split(program.constraints(x))
    except TrialFailure:
        return (None, None), np.inf
    jumps, inner = np.zeros((elements.E, elements.n_x)), ~elements.first
    count = int(inner.sum()) * elements.n_x
    jumps[inner] = joints[:count].reshape(-1, elements.n_x)
    jumps[elements.first[:, None] & rows.jointed] = joints[count:]
    with np.errstate(over="ignore", invalid="ignore"):
        size = float(np.sqrt((local ** 2).sum() + (jumps ** 2).sum()))
    return (local, jumps), size if np.isfinite(size) else np.inf
