"""A block of points of a network: the values of its layers, and sweeps with one vector.

The rule stands in `pcl.networks.point`. Arrays are feature-major, (features, points): products with W̄
are single matrix products, pointwise operations run along contiguous points.
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

    def split_rows(self, rows):
        """Views (n, w_{k−1} + 1, w_k) of the rows of a matrix (n, p)."""
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
    abar : list of ndarray (w_k + 1, n)
        ā_k with its last row 1, for k = 0 … L−1.
    y : ndarray (m, n), the outputs

    What the methods return lives in the workspace: it holds until the next call of the same method.
    """

    def __init__(self, rule, x, start, space):
        """Evaluate the network at the points x (n, d), which begin at row `start`."""
        self.rule, self.n, self.rows = rule, len(x), slice(start, start + len(x))
        self._space, self._slopes = space, {}
        self.abar, self._z = [self._augmented(0, rule.widths[0])], []
        self.abar[0][:-1] = x.T
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(1, len(rule.W)):
                self._add_layer(k)
            self._z_out = self._take("z_out", rule.widths[-1])
            np.matmul(rule.Wbar[-1].T, self.abar[-1], out=self._z_out)
            self._f_out = rule.out.value(self._z_out, self._take("f_out", rule.widths[-1]))

    def _add_layer(self, k):
        """z_k and ā_k; z_k is held only if φ' needs it."""
        w, hidden = self.rule.widths[k], self.rule.hidden
        abar = self._augmented(k, w)
        z = self._take(("z", k), w) if hidden.needs_input else abar[:-1]
        np.matmul(self.rule.Wbar[k - 1].T, self.abar[-1], out=z)
        hidden.value(z, abar[:-1])
        self.abar.append(abar)
        self._z.append(z if hidden.needs_input else None)

    def using(self, space):
        """The same values with another workspace for the sweeps."""
        block = copy.copy(self)
        block._space, block._slopes = space, {}
        return block

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
            a = self.abar[k][:-1]
            self._slopes[k] = self.rule.hidden.first(self._z[k - 1], a, self._take(("slope", k), len(a)))
        return self._slopes[k]

    def bend(self, k):
        """φ''(z_k) (w_k, n) of hidden layer k."""
        a, slope = self.abar[k][:-1], self.slope(k)
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
        """[(ȧ_{k−1}, ż_k) for k = 1 … L] along Wdot (augmented layers or None) and x_dot (d, n)."""
        adot, pairs = x_dot, []
        for k, W in enumerate(self.rule.W, start=1):
            zdot = self._take(("zdot", k), W.shape[1])
            if adot is not None:
                np.matmul(W.T, adot, out=zdot)
            if Wdot is not None and adot is not None:
                zdot += np.matmul(Wdot[k - 1].T, self.abar[k - 1], out=self._take("along", len(zdot)))
            elif Wdot is not None:
                np.matmul(Wdot[k - 1].T, self.abar[k - 1], out=zdot)
            pairs.append((adot, zdot))
            if k < len(self.rule.W):
                adot = np.multiply(self.slope(k), zdot, out=self._take(("adot", k), len(zdot)))
        return pairs

    def delta_tangents(self, seed, seed_dot, tangents, Wdot):
        """Yields (k, δ_k, δ̇_k) for k = L … 1 along the given tangents, overwriting like `deltas`."""
        delta, delta_dot = seed, seed_dot
        yield len(self.abar), delta, delta_dot
        for k in range(len(self.abar) - 1, 0, -1):
            g, gdot = self._back("delta", k, delta), self._back("delta_dot", k, delta_dot)
            if Wdot is not None:
                gdot += np.matmul(Wdot[k][:-1], delta, out=self._take("along", len(gdot)))
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
        product = np.multiply if W.shape[1] == 1 else np.matmul     # a dyad: BLAS takes twice as long
        return product(W, delta, out=self._take((name, k % 2), len(W)))

    def unit_input(self, c):
        """ẋ (d, n) along input c."""
        xdot = np.zeros((self.rule.widths[0], self.n))
        xdot[c] = 1.0
        return xdot

    def _augmented(self, k, width):
        abar = self._take(("abar", k), width + 1)
        abar[-1] = 1.0
        return abar

    def _take(self, name, width):
        return self._space.take(name, width, self.n)
