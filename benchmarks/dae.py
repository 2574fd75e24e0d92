"""Do neural DAEs train faster by `pcl.interior_point` with the reduced KKT system than by IPOPT?

For every case of `benchmarks.dae_cases` and every seed (of noise and weights) both solve the same program
from the same start to the same tolerance, in one process with one thread. Seconds are those of the
processor in the solve alone: neither TensorFlow's tracing nor CasADi's derivation of Jacobian and Hessian
is counted. IPOPT gets the fastest of MUMPS's orderings for each case. Run from the root of the project:

    python -m benchmarks.dae --seeds 10 --json dae.json --figure docs/figures/dae_iterations.png
    python -m benchmarks.dae --wide --seeds 3                       about 1,500 weights
    python -m benchmarks.dae --growth --figure docs/figures/dae_growth.png
    python -m benchmarks.dae --step                                 a step beside its dense products
"""
import os
import sys
import time
from pathlib import Path

if __name__ == "__main__":                        # before NumPy is imported: one thread
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1",
                      TF_NUM_INTEROP_THREADS="1")

import numpy as np
from scipy.linalg import lapack

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import dae_cases, floor, harness
from pcl import interior_point
from pcl.dae.kkt.reduced import ReducedKKT
from pcl.dae.program.hessians import strategy

OURS, IPOPT = "ours", "IPOPT"
HESSIANS = ("exact", "limited-memory")
SAME = 1e-4                    # relative: objectives that count as the same
GROWTH = {"elements": (10, 20, 40, 80, 160), "trajectories": (3, 6, 12, 24, 48),
          "width": (9, 14, 20, 28, 37, 50)}
AXES = {"elements": "elements of a trajectory", "trajectories": "trajectories", "width": "parameters"}
ASKED = {"elements": 1, "trajectories": 1, "width": 2}      # largest slopes of the time


# --- solves -----------------------------------------------------------------------------------------
def ours(setup, hessian, options):
    """(objective, solved, iterations, seconds) of our interior point."""
    program, x0 = setup.program, setup.x0
    warm_up(program, x0)
    start = time.process_time()
    found = interior_point.solve(program, x0, tol=options.tol, maxiter=options.maxiter,
                                 reestimate_below=np.inf,
                                 hessian=strategy(hessian, program), max_seconds=options.limit,
                                 kkt=ReducedKKT())
    return found.fun, found.success, found.nit, time.process_time() - start


def warm_up(program, x):
    """Trace the equations, so that no solve pays for it."""
    program.jacobian(x)
    program.hessian(x, np.zeros(program.m), 1.0)


def peer(setup, hessian, options, orderings):
    """The same of IPOPT."""
    from benchmarks.dae_ipopt import Nonlinear
    nonlinear = Nonlinear(setup.program)
    key = setup.case.name, hessian
    if key not in orderings:
        orderings[key] = nonlinear.fastest_ordering(setup.x0, hessian)
    solver = nonlinear.solver(hessian, options.tol, options.maxiter, options.limit, orderings[key])
    found = nonlinear.solve(setup.x0, solver)
    return found.objective, found.success, found.iterations, found.seconds


def compare(case, options):
    """One record for every seed and solver."""
    records, orderings = [], {}
    for seed in range(options.seeds):
        setup = dae_cases.set_up(case, seed, options.width or (case.wide if options.wide else case.width))
        for solver in options.solvers:
            name, hessian = solver.split(" ")
            f, solved, iterations, seconds = (ours(setup, hessian, options) if name == OURS
                                              else peer(setup, hessian, options, orderings))
            records.append({"case": case.name, "p": setup.parameters, "seed": seed, "solver": solver,
                            "solved": bool(solved), "objective": float(f), "iterations": int(iterations),
                            "seconds": seconds})
            harness.progress(f"{case.name} {seed} {solver}: f {f:.6g}, {iterations} iterations, "
                             f"{seconds:.2f} s{'' if solved else ', not solved'}")
    return records


# --- tables -----------------------------------------------------------------------------------------
def summary(records, solvers):
    """One row for every case and solver; medians over seeds."""
    return [_row(records, case, solver, solvers[0])
            for case in dict.fromkeys(record["case"] for record in records) for solver in solvers]


def _row(records, case, solver, reference):
    mine = select(records, case, solver)
    best = np.min([[r["objective"] if r["solved"] else np.inf for r in select(records, case, s)]
                   for s in dict.fromkeys(r["solver"] for r in records)], axis=0)
    f, seconds, iterations = (np.array([r[key] for r in mine]) for key in
                              ("objective", "seconds", "iterations"))
    solved = np.array([r["solved"] for r in mine])
    first = np.array([r["seconds"] for r in select(records, case, reference)])
    low, middle, high = np.percentile(iterations, (25, 50, 75))
    return {"case": case, "p": mine[0]["p"], "solver": solver, "solved": f"{solved.sum()}/{len(mine)}",
            "best f": f"{np.sum(solved & (f <= best * (1.0 + SAME)))}/{len(mine)}",
            "quartiles of iterations": f"{low:.0f} {middle:.0f} {high:.0f}",
            "s": float(np.median(seconds)),
            "ms/iteration": float(1e3 * np.median(seconds / np.maximum(iterations, 1))),
            f"s/{reference}": float(np.median(seconds / first))}


