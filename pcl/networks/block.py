"""A block of points of a network: the values of its layers, and sweeps with one vector.

The rule stands in `pcl.networks.point`. Arrays are feature-major, (features, points): products with W̄
are single matrix products, pointwise operations run along contiguous points. At complex points x + iεẋ
all of them but the weights are complex.
"""

import copy

import numpy as np

from pcl.networks import activations


class Rule:
    """The functions and augmented weights of a network at one parameter vector."""

    def __init__(self, net, params):
        self.widths = net.widths
        self.hidden = activations.named("activation", net.activation, activations.HIDDEN)
        self.out = activations.named("function", net.output.function, activations.OUTPUT)
        self.scale, self.shift = net.output.scale, net.output.shift
        self.shapes = net.shapes
        self.Wbar = self.split(params)                                         # (w̄_{k−1}, w_k)
        self.W = [Wb[:w] for Wb, w in zip(self.Wbar, self.widths)]             # (w_{k−1}, w_k)
        self.U = self.entering(self.Wbar)

    def split(self, flat):
        """Views W̄_k of a flat vector (p,)."""
        layers, start = [], 0
        for rows, columns in self.shapes:
            stop = start + rows * columns
            layers.append(flat[start:stop].reshape(rows, columns))
            start = stop
        return layers

    def entering(self, layers):
        """The rows of augmented layers by which x enters: U_1 = W_1 (d, w_1), later those of skips."""
        return [layers[0][:-1]] + [Wb[w:-1] for Wb, w in zip(layers[1:], self.widths[1:])]

    def split_rows(self, rows):
        """Views (n, w̄_{k−1}, w_k) of the rows of a matrix (n, p)."""
        layers, start = [], 0
        for Wb in self.Wbar:
            layers.append(rows[:, start:start + Wb.size].reshape(len(rows), *Wb.shape))
            start += Wb.size
        return layers


