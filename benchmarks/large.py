"""What does a gradient cost beside its linear algebra, on a mesh with 10⁶ unknowns?

    minimise  Σ_i (u_i − u_obs,i)²   subject to   −∇·(κ_θ ∇u) = 1 in (0, 1)²,  u = 0 on the boundary

P1 on n × n × 2 triangles, κ_θ = MLP(2, 20, 20, 20, 1) + 0.5 at three quadrature points a triangle,
u_obs = 0.07 sin πx sin πy at the nodes. Two sides, each in a process of its own:

    ours   value and gradient by `pcl.Problem`, at a new θ every round
    bare   one factorisation of the same matrix by the same solver and two solves with it, state and
           adjoint, without any check; the matrix is assembled beforehand and not counted

Their losses must agree before anything is timed. Run from the root of the project:

    python -m benchmarks.large --n 1000 --solver superlu --json large.json
    python -m benchmarks.large --n 1000 --solver amg
"""
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import harness, square
from benchmarks.side import Side

OURS, BARE = "benchmarks.large:Ours", "benchmarks.large:Bare"
SOLVERS = ("superlu", "cholespy", "amg")
TOLERANCE = 1e-8              # relative: 1e-16 times the condition number of the matrix, with room
NOISE = 1e-12                 # θ moves by this from round to round
FLOOR = 0.5                   # κ = network + 0.5
POINTS = 100_000              # points of the network at a time, where nothing is timed


class Discretisation:
    """The space, its load and the observations; the network of κ."""

    def __init__(self, n):
        import fem
        import pcl
        self.space = fem.Space(square.mesh(n), "P1")
        self.net = pcl.MLP(square.WIDTHS)
        self.load = self.space.load(1.0)
        self.data = 0.07 * np.sin(np.pi * self.space.dof_points).prod(axis=1)


class Ours:
    """`run(theta)`: value and gradient; returns the value."""

    def __init__(self, n, solver):
        import fem
        import pcl
        import tensorflow as tf
        d = Discretisation(n)

        def loss(theta):
            kappa = d.net(theta["kappa"], d.space.quadrature_points)[:, 0] + FLOOR
            u = fem.solve(d.space.laplace(kappa), d.load, dirichlet=0.0, solver=solver)
            return tf.reduce_sum(tf.square(u - d.data))
        self.problem = pcl.Problem(loss, {"kappa": square.initial()})

    def run(self, theta):
        return self.problem.value_and_gradient(theta)[0]


class Bare:
    """`run(theta)`: the factorisation at the start, state and adjoint; returns the value."""

    def __init__(self, n, solver):
        from pcl import factor
        d = Discretisation(n)
        split = d.space.partition(d.space.boundary_dofs())
        matrix = d.space.laplace(self._kappa(d)).restrict(split.free, split.free)
        self.factorise = factor.backend(solver)
        self.matrix = matrix.to_scipy()
        self.load, self.data = np.asarray(d.load)[split.free], d.data[split.free]
        self.fixed = (d.data[split.fixed]**2).sum()

    @staticmethod
    def _kappa(d):
        points, theta = d.space.quadrature_points, square.initial()
        blocks = np.array_split(points, 1 + len(points) // POINTS)
        return np.concatenate([d.net.at(theta, x).value[:, 0] for x in blocks]) + FLOOR

    def run(self, theta):
        F = self.factorise(self.matrix, True)
        difference = F.solve(self.load, False) - self.data
        F.solve(2.0 * difference, True)
        return (difference**2).sum() + self.fixed


def measure(n, solver, options):
    """The row of the table for one mesh and solver."""
    start = square.initial()
    direction = np.random.default_rng(0).standard_normal(start.size)
    with Side("ours", OURS, n, solver, threads=options.threads) as ours:
        with Side("bare", BARE, n, solver, threads=options.threads) as bare:
            harness.progress(f"{n}x{n}, {solver}: both sides are set up")
            timings = harness.alternate([ours, bare], "run", lambda k: (start + NOISE * k * direction,),
                                        options.repeats, TOLERANCE)
    ours, bare = timings["ours"], timings["bare"]
    return {"mesh": f"{n}x{n}", "unknowns": (n - 1)**2, "points": 6 * n**2, "solver": solver,
            "ours s": ours.median, "bare s": bare.median, "ours/bare": ours.median / bare.median,
            "ours MB": ours.memory, "bare MB": bare.memory,
            "timings": {name: asdict(timing) for name, timing in timings.items()}}


def main(arguments=None):
    parser = harness.parser("A gradient through one large solve, against its bare linear algebra.")
    parser.add_argument("--n", type=harness.numbers, default=[1000],
                        help="cells per direction, with commas")
    parser.add_argument("--solver", default="superlu", help=f"of {', '.join(SOLVERS)}; with commas")
    parser.set_defaults(repeats=2)
    options = parser.parse_args(arguments)
    rows = [measure(n, solver, options) for n in options.n for solver in options.solver.split(",")]
    harness.report("Gradient of a Poisson problem, P1, 921 parameters", rows, options)


if __name__ == "__main__":
    main()