def select(records, case, solver):
    """The records of a case and a solver, by seed."""
    return sorted((r for r in records if r["case"] == case and r["solver"] == solver),
                  key=lambda r: r["seed"])


def draw_iterations(records, path):
    """Iterations of every seed, solver beside solver; open circles were not solved."""
    plt = _pyplot()
    cases = list(dict.fromkeys(record["case"] for record in records))
    solvers = list(dict.fromkeys(record["solver"] for record in records))
    figure, axes = plt.subplots(1, len(cases), figsize=(3.2 * len(cases), 3.0), sharey=True,
                                layout="constrained", squeeze=False)
    for ax, case in zip(axes[0], cases):
        for place, solver in enumerate(solvers):
            mine = select(records, case, solver)
            counts = np.array([r["iterations"] for r in mine])
            ax.boxplot(counts, positions=[place], orientation="horizontal", widths=0.6, showfliers=False)
            fill = [f"C{place}" if r["solved"] else "none" for r in mine]
            ax.scatter(counts, place + np.linspace(-0.2, 0.2, len(mine)), s=14, c=fill,
                       edgecolors=f"C{place}", zorder=3)
        ax.set(title=f"{case}, p = {mine[0]['p']}", xlabel="iterations", xscale="log",
               yticks=range(len(solvers)), yticklabels=solvers)
        _ticks(ax, [t for t in (10, 20, 50, 100, 200, 500, 1000)
                    if ax.get_xlim()[0] < t < ax.get_xlim()[1]])
        ax.grid(True, axis="x", which="both", color="0.9")
        ax.set_axisbelow(True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


# --- growth -----------------------------------------------------------------------------------------
def grow(case, options):
    """Seconds an iteration over `growth_iterations` iterations, one size growing at a time."""
    rows = []
    for what, sizes in GROWTH.items():
        for size in sizes:
            setup = dae_cases.set_up(case, 0, **{what: size})
            warm_up(setup.program, setup.x0)
            start = time.process_time()
            found = interior_point.solve(setup.program, setup.x0, tol=options.tol, kkt=ReducedKKT(),
                                         reestimate_below=np.inf,
                                         maxiter=options.growth_iterations)
            seconds = (time.process_time() - start) / max(found.nit, 1)
            rows.append({"grows": what, "size": setup.parameters if what == "width" else size,
                         "unknowns": setup.program.n, "p": setup.parameters, "s/iteration": seconds})
            harness.progress(f"{what} {size}: {seconds:.3g} s an iteration")
    return rows


def slope(rows, grows):
    """Of the least-squares line through the logarithms of size and seconds, over the larger sizes."""
    chosen = [(row["size"], row["s/iteration"]) for row in rows if row["grows"] == grows]
    return float(np.polyfit(*np.log(chosen[len(chosen) // 2 - 1:]).T, 1)[0])


def draw_growth(rows, path):
    """Seconds an iteration against each size, with the slope asked for."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, len(GROWTH), figsize=(10, 3.2), sharey=True, layout="constrained")
    for ax, grows in zip(axes, GROWTH):
        size, seconds = np.array([(row["size"], row["s/iteration"]) for row in rows
                                  if row["grows"] == grows]).T
        ax.loglog(size, seconds, "o-", label=f"measured, slope {slope(rows, grows):.2f} at the end")
        ax.loglog(size, seconds[-1] * (size / size[-1])**ASKED[grows], "--", color="0.4",
                  label=f"slope {ASKED[grows]}")
        ax.set_xlabel(AXES[grows])
        _ticks(ax, size.astype(int))
        ax.grid(True, which="both", color="0.9")
        ax.legend()
    axes[0].set_ylabel("seconds an iteration")
    figure.savefig(path, dpi=150)
    plt.close(figure)


# --- a step -----------------------------------------------------------------------------------------
class Products:
    """The dense products of a step alone, on random numbers of the same sizes.

    Per segment M_νν N and (∂²/∂s∂a)ᵀ X, then Nᵀ(M N), the network's products over points of
    `benchmarks.floor`, and one Cholesky factorisation of B (p, p).
    """

    def __init__(self, program, condensed):
        rng = np.random.default_rng(0)
        law, = program.laws
        at, elements = condensed.layout, program.elements
        S, p, n_nu, n_s = at.S, at.n_theta, at.L * at.n_nu, at.n_s
        self._M = rng.standard_normal((S, n_nu, n_nu))
        self._N = rng.standard_normal((S, n_nu, p))
        variable = sum(name not in program.model.inputs + ("t",) for name in law.inputs)
        self._A = rng.standard_normal((S, n_s, at.L * elements.K * variable))
        self._X = rng.standard_normal((S, at.L * elements.K * variable, p))
        self._sums = floor.sums_over_points(law.net.widths)
        largest = max(max(a, b) for a, b in self._sums)
        self._left, self._right = rng.standard_normal((2, largest, elements.E * elements.K))
        self._B = np.asfortranarray(np.eye(p) + 1e-3)

    def run(self):
        """Once; returns the trace, so that nothing is left out."""
        half = np.matmul(self._M, self._N)
        cross = np.matmul(self._A, self._X)
        top = self._N.reshape(-1, self._N.shape[2]).T @ half.reshape(-1, self._N.shape[2])
        network = [self._left[:a] @ self._right[:b].T for a, b in self._sums]
        factor, _ = lapack.dpotrf(self._B, lower=1, clean=0)
        return top[0, 0] + cross[0, 0, 0] + factor[0, 0] + sum(block[0, 0] for block in network)


def step(case, options):
    """A row: the median seconds of a step (derivatives, factorisation, solution) and of its products."""
    setup = dae_cases.set_up(case, 0, options.width or case.wide)
    program, kkt, steps, products = setup.program, ReducedKKT(), [], []
    warm_up(program, setup.x0)
    rng = np.random.default_rng(0)
    shift, relaxed = np.full(program.n, 1.0), np.zeros(program.m)
    relaxed[program.m - program.elements.E * program.elements.K * program.rows.paths:] = 1.0
    floor_of = None
    for _ in range(options.repeats + 1):
        x = setup.x0 + 1e-9 * rng.standard_normal(program.n)
        start = time.process_time()
        J, W = program.jacobian(x), program.hessian(x, 1e-6 * rng.standard_normal(program.m), 1.0)
        factor = kkt.factor(W, J, shift, relaxed)
        factor.solve(rng.standard_normal(program.n), rng.standard_normal(program.m))
        steps.append(time.process_time() - start)
        floor_of = floor_of or Products(program, factor.c)
        start = time.process_time()
        floor_of.run()
        products.append(time.process_time() - start)
    s, alone = np.median(steps[1:]), np.median(products[1:])
    return {"case": case.name, "p": setup.parameters, "unknowns": program.n, "step s": float(s),
            "products s": float(alone), "step/products": float(s / alone)}


# --- command ----------------------------------------------------------------------------------------
def _ticks(ax, at):
    ax.set_xticks(at, [str(t) for t in at])
    ax.set_xticks([], minor=True)


def _pyplot():
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    return pyplot


def _options(arguments):
    parser = harness.parser("Training of neural DAEs beside IPOPT.")
    parser.set_defaults(threads=1)
    parser.add_argument("--case", action="append", choices=list(dae_cases.CASES), help="default: all")
    parser.add_argument("--seeds", type=int, default=10, help="0 … seeds − 1")
    parser.add_argument("--width", type=int, help="of the hidden layers, instead of the case's own")
    parser.add_argument("--wide", action="store_true", help="about 1,500 weights")
    parser.add_argument("--tol", type=float, default=1e-6, help="tolerance of all solvers")
    parser.add_argument("--maxiter", type=int, default=1000, help="most iterations")
    parser.add_argument("--limit", type=float, default=300.0, help="most seconds of a solve")
    parser.add_argument("--solvers", type=lambda text: text.split(","),
                        default=[f"{name} {hessian}" for name in (OURS, IPOPT) for hessian in HESSIANS],
                        help="with commas; the first is what the others are compared with")
    parser.add_argument("--growth", action="store_true", help="seconds an iteration against sizes")
    parser.add_argument("--growth-iterations", type=int, default=10, help="of every size")
    parser.add_argument("--step", action="store_true", help="a step beside its dense products")
    parser.add_argument("--figure", metavar="PATH", help="also draw it there")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = _options(arguments)
    cases = [dae_cases.CASES[name] for name in options.case or dae_cases.CASES]
    if options.step:
        harness.report("A step of the interior point and its dense products",
                       [step(case, options) for case in cases], options)
    elif options.growth:
        rows = grow(cases[0], options)
        if options.figure:
            draw_growth(rows, options.figure)
        harness.report(f"Seconds an iteration, {cases[0].name}", rows, options)
        for grows in GROWTH:
            print(f"slope in {grows}: {slope(rows, grows):.2f} (at most {ASKED[grows]})")
    else:
        records = [record for case in cases for record in compare(case, options)]
        if options.figure:
            draw_iterations(records, options.figure)
        harness.report("Training of neural DAEs", summary(records, options.solvers), options)


if __name__ == "__main__":
    main()