class Block:
    """The network at the points `rows`, and its derivatives there.

    Attributes
    ----------
    rows : slice of the points
    abar : list of ndarray (w̄_k, n)
        ā_k = [a_k, 1], or [a_k, x, 1] for k > 0 where x skips layers, for k = 0 … L−1.
    y : ndarray (m, n), the outputs

    What the methods return lives in the workspace: it holds until the next call of the same method.
    """

    def __init__(self, rule, x, start, space):
        """Evaluate the network at the points x (n, d), which begin at row `start`."""
        self.rule, self.n, self.rows = rule, len(x), slice(start, start + len(x))
        self._space, self._slopes, self._dtype = space, {}, x.dtype
        self._own_slopes: list = []
        self.abar, self._z = [self._augmented(0)], []
        self.abar[0][:-1] = x.T
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(1, len(rule.W)):
                self._add_layer(k)
            self._z_out = self._take("z_out", rule.widths[-1])
            product(rule.Wbar[-1].T, self.abar[-1], self._z_out)
            self._f_out = rule.out.value(self._z_out, self._take("f_out", rule.widths[-1]))

    def _add_layer(self, k):
        """z_k and ā_k; z_k is held only if φ' needs it."""
        w, hidden = self.rule.widths[k], self.rule.hidden
        abar = self._augmented(k)
        z = self._take(("z", k), w) if hidden.needs_input else abar[:w]
        product(self.rule.Wbar[k - 1].T, self.abar[-1], z)
        hidden.value(z, abar[:w])
        self.abar.append(abar)
        self._z.append(z if hidden.needs_input else None)

    def using(self, space):
        """The same values with another workspace for the sweeps."""
        block = copy.copy(self)
        block._space = space
        if not self._own_slopes:
            block._slopes = {}
        return block

    def hold_slopes(self):
        """From now on φ'(z_k) are kept beside the values, once they are asked for."""
        self._own_slopes = [self._take(("slope", k), w) for k, w in enumerate(self.rule.widths[:-1])]

    def activation(self, k):
        """a_k (w_k, n)."""
        return self.abar[k][:self.rule.widths[k]]

    @property
    def y(self):
        return self.rule.shift + self.rule.scale * self._f_out

    # --- pointwise functions ------------------------------------------------------------------
    def out_slope(self):
        """out'(z_L) (m, n)."""
        slope = self.rule.out.first(self._z_out, self._f_out, self._take("out_slope", len(self._f_out)))
        slope *= self.rule.scale
        return slope

    def seed(self, adjoint):
        """δ_L (m, n) for the adjoint (q, m) of all points."""
        return self.out_slope() * adjoint[self.rows].T

    def seed_output(self, o):
        """δ_L (m, n) when the adjoint is 1 for output o and 0 for the others."""
        seed = np.zeros_like(self._f_out)
        seed[o] = self.out_slope()[o]
        return seed

    def seed_second(self, adjoint):
        """ȳ ∘ out''(z_L) (m, n), or None where the output is linear."""
        out, z, f = self.rule.out, self._z_out, self._f_out
        if out.linear:
            return None
        bend = out.second(z, f, out.first(z, f, np.empty_like(f)), np.empty_like(f))
        bend *= self.rule.scale
        return bend * adjoint[self.rows].T

    def slope(self, k):
        """φ'(z_k) (w_k, n) of hidden layer k = 1 … L−1."""
        if k not in self._slopes:
            a = self.activation(k)
            out = self._own_slopes[k] if self._own_slopes else self._take(("slope", k), len(a))
            self._slopes[k] = self.rule.hidden.first(self._z[k - 1], a, out)
        return self._slopes[k]

    def bend(self, k):
        """φ''(z_k) (w_k, n) of hidden layer k."""
        a, slope = self.activation(k), self.slope(k)
        return self.rule.hidden.second(self._z[k - 1], a, slope, self._take(("bend", k % 2), len(a)))

    # --- sweeps -------------------------------------------------------------------------------
    def deltas(self, seed):
        """Yields (k, δ_k) for k = L … 1, δ_L = seed; each overwrites the last but one."""
        delta = seed
        yield len(self.abar), delta
        for k in range(len(self.abar) - 1, 0, -1):
            delta = self._back("delta", k, delta)
            delta *= self.slope(k)
            yield k, delta

    def tangents(self, Wdot, x_dot):
        """[(tangent of ā_{k−1} without its 1, ż_k) for k = 1 … L] along Wdot and x_dot (d, n).

        Wdot is a list of augmented layers; None stands for zero, among the tangents of ā too.
        """
        adot, pairs = x_dot, []
        for k, Wb in enumerate(self.rule.Wbar, start=1):
            zdot = self._take(("zdot", k), Wb.shape[1])
            if adot is not None:
                product(Wb[:-1].T, adot, zdot)
            if Wdot is not None and adot is not None:
                zdot += product(Wdot[k - 1].T, self.abar[k - 1], self._take("along", len(zdot)))
            elif Wdot is not None:
                product(Wdot[k - 1].T, self.abar[k - 1], zdot)
            pairs.append((adot, zdot))
            if k < len(self.rule.Wbar):
                adot = self._activation_tangent(k, zdot, x_dot)
        return pairs

    def _activation_tangent(self, k, zdot, x_dot):
        """[φ'(z_k) ż_k, ẋ], ẋ where x skips layers."""
        w = len(zdot)
        adot = self._take(("adot", k), len(self.abar[k]) - 1)
        np.multiply(self.slope(k), zdot, out=adot[:w])
        if len(adot) > w:
            adot[w:] = 0.0 if x_dot is None else x_dot
        return adot

    def delta_tangents(self, seed, seed_dot, tangents, Wdot):
        """Yields (k, δ_k, δ̇_k) for k = L … 1 along the given tangents, overwriting like `deltas`."""
        delta, delta_dot = seed, seed_dot
        yield len(self.abar), delta, delta_dot
        for k in range(len(self.abar) - 1, 0, -1):
            g, gdot = self._back("delta", k, delta), self._back("delta_dot", k, delta_dot)
            if Wdot is not None:
                gdot += product(Wdot[k][:len(gdot)], delta, self._take("along", len(gdot)))
            gdot *= self.slope(k)
            bend = self.bend(k)
            bend *= g
            bend *= tangents[k - 1][1]
            gdot += bend
            g *= self.slope(k)
            delta, delta_dot = g, gdot
            yield k, delta, delta_dot

    def seed_tangent(self, adjoint, zdot, adjoint_dot):
        """δ̇_L (m, n) along ż_L and a tangent of the adjoint, None for zero."""
        second = self.seed_second(adjoint)
        dot = np.zeros_like(self._f_out) if second is None else second * zdot
        return dot if adjoint_dot is None else dot + self.seed(adjoint_dot)

    def _back(self, name, k, delta):
        """W_{k+1} δ_{k+1}."""
        W = self.rule.W[k]
        out = self._take((name, k % 2), len(W))
        if W.shape[1] == 1:                                 # a dyad: BLAS takes twice as long
            return np.multiply(W, delta, out=out)
        return product(W, delta, out)

    def to_inputs(self, x_bar, U, k, delta):
        """x_bar (d, n) += U_k δ_k, what reaches x through layer k."""
        if len(U[k - 1]):
            x_bar += product(U[k - 1], delta)

    def unit_input(self, c):
        """ẋ (d, n) along input c."""
        xdot = self.no_inputs()
        xdot[c] = 1.0
        return xdot

    def no_inputs(self):
        """Zeros (d, n)."""
        return np.zeros((self.rule.widths[0], self.n), self._dtype)

    def _augmented(self, k):
        """ā_k with x and 1 in their places."""
        w, rows = self.rule.widths[k], self.rule.shapes[k][0]
        abar = self._take(("abar", k), rows)
        if k and rows > w + 1:
            abar[w:-1] = self.abar[0][:-1]
        abar[-1] = 1.0
        return abar

    def _take(self, name, width):
        return self._space.take(name, width, self.n, dtype=self._dtype)


def product(W, a, out=None):
    """W a with W real and a (…, n) real or complex, of which the latter is 2n real columns."""
    if not np.iscomplexobj(a):
        return np.matmul(W, a, out=out)
    out = np.empty((*a.shape[:-2], len(W), a.shape[-1]), a.dtype) if out is None else out
    np.matmul(W, np.ascontiguousarray(a).view(np.float64), out=out.view(np.float64))
    return out
