"""`FullSpace`: a loss whose solves are equations, and limits on what is computed from their states."""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf
from scipy.sparse.linalg import splu

from pcl import factor, interior_point
from pcl.engine.blocks import Blocks
from pcl.engine.trace import trace
from pcl.errors import TrialFailure
from pcl.factor.cache import FactorCache
from pcl.full_space.point import FullPoint
from pcl.full_space.program import FullProgram, outside
from pcl.full_space.result import FullSpaceResult
from pcl.full_space.states import opened
from pcl.support.nearest import nearest
from pcl.support.types import Array, ArrayLike, Tensor, Theta
from pcl.support.validate import float64_array, known
from pcl.training.bounds import parse_bounds


class FullSpace:
    """minimise ℓ(u, θ) over u and θ subject to R(u, θ) = 0 and lower ≤ q(u, θ) ≤ upper.

    Every `pcl.solve`, `pcl.solve_nonlinear` and what `fem` makes of them becomes a row of equations and
    its solution an unknown: no forward solve has to converge on the way. A solve inside `pcl.scan`,
    `pcl.solve_pointwise` and eigenvalues stay what they are, solved at every trial.

        𝓛 = ℓ + λᵀ R + μᵀ q,   ∇𝓛 and ∇²𝓛 exact

    Parameters
    ----------
    model : function of a dict {name: tensor} -> ℓ, or (ℓ, {name: tensor q})
        A scalar float64 tensor, and the quantities that limits may be put on: states as they are,
        or any function of states and θ.
    blocks : dict {name: array}
        θ by name with its starting values.

    Raises
    ------
    ValueError, TypeError
        The model returns something else; as for `pcl.Problem`.

    Examples
    --------
    u = θ, ℓ = (u − 2)², u ≤ 1.5; stationary in u: 2 (1.5 − 2) + μ = 0:

    >>> import numpy as np, pcl
    >>> def model(t):
    ...     u = pcl.solve(pcl.SparseMatrix.from_entries([0], [0], [1.0], (1, 1)), t["b"])
    ...     return (u[0] - 2.0)**2, {"u": u}
    >>> found = pcl.FullSpace(model, {"b": [0.0]}).minimize(limits={"u": (None, 1.5)})
    >>> found.success, found.theta["b"].round(6), found.multipliers["u"].round(4)
    (True, array([1.5]), array([1.]))
    """

    def __init__(self, model: Callable[[dict[str, Tensor]], Any], blocks: Mapping[str, ArrayLike]):
        self.blocks = Blocks(blocks)
        self.shapes: dict[str, tuple] = {}
        self._program = trace(model, self.blocks.shapes, self._finished)
        self._factors = FactorCache()
        self._opened = [opened(call) for call in self._program.calls]
        theta, states = self._start_values(self.blocks.unravel(self.blocks.start), solved=False)
        self._layout, end = {}, 0
        for number, value in (*enumerate(theta.values()), *states.items()):
            self._layout[number] = slice(end, end + value.size), value.shape
            end += value.size
        self.size = end

    def _finished(self, returned):
        """(ℓ, q as one vector or None) of what the model returned."""
        loss, limited = returned if isinstance(returned, tuple) else (returned, {})
        for name, value in {"the loss": loss, **limited}.items():
            if not tf.is_tensor(value) or value.dtype != tf.float64:
                raise TypeError(f"{name} is a {type(value).__name__}; expected a float64 tensor.")
        if loss.shape.rank != 0:
            raise ValueError(f"the loss has shape {tuple(loss.shape)}; expected a scalar.")
        self.shapes = {name: tuple(value.shape) for name, value in limited.items()}
        flat = [tf.reshape(value, [-1]) for value in limited.values()]
        return loss, tf.concat(flat, 0) if flat else None

    def at(self, x: Array) -> FullPoint:
        """The `FullPoint` at x = (θ, u): value, rows and their derivatives."""
        return FullPoint(self._program, self._opened, self._layout, self._factors, x)

    def start(self, theta: Theta | None = None, solved: bool = True) -> Array:
        """x = (θ, u) at `theta`: u by the solves where they converge (`solved`),
        else from where they begin."""
        theta = self.blocks.unravel(self.blocks.start if theta is None else theta)
        theta, states = self._start_values(theta, solved)
        return np.concatenate([np.ravel(value) for value in (*theta.values(), *states.values())])

    def _start_values(self, theta, solved):
        values, states = dict(enumerate(theta.values())), {}
        with factor.using(self._factors):
            for call, state in zip(self._program.calls, self._opened):
                if state is None or solved and self._solves(call, values):
                    values = values if state is not None else _evaluated(call, values)
                else:
                    values[call.output] = state.start(values)
                if state is not None:
                    states[call.output] = values[call.output]
        return theta, states

    @staticmethod
    def _solves(call, values):
        try:
            call.evaluate(values)
        except TrialFailure:
            return False
        return True

    def minimize(self, x0: Theta | None = None, *, bounds: Any = None,
                 limits: Mapping[str, tuple] | None = None, start: str = "solve",
                 **options: Any) -> FullSpaceResult:
        """A local minimum by `pcl.interior_point.solve`.

        Parameters
        ----------
        x0 : θ, flat or {block: array}, optional
        bounds : on θ, as in `pcl.minimize`
        limits : {quantity: (lower, upper)}, optional
            Numbers or arrays of the quantity's shape, None for no limit; equal ones state an equation.
            An entry that does not depend on (θ, u), such as a prescribed value, is only checked.
        start : "solve" or "zero"
            The states at the start: solved for where that converges, or from where the solves begin.
        options : of `pcl.interior_point.solve`

        Raises
        ------
        ValueError
            Limits of unknown quantities or of another shape, that contradict each other, or that a
            prescribed value does not keep.
        """
        known("start", start, ("solve", "zero"))
        first = self.start(x0, solved=start == "solve")
        c_bounds = self._row_bounds(limits or {})
        kept = self._moving(first, c_bounds)
        names = self._name, self._row_name
        program = FullProgram(self.at, self._x_bounds(bounds), c_bounds, kept, names)
        return self._result(interior_point.solve(program, first, **options), program)

    @property
    def _rows(self):
        return self.size - self.blocks.size

    def _x_bounds(self, bounds):
        lower, upper = np.full(self.size, -np.inf), np.full(self.size, np.inf)
        box = parse_bounds(bounds, self.blocks.size, self.blocks.slices)
        if box is not None:
            lower[:self.blocks.size], upper[:self.blocks.size] = box
        return lower, upper

    def _row_bounds(self, limits):
        for name in limits:
            if name not in self.shapes:
                given = ", ".join(self.shapes) or "no quantities"
                raise ValueError(f"limits names {name!r}; the model returns {given}."
                                 f"{nearest(name, self.shapes)}")
        pairs = [_pair(name, limits.get(name, (None, None)), shape)
                 for name, shape in self.shapes.items()]
        equations = np.zeros(self._rows)
        return tuple(np.concatenate([equations, *(pair[i] for pair in pairs)]) for i in (0, 1))

    def _moving(self, x, c_bounds):
        """Rows with a limit that depend on x; the others are checked here, and at the end again."""
        point = self.at(x)
        elsewhere = self.at(x + 1e-3 * np.random.default_rng(0).uniform(0.5, 1.0, x.size)
                            * np.maximum(np.abs(x), 1.0))
        moves = sum(np.asarray(abs(sp.csr_array(p.jacobian)).sum(axis=1)).ravel()
                    for p in (point, elsewhere)) > 0.0
        lower, upper = c_bounds
        wrong = ~moves & outside(point.rows, c_bounds, 1e-12)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise ValueError(f"{self._row_name(i)} is {point.rows[i]:g} whatever the parameters are, "
                             f"outside its limits ({lower[i]:g}, {upper[i]:g}).")
        return np.flatnonzero(moves & (np.isfinite(lower) | np.isfinite(upper)))

    def _name(self, i):
        for name, part in self.blocks.slices.items():
            if part.start <= i < part.stop:
                return f"{name}[{i - part.start}]"
        return f"state[{i - self.blocks.size}]"

    def _row_name(self, j):
        if j < self._rows:
            return f"equation of state[{j}]"
        j -= self._rows
        name, part = next((name, part) for name, part in self._places.items() if j < part.stop)
        place = np.unravel_index(j - part.start, self.shapes[name] or (1,))
        return f"{name}[{', '.join(str(int(k)) for k in place)}]"

    def _result(self, found, program):
        rows = program.point(found.x).rows
        broken = program.broken(rows)
        values = self._split(rows[self._rows:])
        multipliers = self._split(program.spread(found.lam)[self._rows:])
        p = self.blocks.size
        return FullSpaceResult(
            x=found.x[:p].copy(), theta=self.blocks.unravel(found.x[:p]), state=found.x[p:].copy(),
            fun=found.fun, success=found.success and broken is None, status=found.status,
            message=found.message if broken is None else (
                f"{found.message} But {self._row_name(broken)} is {rows[broken]:g} there, outside its "
                "limits: it did not move with the unknowns at the start and was left out. Begin where it "
                "moves, by x0=."),
            nit=found.nit, quantities=values, multipliers=multipliers, seconds=found.seconds,
            interior_point=found)

    def _split(self, q):
        return {name: q[part].reshape(self.shapes[name]) for name, part in self._places.items()}

    def reduced_hessian(self, result: FullSpaceResult) -> Array:
        """d²𝓛/dθ² with u following θ by R = 0, (p, p):   Zᵀ ∇²𝓛 Z,   Z = (I, −R_u⁻¹ R_θ).

        At the `result` of `minimize`; without active limits it is the Hessian of `pcl.Problem`.
        """
        p, found = self.blocks.size, result.interior_point
        point = self.at(found.x)
        lam = np.zeros(point.rows.size)
        lam[:self._rows] = found.lam[:self._rows]
        for name, part in result.multipliers.items():
            lam[self._rows:][self._places[name]] = part.ravel()
        J = sp.csc_array(point.jacobian[:self._rows])
        Z = np.vstack([np.eye(p), -splu(sp.csc_matrix(J[:, p:])).solve(J[:, :p].toarray())])
        return Z.T @ (point.hessian(lam, 1.0) @ Z)

    @functools.cached_property
    def _places(self):
        """{quantity: where its entries stand among all}."""
        sizes = [int(np.prod(shape)) for shape in self.shapes.values()]
        ends = np.cumsum([0, *sizes]).tolist()
        return {name: slice(*pair) for name, pair in zip(self.shapes, itertools.pairwise(ends))}


def _evaluated(call, values):
    call.evaluate(values)
    return values


def _pair(name, pair, shape):
    """(lower, upper) of one quantity, flat."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"limits[{name!r}] is {pair!r}; expected a pair (lower, upper).")
    sides = []
    for value, default in zip(pair, (-np.inf, np.inf)):
        side = float64_array(f"limits[{name!r}]", default if value is None else value, finite=False)
        if side.shape not in ((), shape):
            raise ValueError(f"limits[{name!r}] has shape {side.shape}; expected a number or {shape}.")
        sides.append(np.broadcast_to(side, shape).ravel())
    lower, upper = sides
    bad = np.flatnonzero(~(lower <= upper) | (lower == np.inf) | (upper == -np.inf))
    if bad.size:
        raise ValueError(f"limits[{name!r}] leaves no value at entry {bad[0]}: ({lower[bad[0]]:g}, "
                         f"{upper[bad[0]]:g}); expected lower ≤ upper, None for no limit.")
    return lower, upper
