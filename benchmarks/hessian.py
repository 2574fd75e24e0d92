"""How fast is the exact Hessian through a sparse solve, against JAX's on the same problem?

    minimise  Σ_i (u_i − u_obs,i)²   subject to   −∇·(κ_θ ∇u) = 1 in (0, 1)²,  u = 0 on the boundary

P1 on n × n × 2 triangles, κ_θ = MLP(2, 20, 20, 20, 1) + 0.5 (921 parameters) at three quadrature
points per triangle. Three sides, each in a process of its own, at a new θ every round:

    ours          `pcl.Problem`
    jax batched   JAX, the tangents of jax.hessian pushed through in batches, which is faster than
                  all at once and bounds the memory
    jax.hessian   as it stands, all tangents at once; left out where it needs more memory than
                  `--plain-mb`

The two JAX sides share gradient and Hessian-vector product, which are timed once. Run from the
root of the project:

    python -m benchmarks.hessian --meshes 10,32,100 --json hessian.json
"""
import sys
from pathlib import Path

import numpy as np

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import harness, square
from benchmarks.side import Side

OURS = "benchmarks.pcl_poisson:Poisson"
JAX = "benchmarks.jax_poisson:Poisson"
PLAIN_MB = 4.1                # per triangle: 8.4 GB on 32 × 32 × 2
TOLERANCE = 1e-8              # relative: 1e-16 times the condition number of the largest matrix
BATCH = 800_000               # points times tangents in a batch, best of 16 … 256 tangents
NOISE = 1e-12                 # θ moves by this from round to round
CHEAP = 20                    # gradients and products are timed this many times as often


def measure(n, options):
    """The rows of the table for the n × n × 2 mesh."""
    case = {"mesh": f"{n}x{n}", "nodes": (n + 1)**2, "points": 6 * n**2}
    start = square.initial()
    direction = np.random.default_rng(0).standard_normal(start.size)

    def at(k):
        return (start + NOISE * k * direction,)

    def compare(work, sides, arguments=at, repeats=options.repeats):
        harness.progress(f"{case['mesh']}: {work}, {sides[1].name}")
        timings = harness.alternate(sides, work, arguments, repeats, TOLERANCE)
        return harness.row(case, work, timings)

    threads, often = options.threads, CHEAP * options.repeats
    batch = options.batch or min(128, max(16, BATCH // case["points"]))
    with Side("ours", OURS, n, threads=threads) as ours:
        with Side("jax batched", JAX, n, batch, threads=threads) as peer:
            rows = [compare("gradient", [ours, peer], repeats=often),
                    compare("hvp", [ours, peer], lambda k: (*at(k), direction), often),
                    compare("hessian", [ours, peer])]
        if PLAIN_MB * 2 * n**2 <= options.plain_mb:
            with Side("jax.hessian", JAX, n, None, threads=threads) as peer:
                rows.append(compare("hessian", [ours, peer]))
    return rows


def main(arguments=None):
    parser = harness.parser("Exact Hessian, gradient and Hessian-vector product, ours and JAX's.")
    parser.add_argument("--meshes", type=harness.numbers, default=[10, 32, 100],
                        help="cells per direction, with commas")
    parser.add_argument("--batch", type=int, default=0,
                        help="tangents in a batch of JAX; 0: 16 to 128, by the size of the mesh")
    parser.add_argument("--plain-mb", type=float, default=12000.0,
                        help="memory that jax.hessian may use")
    options = parser.parse_args(arguments)
    rows = [row for n in options.meshes for row in measure(n, options)]
    harness.report("Poisson, P1, 921 parameters", rows, options)


if __name__ == "__main__":
    main()
