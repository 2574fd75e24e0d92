"""The parameter Hessian of a network as matrix products over points; see `pcl.networks.point`.

At complex points x + iεẋ the sums are those of the imaginary parts, ε times the derivative along ẋ of
the Hessian.
"""

import functools

import numpy as np

from pcl.networks.block import product
from pcl.networks.workspace import Workspace


class CurvatureSums:
    """The sums over points of the curvature blocks, and the workspace of one block of points."""

    def __init__(self, rule, dtype):
        self.rule, self.L, self._dtype = rule, len(rule.W), dtype
        self.sums, self._space = {}, Workspace()

    def merge(self, other):
        """Add the sums over other points."""
        for key, total in other.sums.items():
            self.sums[key] += total

    def add(self, b, seed, second):
        """Add the points of block `b`: δ_L = seed (m, n), Q_LL = diag(second), None for zero."""
        slope = [None] + [b.slope(k) for k in range(1, self.L)]
        delta, diagonal = self._reverse(b, seed, second, slope)
        self._add_tangent_terms(b, slope, delta)
        self._add_adjoint_terms(b, slope, diagonal)

    def _reverse(self, b, seed, second, slope):
        """[None, δ_1 … δ_L] and the diagonal parts [None, φ''_k ∘ W_{k+1} δ_{k+1}, …, second]."""
        delta, diagonal = [seed], [second]
        for k in range(self.L - 1, 0, -1):
            g = product(self.rule.W[k], delta[0])
            h = b.bend(k) * g
            g *= slope[k]
            delta.insert(0, g)
            diagonal.insert(0, h)
        return [None] + delta, [None] + diagonal

    def _add_tangent_terms(self, b, slope, delta):
        """Σ_q P_{m−1,k}[i,j'] δ_m[j] ā_{k−1}[i'] for k < m."""
        for k in range(1, self.L):
            abar = b.abar[k - 1]
            self._accumulate(("D", k), self._outer("D", slope[k], abar), delta[k + 1])
            P = None
            for m in range(k + 2, self.L + 1):
                P = self._next_P(P, m, k, slope)
                self._accumulate(("P", m, k), P, self._outer("da", delta[m], abar))

    def _next_P(self, P, m, k, slope):
        """P_{m−1,k} (w_{m−1}, w_k, n) from P_{m−2,k}, which is diagonal (None) if m = k + 2."""
        W, s = self.rule.W[m - 2], slope[m - 1]
        n = s.shape[1]
        new = self._take(("P", m % 2), W.shape[1], slope[k].shape[0], n)
        if P is None:
            np.multiply(W.T[:, :, None], slope[k][None], out=new)
        else:
            product(W.T, P.reshape(len(P), -1), new.reshape(len(new), -1))
        new *= s[:, None, :]
        return new

    def _add_adjoint_terms(self, b, slope, diagonal):
        """Σ_q ā_{m−1,i} ā_{k−1,i'} Q_mk[j,j'] for k ≤ m."""
        H = None                                          # Q_mm (w, w, n), or None if diagonal
        for m in range(self.L, 0, -1):
            h = diagonal[m]
            if h is None:
                continue
            a = b.abar[m - 1]
            triangle = self._triangle("aa", a, a)
            if H is None:
                self._accumulate(("S", m), triangle, h)
            else:
                self._accumulate(("T", m), triangle, self._packed("hh", H))
            Q, below = (h if H is None else H), None
            for k in range(m - 1, 0, -1):
                Q = self._next_Q(Q, k, slope)
                self._accumulate(("Q", m, k), self._outer("ab", a, b.abar[k - 1]), Q)
                if k == m - 1:
                    below = self._next_H(Q, m, slope, diagonal)
            H = below

    def _next_Q(self, Q, k, slope):
        """Q_mk transposed, (w_k, w_m, n), from Q_{m,k+1} transposed or from a diagonal (w_m, n)."""
        W, s = self.rule.W[k], slope[k]
        n = s.shape[1]
        new = self._take(("Q", k % 2), len(W), Q.shape[-2], n)
        if Q.ndim == 2:
            np.multiply(W[:, :, None], Q[None], out=new)
        else:
            product(W, Q.reshape(len(Q), -1), new.reshape(len(new), -1))
        new *= s[:, None, :]
        return new

    def _next_H(self, Q, m, slope, diagonal):
        """Q_{m−1,m−1} (w, w, n) from Q_{m,m−1} transposed."""
        w, n = diagonal[m - 1].shape
        H = self._take(("H", m % 2), w, w, n)
        product(self.rule.W[m - 1], Q, H)
        H *= slope[m - 1][None]
        H.reshape(w * w, n)[::w + 1] += diagonal[m - 1]
        return H

    def _outer(self, name, a, b):
        out = self._take(name, len(a), len(b), a.shape[1])
        return np.multiply(a[:, None, :], b[None, :, :], out=out)

    def _triangle(self, name, a, b):
        """a_i b_j for i ≤ j, (w(w + 1)/2, n)."""
        w, n = a.shape
        out, start = self._take(name, w * (w + 1) // 2, n), 0
        for i in range(w):
            np.multiply(a[i], b[i:], out=out[start:start + w - i])
            start += w - i
        return out

    def _packed(self, name, H):
        """H_ij for i ≤ j, (w(w + 1)/2, n)."""
        w, n = H.shape[1:]
        out, start = self._take(name, w * (w + 1) // 2, n), 0
        for i in range(w):
            out[start:start + w - i] = H[i, i:]
            start += w - i
        return out

    def _accumulate(self, key, A, B):
        """sums[key] += A Bᵀ with all but the last (point) axis of A and of B flattened."""
        n = A.shape[-1]
        A, B = _real_columns(A.reshape(-1, n), B.reshape(-1, n))
        if key not in self.sums:
            self.sums[key] = A @ B.T
        else:
            total = self._space.take("product", len(A), len(B))
            self.sums[key] += np.matmul(A, B.T, out=total)

    def _take(self, name, *shape):
        return self._space.take(name, *shape, dtype=self._dtype)

    def matrix(self):
        """The symmetric Hessian (p, p)."""
        wb, w = [rows for rows, _ in self.rule.shapes], self.rule.widths
        ends = np.cumsum([0] + [W.size for W in self.rule.Wbar])
        H = np.zeros((ends[-1], ends[-1]))
        at = [slice(a, b) for a, b in zip(ends, ends[1:])]
        for m in range(1, self.L + 1):
            for k in range(1, m + 1):
                block = H[at[m - 1], at[k - 1]]
                self._gather(block.reshape(wb[m - 1], w[m], wb[k - 1], w[k]), m, k, wb, w)
                H[at[k - 1], at[m - 1]] = block.T
        return H

    def _gather(self, full, m, k, wb, w):
        """Add the sums of a block to `full`, a view of H by (i, j, i', j')."""
        if ("S", m) in self.sums and m == k:
            np.einsum("ijkj->ikj", full)[:] = self.sums["S", m][_triangle_index(wb[m - 1])]
        if ("T", m) in self.sums and m == k:
            tri, hri = _triangle_index(wb[m - 1]), _triangle_index(w[m])
            full += self.sums["T", m][tri][:, :, hri].transpose(0, 2, 1, 3)
        if ("Q", m, k) in self.sums:
            Q = self.sums["Q", m, k].reshape(wb[m - 1], wb[k - 1], w[k], w[m])
            full += Q.transpose(0, 3, 1, 2)
        if ("P", m, k) in self.sums:
            P = self.sums["P", m, k].reshape(w[m - 1], w[k], w[m], wb[k - 1])
            full[:w[m - 1]] += P.transpose(0, 2, 3, 1)
        if ("D", k) in self.sums and m == k + 1:
            D = self.sums["D", k].reshape(w[k], wb[k - 1], w[m])
            np.einsum("ijki->ijk", full[:w[k]])[:] += D.transpose(0, 2, 1)


def _real_columns(A, B):
    """(A, B), or two real matrices with twice the columns, of which A Bᵀ is Im A Bᵀ of complex ones.

    Im Σ a b = Σ (Re a Im b + Im a Re b), and i b̄ has the parts of b in the other order.
    """
    if not np.iscomplexobj(A) and not np.iscomplexobj(B):
        return A, B
    A, B = np.ascontiguousarray(A, complex), np.ascontiguousarray(1j * np.conj(B))
    return A.view(np.float64), B.view(np.float64)


@functools.lru_cache(maxsize=64)
def _triangle_index(w):
    """(w, w) positions of (i, j) in the packed upper triangle, row by row."""
    index = np.zeros((w, w), dtype=int)
    i, j = np.triu_indices(w)
    index[i, j] = index[j, i] = np.arange(len(i))
    return index
