"""How far is the exact Hessian from its floor, the time of its dense matrix products alone?

For the Poisson problem of `benchmarks.hessian` (p parameters, q quadrature points, s unknowns) these are

    SᵀZ                        one product (p × s)(s × p)
    curvature of the network   for each pair of layers one product (rows × q)(q × columns) of the rule in
                               `pcl.networks.point`; the products with W that carry P and Q through
                               the layers

Each is run with its sizes on random numbers, with the same NumPy, BLAS and threads: SᵀZ on BLAS's
threads; the others in blocks of points that stay in cache, the blocks spread over as many threads.
The floor leaves out everything else, so that it cannot be reached: the network itself, the outer
products and slopes that the large products are made of, the Jacobian with its sparse products, the
assembly, the factorisation and the back-substitutions. A multiplication and an addition are two flops.

Both sides run in processes of their own, in turn. Run from the root of the project:

    python -m benchmarks.floor --meshes 32,100 --json floor.json
"""
import sys
from pathlib import Path

import numpy as np

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import harness, square
from benchmarks.side import Side
from pcl.execute import threads

POINTS = 512                  # of a block; from 256 to 1024 the rate varies by less than a tenth
NOISE = 1e-12                 # θ moves by this from round to round


def sums_over_points(widths):
    """[(rows, columns)] of the products over points for a hidden φ with φ'' ≠ 0 and linear outputs."""
    L, w, wb = len(widths) - 1, widths, [n + 1 for n in widths]
    products = [(w[k] * wb[k - 1], w[k + 1]) for k in range(1, L)]                      # P diagonal
    products += [(w[m - 1] * w[k], w[m] * wb[k - 1]) for k in range(1, L) for m in range(k + 2, L + 1)]
    products += [(_triangle(wb[L - 2]), w[L - 1])]                                        # Q diagonal
    products += [(_triangle(wb[m - 1]), _triangle(w[m])) for m in range(1, L - 1)]
    return products + [(wb[m - 1] * wb[k - 1], w[k] * w[m]) for m in range(1, L) for k in range(1, m)]


def products_with_weights(widths):
    """[(rows, inner, columns per point)] of W times P or Q, where that is not diagonal."""
    L, w = len(widths) - 1, widths
    carry_P = [(w[m - 1], w[m - 2], w[k]) for k in range(1, L) for m in range(k + 3, L + 1)]
    carry_Q = [(w[k], w[k + 1], w[m]) for m in range(1, L) for k in range(1, m)
               if (m, k) != (L - 1, L - 2)]
    diagonal = [(w[m - 1], w[m], w[m - 1]) for m in range(2, L)]
    return carry_P + carry_Q + diagonal


class Floor:
    """The products of one Hessian on the n × n × 2 mesh; `hessian` runs them."""

    def __init__(self, n, widths=square.WIDTHS):
        self.points, self.unknowns = 6 * n**2, (n - 1)**2
        self.parameters = sum((a + 1) * b for a, b in zip(widths, widths[1:]))
        self._sums, self._carried = sums_over_points(widths), products_with_weights(widths)
        rng = np.random.default_rng(0)
        self._S, self._Z = rng.standard_normal((2, self.unknowns, self.parameters))
        largest = max(max(a, b) for a, b in self._sums)
        self._left, self._right = rng.standard_normal((2, largest, POINTS))
        self._W = rng.standard_normal((max(widths), max(widths)))

    @property
    def flops(self):
        """Multiplications and additions."""
        a_point = sum(a * b for a, b in self._sums) + sum(a * b * c for a, b, c in self._carried)
        return 2 * (self.points * a_point + self.unknowns * self.parameters**2)

    def hessian(self, theta):
        """Run the products; returns their flops. θ does not matter."""
        list(threads.ordered(self._share, threads.shares(range(0, self.points, POINTS))))
        self._S.T @ self._Z
        return self.flops

    def _share(self, starts):
        sums = [np.empty((a, b)) for a, b in self._sums]
        carried = [np.empty((a, c * POINTS)) for a, _, c in self._carried]
        for start in starts:
            n = min(POINTS, self.points - start)
            for out, (a, b) in zip(sums, self._sums):
                np.matmul(self._left[:a, :n], self._right[:b, :n].T, out=out)
            for out, (a, b, c) in zip(carried, self._carried):
                right = self._right.reshape(-1)[:b * c * n].reshape(b, c * n)
                np.matmul(self._W[:a, :b], right, out=out[:, :c * n])


def measure(n, options):
    """The row of the table for the n × n × 2 mesh."""
    start = square.initial()
    direction = np.random.default_rng(0).standard_normal(start.size)

    def at(k):
        return (start + NOISE * k * direction,)

    harness.progress(f"{n}x{n}: hessian and its products")
    with Side("ours", "benchmarks.pcl_poisson:Poisson", n, threads=options.threads) as ours:
        with Side("floor", "benchmarks.floor:Floor", n, threads=options.threads) as floor:
            timings = harness.alternate([ours, floor], "hessian", at, options.repeats)
            flops = floor.call("hessian", start).result
    row = harness.row({"mesh": f"{n}x{n}", "points": 6 * n**2, "GFlop": flops / 1e9}, "hessian", timings)
    seconds = row.pop("peer s")
    row["floor s"], row["floor GFlop/s"] = seconds, flops / seconds / 1e9
    row["ours/floor"] = 1.0 / row.pop("peer/ours")
    return {key: value for key, value in row.items() if key not in ("peer", "peer MB")}


def _triangle(w):
    return w * (w + 1) // 2


def main(arguments=None):
    parser = harness.parser("The exact Hessian against the time of its dense matrix products.")
    parser.add_argument("--meshes", type=harness.numbers, default=[32, 100],
                        help="cells per direction, with commas")
    options = parser.parse_args(arguments)
    rows = [measure(n, options) for n in options.meshes]
    harness.report("Poisson, P1, 921 parameters: the Hessian and its floor", rows, options)


if __name__ == "__main__":
    main()
