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

Points are treated in blocks: the w² × points temporaries stay in cache, and the memory does not
grow with the number of points. Inside a block arrays are feature-major, (features, points):
products with W̄ are single matrix products, pointwise operations run along contiguous points.
"""

from __future__ import annotations

import numpy as np

from pcl import activations
from pcl.errors import NotFinite
from pcl.network_curvature import CurvatureSums
from pcl.validate import float64_array, positive_integer

# Entries of one (w + 1)² × points temporary: 2 MB. Measured for width 20 from 128 to 1024 points,
# the time varies by 8 % and is least around 500.
_TEMPORARY_ENTRIES = 2**18


class NetworkPoint:
    """A network at one point (params, x): its value and derivatives.

    Made by `MLP.at`. Symbols: q points, d inputs, m outputs, p parameters. Everything that belongs
    to the forward evaluation is computed once and held.

    Attributes
    ----------
    value : ndarray (q, m)
    """

    def __init__(self, net, params, x, block=None):
        self._rule = _Rule(net, params)
        self._size, self._q = net.size, x.shape[0]
        self._n_in, self._n_out = net.n_in, net.n_out
        self._block = block or _block_size(net.widths)
        self._blocks = [_Block.forward(self._rule, x[s:s + self._block], s)
                        for s in range(0, self._q, self._block)]
        self.value = np.empty((self._q, self._n_out))
        for b in self._blocks:
            self.value[b.rows] = b.y.T
        _require_finite(self.value)

    def pullback(self, adjoint, inputs=False):
        """(params_bar (p,), x_bar (q, d)) = transposed Jacobian of (params, x) ↦ y times ȳ.

        ȳ = adjoint (q, m); x_bar is None unless `inputs`.
        """
        adjoint = self._checked_adjoint(adjoint)
        params_bar = np.zeros(self._size)
        layers = self._rule.split(params_bar)
        x_bar = np.empty((self._q, self._n_in)) if inputs else None
        for b in self._blocks:
            delta = b.deltas(b.seed(adjoint))
            for g, a, d in zip(layers, b.abar, delta):
                g += a @ d.T
            if inputs:
                np.matmul(delta[0].T, self._rule.W[0].T, out=x_bar[b.rows])
        return params_bar, x_bar

    def pushforward(self, params_dot=None, x_dot=None):
        """ẏ (q, m) = ∂y/∂params · params_dot (p,) + ∂y/∂x · x_dot (q, d); None stands for zero."""
        Wdot, x_dot = self._checked_directions(params_dot, x_dot)
        y_dot = np.empty((self._q, self._n_out))
        for b in self._blocks:
            zdot = b.tangents(Wdot, None if x_dot is None else x_dot[b.rows].T)[-1][1]
            y_dot[b.rows] = (b.out_slope() * zdot).T
        return y_dot

    def jacobian_blocks(self, block=None):
        """Yields (start, stop, J): rows of ∂y/∂params for the points start ≤ q < stop.

        J is a new array ((stop − start)·m, p) with rows ordered (point, output).
        """
        m = self._n_out
        for start, stop in self._ranges(block):
            J = np.empty((stop - start, m, self._size))
            for b, rows in self._pieces(start, stop):
                for o in range(m):
                    delta = b.deltas(b.seed_output(o))
                    self._fill_rows(J[rows, o], [((a, d),) for a, d in zip(b.abar, delta)])
            yield start, stop, J.reshape(-1, self._size)

    def curvature(self, adjoint):
        """Hessian (p, p) of params ↦ Σ_q ⟨ȳ_q, y_q⟩, exact and symmetric, ȳ = adjoint (q, m)."""
        adjoint = self._checked_adjoint(adjoint)
        sums = CurvatureSums(self._rule, self._block)
        for b in self._blocks:
            sums.add(b, b.seed(adjoint), b.seed_second(adjoint))
        return sums.matrix()

    def curvature_product(self, adjoint, params_dot=None, x_dot=None):
        """Hessian of (params, x) ↦ Σ_q ⟨ȳ_q, y_q⟩ times (params_dot, x_dot): ((p,), (q, d))."""
        adjoint = self._checked_adjoint(adjoint)
        Wdot, x_dot = self._checked_directions(params_dot, x_dot)
        params_out, x_out = np.zeros(self._size), np.empty((self._q, self._n_in))
        layers = self._rule.split(params_out)
        for b in self._blocks:
            tangents = b.tangents(Wdot, None if x_dot is None else x_dot[b.rows].T)
            delta, delta_dot = b.delta_tangents(adjoint, tangents, Wdot)
            for k, g in enumerate(layers):
                g += b.abar[k] @ delta_dot[k].T
                adot = tangents[k][0]
                if adot is not None:
                    g[:-1] += adot @ delta[k].T
            x_bar = self._rule.W[0] @ delta_dot[0]
            if Wdot is not None:
                x_bar += Wdot[0][:-1] @ delta[0]
            x_out[b.rows] = x_bar.T
        return params_out, x_out

    def input_jacobian(self):
        """∂y/∂x of every point, (q, m, d)."""
        out = np.empty((self._q, self._n_out, self._n_in))
        for b in self._blocks:
            for o in range(self._n_out):
                delta = b.deltas(b.seed_output(o))
                out[b.rows, o] = (self._rule.W[0] @ delta[0]).T
        return out

    def input_curvature(self, adjoint):
        """Hessian of x_q ↦ ⟨ȳ_q, y_q⟩ of every point, (q, d, d)."""
        adjoint = self._checked_adjoint(adjoint)
        out = np.empty((self._q, self._n_in, self._n_in))
        for b in self._blocks:
            for c in range(self._n_in):
                _, delta_dot = b.delta_tangents(adjoint, b.tangents(None, b.unit_input(c)), None)
                out[b.rows, :, c] = (self._rule.W[0] @ delta_dot[0]).T
        return out

    def mixed_curvature_blocks(self, adjoint, block=None):
        """Yields (start, stop, X): ∂²⟨ȳ, y⟩/∂x ∂params for the points start ≤ q < stop.

        X is a new array ((stop − start)·d, p) with rows ordered (point, input).
        """
        adjoint = self._checked_adjoint(adjoint)
        for start, stop in self._ranges(block):
            X = np.empty((stop - start, self._n_in, self._size))
            for b, rows in self._pieces(start, stop):
                for c in range(self._n_in):
                    tangents = b.tangents(None, b.unit_input(c))
                    delta, delta_dot = b.delta_tangents(adjoint, tangents, None)
                    self._fill_rows(X[rows, c], [
                        ((_with_zero(adot), d), (a, ddot)) for a, (adot, _), d, ddot
                        in zip(b.abar, tangents, delta, delta_dot)])
            yield start, stop, X.reshape(-1, self._size)

    def _fill_rows(self, rows, layers):
        """rows (n, p) ← Σ a ⊗ d over the pairs (a, d) of each layer, feature-major factors."""
        start = 0
        for pairs in layers:
            shape = (len(rows), len(pairs[0][0]), len(pairs[0][1]))
            stop = start + shape[1] * shape[2]
            view = rows[:, start:stop].reshape(shape)
            for i, (a, d) in enumerate(pairs):
                a, d = np.ascontiguousarray(a.T), np.ascontiguousarray(d.T)
                if i == 0:
                    np.multiply(a[:, :, None], d[:, None, :], out=view)
                else:
                    view += a[:, :, None] * d[:, None, :]
            start = stop

    def _ranges(self, block):
        block = self._block if block is None else positive_integer("block", block)
        return ((s, min(s + block, self._q)) for s in range(0, self._q, block))

    def _pieces(self, start, stop):
        """The parts of the blocks that cover start ≤ q < stop, with their rows after start."""
        for b in self._blocks:
            lo, hi = max(start, b.rows.start), min(stop, b.rows.stop)
            if lo < hi:
                yield b.cut(lo, hi), slice(lo - start, hi - start)

    def _checked_adjoint(self, adjoint):
        return float64_array("the derivative of the loss with respect to the network's output, adjoint",
                             adjoint, shape=(self._q, self._n_out))

    def _checked_directions(self, params_dot, x_dot):
        if params_dot is None and x_dot is None:
            raise ValueError("params_dot and x_dot are both None; give at least one direction.")
        if params_dot is not None:
            params_dot = float64_array("params_dot", params_dot, shape=(self._size,))
        if x_dot is not None:
            x_dot = float64_array("x_dot", x_dot, shape=(self._q, self._n_in))
        return None if params_dot is None else self._rule.split(params_dot), x_dot


class _Rule:
    """The functions and augmented weights of a network at one parameter vector."""

    def __init__(self, net, params):
        self.widths = net.widths
        self.hidden = activations.named("activation", net.activation, activations.HIDDEN)
        self.out = activations.named("function", net.output.function, activations.OUTPUT)
        self.scale, self.shift = net.output.scale, net.output.shift
        self.Wbar = self.split(params)                    # (w_{k−1} + 1, w_k)
        self.W = [Wb[:-1] for Wb in self.Wbar]            # (w_{k−1}, w_k)

    def split(self, flat):
        """Views [W_k; b_k] of a flat vector (p,)."""
        layers, start = [], 0
        for fan_in, fan_out in zip(self.widths, self.widths[1:]):
            stop = start + (fan_in + 1) * fan_out
            layers.append(flat[start:stop].reshape(fan_in + 1, fan_out))
            start = stop
        return layers


class _Block:
    """The forward values of the points `rows`, feature-major.

    abar[k] (w_k + 1, n) = ā_k with its last row 1, for k = 0 … L−1; z[k] the argument of φ in
    layer k + 1, held only if φ' needs it; z_out, f_out (m, n) argument and value of the output
    function; y (m, n) the outputs.
    """

    def __init__(self, rule, rows, abar, z, z_out, f_out):
        self.rule, self.rows, self.abar, self.z = rule, rows, abar, z
        self.z_out, self.f_out = z_out, f_out
        self._slopes = {}

    @classmethod
    def forward(cls, rule, x, start):
        """Evaluate the network at the points x (n, d), which begin at row `start`."""
        n = len(x)
        abar, z = [_augmented(x.shape[1], n)], []
        abar[0][:-1] = x.T
        with np.errstate(over="ignore", invalid="ignore"):
            for Wb in rule.Wbar[:-1]:
                a = _augmented(Wb.shape[1], n)
                zk = np.matmul(Wb.T, abar[-1], out=None if rule.hidden.needs_input else a[:-1])
                rule.hidden.value(zk, a[:-1])
                abar.append(a)
                z.append(zk if rule.hidden.needs_input else None)
            z_out = rule.Wbar[-1].T @ abar[-1]
            f_out = rule.out.value(z_out, z_out if rule.out.linear else np.empty_like(z_out))
        return cls(rule, slice(start, start + n), abar, z, z_out, f_out)

    @property
    def y(self):
        """The outputs (m, n)."""
        return self.rule.shift + self.rule.scale * self.f_out

    def cut(self, start, stop):
        """The same values for the points start ≤ q < stop of this block, as views."""
        part = slice(start - self.rows.start, stop - self.rows.start)
        return _Block(self.rule, slice(start, stop), [a[:, part] for a in self.abar],
                      [None if z is None else z[:, part] for z in self.z],
                      self.z_out[:, part], self.f_out[:, part])

    def out_slope(self):
        """out'(z_L) (m, n)."""
        return self.rule.scale * self.rule.out.first(self.z_out, self.f_out)

    def seed(self, adjoint):
        """δ_L (m, n) for the adjoint (q, m) of all points."""
        return self.out_slope() * adjoint[self.rows].T

    def seed_output(self, o):
        """δ_L (m, n) when the adjoint is 1 for output o and 0 for the others."""
        seed = np.zeros_like(self.f_out)
        seed[o] = self.out_slope()[o]
        return seed

    def seed_second(self, adjoint):
        """ȳ ∘ out''(z_L) (m, n), or None where the output is linear."""
        if self.rule.out.linear:
            return None
        first = self.rule.out.first(self.z_out, self.f_out)
        bend = self.rule.out.second(self.z_out, self.f_out, first)
        return self.rule.scale * bend * adjoint[self.rows].T

    def slope(self, k):
        """φ'(z_k) (w_k, n) of hidden layer k = 1 … L−1, kept: every sweep with a vector needs it."""
        if k not in self._slopes:
            self._slopes[k] = self.new_slope(k)
        return self._slopes[k]

    def new_slope(self, k):
        """The same, computed again: the curvature takes no memory that grows with the points."""
        return self.rule.hidden.first(self.z[k - 1], self.abar[k][:-1])

    def bend(self, k, slope):
        """φ''(z_k) (w_k, n) of hidden layer k, given slope = φ'(z_k)."""
        return self.rule.hidden.second(self.z[k - 1], self.abar[k][:-1], slope)

    def deltas(self, seed):
        """[δ_1, …, δ_L] with δ_L = seed."""
        delta = [seed]
        for k in range(len(self.abar) - 1, 0, -1):
            d = self.rule.W[k] @ delta[0]
            d *= self.slope(k)
            delta.insert(0, d)
        return delta

    def tangents(self, Wdot, x_dot):
        """[(ȧ_{k−1}, ż_k) for k = 1 … L] along Wdot (augmented layers or None) and x_dot (d, n)."""
        adot, pairs = x_dot, []
        for k, W in enumerate(self.rule.W):
            zdot = None if Wdot is None else Wdot[k].T @ self.abar[k]
            if adot is not None:
                along = W.T @ adot
                zdot = along if zdot is None else np.add(zdot, along, out=zdot)
            pairs.append((adot, zdot))
            if k + 1 < len(self.rule.W):
                adot = self.slope(k + 1) * zdot
        return pairs

    def delta_tangents(self, adjoint, tangents, Wdot):
        """([δ_k], [δ̇_k]) for k = 1 … L along the given tangents."""
        seed, second = self.seed(adjoint), self.seed_second(adjoint)
        zdot = [z for _, z in tangents]
        delta = [seed]
        delta_dot = [np.zeros_like(seed) if second is None else second * zdot[-1]]
        for k in range(len(self.abar) - 1, 0, -1):
            W, s = self.rule.W[k], self.slope(k)
            g, gdot = W @ delta[0], W @ delta_dot[0]
            if Wdot is not None:
                gdot += Wdot[k][:-1] @ delta[0]
            gdot *= s
            c = self.bend(k, s)
            c *= g
            c *= zdot[k - 1]
            gdot += c
            g *= s
            delta.insert(0, g)
            delta_dot.insert(0, gdot)
        return delta, delta_dot

    def unit_input(self, c):
        """ẋ (d, n) along input c."""
        xdot = np.zeros((len(self.abar[0]) - 1, self.abar[0].shape[1]))
        xdot[c] = 1.0
        return xdot


def _augmented(width, n):
    a = np.empty((width + 1, n))
    a[-1] = 1.0
    return a


def _with_zero(adot):
    """ȧ with the derivative 0 of the appended constant."""
    return np.vstack([adot, np.zeros((1, adot.shape[1]))])


def _block_size(widths):
    """Points per block: a multiple of 64 so that w² × points temporaries fit in cache."""
    entries = (max(widths) + 1) ** 2
    return int(np.clip(_TEMPORARY_ENTRIES // entries // 64 * 64, 64, 1024))


def _require_finite(value):
    bad = ~np.isfinite(value).all(axis=1)
    if bad.any():
        first = int(np.argmax(bad))
        raise NotFinite(
            f"the network's value is {value[first].tolist()} at point {first} ({int(bad.sum())} of "
            f"{len(value)} points are NaN or infinite); the weights are too large for its output "
            "function. Shorten the step, or use an output that is bounded or of linear growth.")
