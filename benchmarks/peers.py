"""The table of a peer: gradient, Hessian-vector product and Hessian, ours against JAX's.

Three sides, each in a process of its own, at a new θ every round:

    ours          `pcl.Problem`
    jax batched   JAX, the tangents of jax.hessian pushed through in batches, which is faster than
                  all at once and bounds the memory
    jax.hessian   as it stands, all tangents at once; left out where it needs more memory than
                  `--plain-mb`

The two JAX sides share gradient and Hessian-vector product, which are timed once. They have one
thread of BLAS, which only SuperLU's small triangles use there: a second one waits in a loop, in the
way of JAX's own threads, and makes their Hessians up to four times as slow.
"""
from dataclasses import dataclass, field

import numpy as np

from benchmarks import harness
from benchmarks.side import Side

TOLERANCE = 1e-8              # relative: 1e-16 times the condition number of the largest matrix
NOISE = 1e-12                 # θ moves by this from round to round
CHEAP = 20                    # gradients and products are timed this many times as often
BATCHES = 16, 128             # fewest and most tangents in a batch that is not asked for


@dataclass(frozen=True)
class Peers:
    """One problem on an n × n × 2 mesh, stated twice.

    Attributes
    ----------
    ours, jax : str
        "module:Class", built as Class(n, *settings) and Class(n, *settings, batch), with methods
        `gradient(theta)`, `hvp(theta, v)` and `hessian(theta)`.
    start : ndarray, θ of the first round.
    plain_mb : float, memory of jax.hessian as it stands, for one triangle.
    in_batch : float, quadrature points times tangents in a batch of JAX that runs fastest.
    settings : dict, what the classes are given beside the mesh; shown in the table.
    """

    ours: str
    jax: str
    start: np.ndarray
    plain_mb: float
    in_batch: float
    settings: dict = field(default_factory=dict)

    def measure(self, n, options):
        """The rows of the table for the n × n × 2 mesh."""
        values, threads = tuple(self.settings.values()), options.threads
        with Side("ours", self.ours, n, *values, threads=threads) as ours:
            with Side("jax batched", self.jax, n, *values, self._batch(n, options),
                      threads=threads, blas_threads=1) as peer:
                rows = [self._row(n, options, work, [ours, peer])
                        for work in ("gradient", "hvp", "hessian")]
            if self.plain_mb * 2 * n**2 <= options.plain_mb:
                with Side("jax.hessian", self.jax, n, *values, None,
                          threads=threads, blas_threads=1) as peer:
                    rows.append(self._row(n, options, "hessian", [ours, peer]))
        return rows

    def _row(self, n, options, work, sides):
        case = {"mesh": f"{n}x{n}", "nodes": (n + 1)**2, "points": 6 * n**2, **self.settings}
        harness.progress(f"{case['mesh']}: {work}, {sides[1].name}")
        repeats = options.repeats * (1 if work == "hessian" else CHEAP)
        timings = harness.alternate(sides, work, self._arguments(work), repeats, TOLERANCE)
        return harness.row(case, work, timings)

    def _arguments(self, work):
        direction = np.random.default_rng(0).standard_normal(self.start.size)
        more = (direction,) if work == "hvp" else ()
        return lambda k: (self.start + NOISE * k * direction, *more)

    def _batch(self, n, options):
        fewest, most = BATCHES
        return options.batch or min(most, max(fewest, int(self.in_batch) // (6 * n**2)))


def parser(description, meshes):
    """The options of a table of peers."""
    options = harness.parser(description)
    options.add_argument("--meshes", type=harness.numbers, default=meshes,
                         help="cells per direction, with commas")
    options.add_argument("--batch", type=int, default=0,
                         help="tangents in a batch of JAX; 0: 16 to 128, by the size of the mesh")
    options.add_argument("--plain-mb", type=float, default=12000.0,
                         help="memory that jax.hessian may use")
    return options


def report(title, peers, options):
    """Measure on all meshes and print the table."""
    rows = [row for n in options.meshes for row in peers.measure(n, options)]
    harness.report(title, rows, options)
