"""The collection of Hock and Schittkowski: our interior point beside IPOPT, from the published starts.

    python -m benchmarks.nonlinear_programs [--hessian exact] [--tol 1e-8] [--problems 71,116]

    python -m benchmarks.nonlinear_programs --versions [permuted,scaled_rows,perturbed]

One row a problem: iterations, evaluations of the objective, relative distance of the objective to the
nearest known optimum, and how each side ended. Below: solved counts, medians, and the problems that
one side solves alone. With --versions: every problem permuted, scaled, shifted and from other starts,
judged good, local, miss or lie by `benchmarks.nonlinear_versions`. IPOPT is CasADi's, with its
defaults and the same tolerance.
"""
import argparse
import importlib.util
import statistics
import time
import types

import numpy as np

from benchmarks import harness
from tests.interior_point.hock_schittkowski import PROBLEMS
from tests.interior_point.hock_schittkowski.program import DualProgram

RIGHT = 1e-5                # largest relative distance of a solved objective to a known optimum
LOOSE = 1e-3                # the same where no multipliers exist
MAXITER = 1000


def ours(problem, hessian, tol):
    """{what: value} of `pcl.interior_point.solve`."""
    from pcl.interior_point import solve

    program, begun = DualProgram(problem), time.perf_counter()
    result = solve(program, problem.x0, hessian=hessian, tol=tol, maxiter=MAXITER)
    return {"success": result.success, "end": result.status.name, "iterations": result.nit,
            "evaluations": result.counts["objective"], "fun": float(result.fun), "x": result.x,
            "seconds": time.perf_counter() - begun}


def ipopt(problem, hessian, tol):
    """{what: value} of CasADi's IPOPT."""
    import casadi

    x, m = casadi.SX.sym("x", len(problem.x0)), _functions(casadi)
    rows = problem.constraints(x, m)
    options = {"print_time": False, "show_eval_warnings": False, "ipopt.print_level": 0,
               "ipopt.sb": "yes", "ipopt.tol": tol, "ipopt.max_iter": MAXITER,
               "ipopt.hessian_approximation": hessian}
    solver = casadi.nlpsol("solver", "ipopt", {
        "x": x, "f": problem.objective(x, m),
        "g": casadi.vertcat(*rows) if rows else casadi.SX(0, 1)}, options)
    begun = time.perf_counter()
    answer = solver(x0=problem.x0, lbx=problem.lower, ubx=problem.upper, lbg=problem.c_lower,
                    ubg=problem.c_upper)
    stats = solver.stats()
    return {"success": stats["success"], "end": stats["return_status"],
            "iterations": stats["iter_count"], "evaluations": stats["n_call_nlp_f"],
            "fun": float(answer["f"]),
            "x": np.array(answer["x"]).ravel(), "seconds": time.perf_counter() - begun}


def _functions(casadi):
    """CasADi's functions by the names of the formulas."""
    def step(u, at, below, above):
        return casadi.if_else(u < at, below, above)

    names = ("exp", "log", "sqrt", "sin", "cos", "erf")
    return types.SimpleNamespace(step=step, **{name: getattr(casadi, name) for name in names})


def distance(problem, value):
    """Relative distance of an objective to the nearest optimum that is known."""
    optima = np.array((problem.optimum, *problem.other_optima))
    return float((np.abs(value - optima) / np.maximum(1.0, np.abs(optima))).min())


def compare(problem, hessian, tol):
    """One row of the table; the runs themselves are nested under the sides' names."""
    sides = {"ours": ours(problem, hessian, tol), "IPOPT": ipopt(problem, hessian, tol)}
    row = {"problem": problem.name, "n": len(problem.x0), "rows": len(problem.rows)}
    for side, run in sides.items():
        run["error"] = distance(problem, run["fun"])
        run["right"] = run["error"] < (RIGHT if problem.multipliers else LOOSE)
        row.update({f"{side} it": run["iterations"], f"{side} f": run["evaluations"],
                    f"{side} error": run["error"], f"{side} end": _end(run)})
    return {**row, "runs": sides}


def _end(run):
    if run["success"]:
        return "solved" if run["right"] else "FALSE"
    return run["end"].lower()


def summary(rows):
    """Counts and medians of both sides as rows of a table."""
    both = [row["runs"] for row in rows
            if all(_end(run) == "solved" for run in row["runs"].values())]
    return [{
        "side": side,
        "solved": sum(_end(row["runs"][side]) == "solved" for row in rows),
        "false successes": sum(_end(row["runs"][side]) == "FALSE" for row in rows),
        "of": len(rows),
        "median it": statistics.median(runs[side]["iterations"] for runs in both),
        "sum it": sum(runs[side]["iterations"] for runs in both),
        "sum f": sum(runs[side]["evaluations"] for runs in both),
        "seconds": sum(runs[side]["seconds"] for runs in both)}
        for side in ("ours", "IPOPT") if both]


def _versions(given):
    """Counts by kind of version for ours, and for IPOPT where CasADi is installed."""
    from benchmarks import nonlinear_versions as versions

    kinds = list(versions.KINDS) if given.versions == "all" else given.versions.split(",")
    sides = {"ours": ours, "IPOPT": ipopt} if importlib.util.find_spec("casadi") else {"ours": ours}
    rows = versions.sweep(kinds, sides, given.hessian, given.tol, given.problems)
    print(harness.table(versions.summary(rows, sides)))
    if len(sides) == 2:
        print("\nIterations of ours over IPOPT's, runs that both end well\n")
        print(harness.table(versions.ratios(rows)))


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--hessian", choices=("exact", "limited-memory"), default="exact")
    options.add_argument("--tol", type=float, default=1e-8)
    options.add_argument("--problems", type=harness.numbers, help="numbers of the book, 6,71")
    options.add_argument("--versions", nargs="?", const="all", metavar="KINDS",
                         help="other forms of every problem, all kinds or those named with commas")
    given = options.parse_args()
    if given.versions:
        return _versions(given)
    rows = [compare(problem, given.hessian, given.tol) for problem in PROBLEMS
            if not given.problems or problem.number in given.problems]
    print(harness.table(rows))
    print(f"\nHessian {given.hessian}, tolerance {given.tol:g}; the sums are over the problems that "
          f"both solve; seconds of ours include derivatives in Python, IPOPT's compiled ones\n")
    print(harness.table(summary(rows)))


if __name__ == "__main__":
    main()
