"""First and second derivatives of a multilayer perceptron at many points, in NumPy.

For one point, with ā = [a, 1] and W̄_k = [W_k; b_k]:

    z_k = ā_{k−1} W̄_k,   a_k = φ(z_k) for k < L,   y = out(z_L)

and for the scalar s = Σ_q ⟨ȳ_q, y_q⟩ with given ȳ (the adjoint of y), with D_k = diag φ'(z_k):

    δ_k = ∂s/∂z_k        δ_L = ȳ ∘ out'(z_L),      δ_k = D_k W_{k+1} δ_{k+1}
    Q_mk = ∂δ_m/∂z_k     Q_LL = diag(ȳ ∘ out''(z_L)),
                         Q_kk = D_k W_{k+1} Q_{k+1,k+1} W_{k+1}ᵀ D_k
                                + diag(φ''(z_k) ∘ W_{k+1} δ_{k+1}),
                         Q_mk = Q_{m,k+1} W_{k+1}ᵀ D_k
    P_mk = ∂a_m/∂z_k     P_kk = D_k,               P_mk = D_m W_mᵀ P_{m−1,k}

The derivative of s with respect to W̄_k is Σ_q ā_{k−1} ⊗ δ_k, and its derivative in turn gives the
blocks of the parameter Hessian, k ≤ m:

    H[(m,i,j), (k,i',j')] = Σ_q ā_{m−1,i} ā_{k−1,i'} Q_mk[j,j'] + P_{m−1,k}[i,j'] δ_m[j] ā_{k−1,i'}

(the last term for k < m only). Each sum over points is one matrix product of two matrices with up
to (w + 1)² rows and one column per point. What is known to vanish or to be diagonal (Q_LL of a
linear output, then Q_{L−1,L−1}; P_kk) is not multiplied out, and for k = m both factors are
symmetric in their two indices: only their upper triangles enter, a quarter of the operations.

Where x skips layers, z_k = a_{k−1} W_k + x V_k + b_k, only ā and W̄ change: ā_{k−1} = [a_{k−1}, x, 1] and
W̄_k = [W_k; V_k; b_k]; x has then the adjoint Σ_k V_k δ_k.

Third derivatives, along one direction v (q, d) of the points, come from the same formulas at x + iεv, the
imaginary part divided by ε (`pcl.networks.along`), exact to rounding.

Points are treated in blocks, which share nothing but their sums; those of the curvature and of
Jacobians are spread over threads (see `threads`). Temporaries stay in cache, and memory does not grow
with the number of points beyond what `HELD_ENTRIES` allows to be held. With the same number of threads
the same bits come out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pcl.errors import NotFinite
from pcl.execute import threads
from pcl.execute.executor import Executor
from pcl.networks.along import Along, step
from pcl.networks.block import Block, Rule
from pcl.networks.curvature import CurvatureSums
from pcl.networks.stacked import Stacked
from pcl.networks.workspace import Workspace, workspace
from pcl.support import clock
from pcl.support.validate import float64_array, positive_integer

# What shares of the blocks are handed to.
EXECUTOR: Executor = threads

# Entries of one (w + 1)² × points temporary: 2 MB. Measured for width 20 from 128 to 1024 points,
# the time varies by 8 % and is least around 500.
_TEMPORARY_ENTRIES = 2**18

# Entries of one (w + 1) × points array of a sweep with a vector: 256 KB. Several of them fit in cache.
_SWEEP_ENTRIES = 2**15

# Products up to which OpenBLAS stays on one thread by itself.
_ONE_THREAD = 2**18

# Entries of the largest Jacobian or mixed curvature that is made at once: 2 MB.
_FEW_ENTRIES = 2**18

# Entries of the tangents of all layers that are kept for a product with the curvature: 2 MB.
_KEPT_ENTRIES = 2**17

# Values of all layers are held up to so many entries (64 MB), and computed again beyond, which costs
# no more than to read them from main memory.
HELD_ENTRIES = 2**23


class NetworkPoint:
    """A network at one point (params, x): its value and derivatives.

    Made by `MLP.at`. Symbols: q points, d inputs, m outputs, p parameters. The values of the layers
    are held for a moderate number of points, and computed again block by block for more.

    Attributes
    ----------
    value : ndarray (q, m)
    size : int, p
    shape : (q, d)
    """

    def __init__(self, net, params, x, block=None):
        self._net, self._params, self._x = net, params, x
        self._rule = Rule(net, params)
        self.size, self.shape = net.size, x.shape
        self._q, self._n_in, self._n_out = x.shape[0], net.n_in, net.n_out
        self._block = block or _curvature_block(net.widths)
        self._step = block or _sweep_block(net.widths)
        # ā of all layers, φ', z where that needs it, z_L and out; fresh memory costs least in one piece.
        words = x.itemsize // 8
        rows = 2 * sum(net.widths) + sum(rows for rows, _ in net.shapes) + 2 * net.n_out
        entries = self._q * rows * words
        self._storage = Workspace(np.empty(entries)) if entries <= HELD_ENTRIES else None
        self._held: dict = {}
        self._moved: tuple = None, {}
        self.value = self._empty(self._q, self._n_out)
        self._sweep(self._evaluate)
        _require_finite(self.value)
        self._stacked = None

    def _few(self):
        """All sweeps at once, where points are few; else None."""
        if self._stacked is None and self._held and self._q <= self._step and self._x.dtype == float \
                and self.size * self._q * max(self._n_in, self._n_out) <= _FEW_ENTRIES \
                and not any(rows > w + 1 for w, (rows, _) in zip(self._net.widths, self._net.shapes)):
            self._stacked = Stacked(self._held[0].using(Workspace()))
        return self._stacked

    def _evaluate(self, starts):
        for s in starts:
            clock.look()
            space = self._storage.part() if self._storage else workspace()
            b = self._new_block(s, self._step, space)
            self.value[b.rows] = b.y.T
            if self._storage:
                b.hold_slopes()
                self._held[s] = b

    def along(self, x_dot):
        """The derivatives along ẋ (q, d) of all that this point gives: third ones of the network."""
        x_dot = float64_array("x_dot", x_dot, shape=self.shape)
        epsilon = step(x_dot)
        return Along(NetworkPoint(self._net, self._params, self._x + 1j * (epsilon * x_dot)), epsilon)

    # --- first order --------------------------------------------------------------------------
    def pullback(self, adjoint, inputs=False, params=True):
        """(params_bar (p,), x_bar (q, d)) = transposed Jacobian of (params, x) ↦ y times ȳ.

        ȳ = adjoint (q, m); params_bar is None unless `params`, x_bar unless `inputs`.
        """
        adjoint = self._checked_adjoint(adjoint)
        x_bar = self._empty(self._q, self._n_in) if inputs else None

        def share(starts):
            params_bar = np.zeros(self.size, self._x.dtype)
            layers = self._rule.split(params_bar)
            for b in self._blocks(starts):
                entering: Any = b.no_inputs() if inputs else None
                for k, delta in b.deltas(b.seed(adjoint)):
                    if params:
                        layers[k - 1] += b.abar[k - 1] @ delta.T
                    if inputs:
                        b.to_inputs(entering, self._rule.U, k, delta)
                if x_bar is not None:
                    x_bar[b.rows] = entering.T
            return params_bar if params else None
        return self._sweep(share), x_bar

    def pushforward(self, params_dot=None, x_dot=None, keep=False):
        """ẏ (q, m) = ∂y/∂params · params_dot (p,) + ∂y/∂x · x_dot (q, d); None stands for zero.

        `keep` leaves the tangents of a moderate number of points for `curvature_product` along the same.
        """
        Wdot, x_dot = self._checked_directions(params_dot, x_dot)
        y_dot, kept = self._empty(self._q, self._n_out), {}
        keeps = keep and x_dot is None and self._held and self._q * sum(self._net.widths) <= _KEPT_ENTRIES

        def share(starts):
            for b in self._blocks(starts):
                if keeps:
                    b = b.using(Workspace())
                pairs = b.tangents(Wdot, None if x_dot is None else x_dot[b.rows].T)
                y_dot[b.rows] = (b.out_slope() * pairs[-1][1]).T
                if keeps:
                    kept[b.rows.start] = pairs
        self._sweep(share)
        if keeps:
            self._moved = np.array(params_dot), kept
        return y_dot

    def _tangents(self, params_dot, x_dot):
        """{first point of a block: its tangents} where the last `pushforward` was along the same θ̇."""
        last, kept = self._moved
        same = x_dot is None and last is not None and np.array_equal(last, params_dot)
        return kept if same else {}

    def jacobian_blocks(self, block=None):
        """Yields (start, stop, J): rows of ∂y/∂params for the points start ≤ q < stop.

        J is a new array ((stop − start)·m, p) with rows ordered (point, output).
        """
        return ((start, stop, self.jacobian_rows(start, stop)) for start, stop in self._ranges(block))

    def jacobian_rows(self, start, stop):
        """The rows of ∂y/∂params for the points start ≤ q < stop, ((stop − start)·m, p)."""
        few = self._few()
        if few:
            return few.first()[1][start * self._n_out:stop * self._n_out].copy()
        J = self._empty(stop - start, self._n_out, self.size)
        for b, rows in self._pieces(start, stop):
            for o in range(self._n_out):
                layers = self._rule.split_rows(J[rows, o])
                for k, delta in b.deltas(b.seed_output(o)):
                    _fill(layers[k - 1], b.abar[k - 1], delta)
        return J.reshape(-1, self.size)

    def input_jacobian(self):
        """∂y/∂x of every point, (q, m, d)."""
        few = self._few()
        if few:
            return few.first()[0].copy()
        out = self._empty(self._q, self._n_out, self._n_in)

        def share(starts):
            for b in self._blocks(starts):
                for o in range(self._n_out):
                    entering = b.no_inputs()
                    for k, delta in b.deltas(b.seed_output(o)):
                        b.to_inputs(entering, self._rule.U, k, delta)
                    out[b.rows, o] = entering.T
        self._sweep(share)
        return out

    # --- second order -------------------------------------------------------------------------
    def curvature(self, adjoint):
        """Hessian (p, p) of params ↦ Σ_q ⟨ȳ_q, y_q⟩, exact and symmetric, ȳ = adjoint (q, m)."""
        adjoint = self._checked_adjoint(adjoint)

        def share(starts):
            sums = CurvatureSums(self._rule, self._x.dtype)
            for s in starts:
                clock.look()
                b = self._new_block(s, self._block, workspace())
                sums.add(b, b.seed(adjoint), b.seed_second(adjoint))
            return sums
        starts = range(0, self._q, self._block)
        first, *others = EXECUTOR.ordered(share, threads.shares(starts))
        for sums in others:
            first.merge(sums)
        return first.matrix()

    def curvature_product(self, adjoint, params_dot=None, x_dot=None, adjoint_dot=None, inputs=True):
        """Hessian of (params, x) ↦ Σ_q ⟨ȳ_q, y_q⟩ times (params_dot, x_dot): ((p,), (q, d)).

        With `adjoint_dot` (q, m) its pullback is added, in the same sweep: the result is the tangent of
        `pullback` along all three. Without `inputs` the second part is None.
        """
        adjoint = self._checked_adjoint(adjoint)
        if adjoint_dot is not None:
            adjoint_dot = self._checked_adjoint(adjoint_dot)
        kept = self._tangents(params_dot, x_dot)
        Wdot, x_dot = self._checked_directions(params_dot, x_dot)
        Udot = None if Wdot is None else self._rule.entering(Wdot)
        x_out: Any = self._empty(self._q, self._n_in) if inputs else None

        def share(starts):
            params_out = np.zeros(self.size, self._x.dtype)
            layers = self._rule.split(params_out)
            for b in self._blocks(starts):
                tangents = kept.get(b.rows.start) \
                    or b.tangents(Wdot, None if x_dot is None else x_dot[b.rows].T)
                seed_dot = b.seed_tangent(adjoint, tangents[-1][1], adjoint_dot)
                entering = b.no_inputs()
                for k, delta, delta_dot in b.delta_tangents(b.seed(adjoint), seed_dot, tangents, Wdot):
                    layers[k - 1] += b.abar[k - 1] @ delta_dot.T
                    adot = tangents[k - 1][0]
                    if adot is not None:
                        layers[k - 1][:-1] += adot @ delta.T
                    if inputs:
                        b.to_inputs(entering, self._rule.U, k, delta_dot)
                    if inputs and Udot is not None:
                        b.to_inputs(entering, Udot, k, delta)
                if inputs:
                    x_out[b.rows] = entering.T
            return params_out
        return self._sweep(share), x_out

    def input_curvature(self, adjoint):
        """Hessian of x_q ↦ ⟨ȳ_q, y_q⟩ of every point, (q, d, d)."""
        adjoint, few = self._checked_adjoint(adjoint), self._few()
        if few:
            return few.second(adjoint)[0].copy()
        out = self._empty(self._q, self._n_in, self._n_in)

        def share(starts):
            for b in self._blocks(starts):
                for c in range(self._n_in):
                    entering = b.no_inputs()
                    for k, _, delta_dot in self._along_input(b, adjoint, c)[1]:
                        b.to_inputs(entering, self._rule.U, k, delta_dot)
                    out[b.rows, :, c] = entering.T
        self._sweep(share)
        return out

    def mixed_curvature_blocks(self, adjoint, block=None):
        """Yields (start, stop, X): ∂²⟨ȳ, y⟩/∂x ∂params for the points start ≤ q < stop.

        X is a new array ((stop − start)·d, p) with rows ordered (point, input).
        """
        return ((start, stop, self.mixed_curvature_rows(adjoint, start, stop))
                for start, stop in self._ranges(block))

    def mixed_curvature_rows(self, adjoint, start, stop):
        """The rows of ∂²⟨ȳ, y⟩/∂x ∂params for the points start ≤ q < stop, ((stop − start)·d, p)."""
        adjoint, few = self._checked_adjoint(adjoint), self._few()
        if few:
            return few.second(adjoint)[1][start * self._n_in:stop * self._n_in].copy()
        X = self._empty(stop - start, self._n_in, self.size)
        for b, rows in self._pieces(start, stop):
            for c in range(self._n_in):
                layers = self._rule.split_rows(X[rows, c])
                tangents, sweep = self._along_input(b, adjoint, c)
                for k, delta, delta_dot in sweep:
                    _fill(layers[k - 1], b.abar[k - 1], delta_dot)
                    layers[k - 1][:, :-1] += _outer(tangents[k - 1][0], delta)
        return X.reshape(-1, self.size)

    def _along_input(self, b, adjoint, c):
        """The tangents along input c, and the sweep of δ_k, δ̇_k."""
        tangents = b.tangents(None, b.unit_input(c))
        seed_dot = b.seed_tangent(adjoint, tangents[-1][1], None)
        return tangents, b.delta_tangents(b.seed(adjoint), seed_dot, tangents, None)

    # --- blocks of points ---------------------------------------------------------------------
    def _sweep(self, share):
        """share(first points of all blocks): operations this short gain nothing from more threads."""
        if self._q <= self._step and self._q * max(self._net.widths) ** 2 <= _ONE_THREAD:
            return share(range(0, self._q, self._step))
        result, = EXECUTOR.ordered(share, [range(0, self._q, self._step)])
        return result

    def _blocks(self, starts):
        """The blocks of a sweep."""
        for s in starts:
            clock.look()
            yield self._new_block(s, self._step, workspace())

    def _new_block(self, start, step, space):
        """Evaluated again unless it is held."""
        held = self._held.get(start)
        if held and held.n == min(step, self._q - start):
            return held.using(space)
        return Block(self._rule, self._x[start:start + step], start, space)

    def _ranges(self, block):
        block = self._block if block is None else positive_integer("block", block)
        return ((s, min(s + block, self._q)) for s in range(0, self._q, block))

    def _pieces(self, start, stop):
        """Blocks that cover start ≤ q < stop, with their rows after start."""
        for s in range(start, stop, self._block):
            b = self._new_block(s, min(self._block, stop - s), workspace())
            yield b, slice(s - start, s - start + b.n)

    def _empty(self, *shape):
        return np.empty(shape, self._x.dtype)

    # --- checks -------------------------------------------------------------------------------
    def _checked_adjoint(self, adjoint):
        return float64_array("the derivative of the loss with respect to the network's output, adjoint",
                             adjoint, shape=(self._q, self._n_out))

    def _checked_directions(self, params_dot, x_dot):
        if params_dot is None and x_dot is None:
            raise ValueError("params_dot and x_dot are both None; give at least one direction.")
        if params_dot is not None:
            params_dot = float64_array("params_dot", params_dot, shape=(self.size,))
        if x_dot is not None:
            x_dot = float64_array("x_dot", x_dot, shape=(self._q, self._n_in))
        return None if params_dot is None else self._rule.split(params_dot), x_dot


def _outer(a, d):
    """a ⊗ d of each point, (n, i, j), of feature-major factors."""
    a, d = np.ascontiguousarray(a.T), np.ascontiguousarray(d.T)
    return a[:, :, None] * d[:, None, :]


def _fill(out, a, d):
    """out ← a ⊗ d."""
    a, d = np.ascontiguousarray(a.T), np.ascontiguousarray(d.T)
    np.multiply(a[:, :, None], d[:, None, :], out=out)


def _curvature_block(widths):
    """Points per block so that w² × points temporaries fit in cache."""
    return _odd_multiple_of_64(min(_TEMPORARY_ENTRIES // (max(widths) + 1) ** 2, 1024))


def _sweep_block(widths):
    """The same for w × points temporaries."""
    return _odd_multiple_of_64(min(_SWEEP_ENTRIES // (max(widths) + 1), 4096))


def _odd_multiple_of_64(points):
    """The largest up to `points`, at least 64: rows whole pages apart would share places in cache."""
    return max(64, (points // 64 - 1) // 2 * 128 + 64)


def _require_finite(value):
    bad = ~np.isfinite(value).all(axis=1)
    if bad.any():
        first = int(np.argmax(bad))
        raise NotFinite(
            f"the network's value is {value[first].tolist()} at point {first} ({int(bad.sum())} of "
            f"{len(value)} points are NaN or infinite); the weights are too large for its output "
            "function. Shorten the step, or use an output that is bounded or of linear growth.")
