"""Versions of the collection: permuted, scaled, shifted, perturbed; judged in the units of the original.

good   success, at a known optimum
local  success, at another point of first order (multipliers found anew, by least squares)
miss   no success
lie    success at a point that is not feasible or not of first order
"""
import collections

import numpy as np
from scipy.optimize import lsq_linear

from benchmarks import nonlinear_programs as programs
from tests.interior_point.hock_schittkowski import PROBLEMS
from tests.interior_point.hock_schittkowski.program import DualProgram
from tests.interior_point.hock_schittkowski.versions import KINDS, versions

VIOLATION = 1e-5    # largest violation, over 1 + the row's max|J|
ACTIVE = 1e-4       # distance from a side that may carry a multiplier, over the same or 1 + |x|
GAP = 1e-3          # largest stationarity residual, over 1 + max|∇f|
VERDICTS = ("good", "local", "miss", "lie")


def verdict(version, run):
    """One of the words above for a run on a version."""
    if not run["success"]:
        return "miss"
    problem = version.original
    x = version.back(run["x"])
    program = DualProgram(problem)
    if not violation(program, x) <= VIOLATION:
        return "lie"
    limit = programs.RIGHT if problem.multipliers else programs.LOOSE
    if programs.distance(problem, program.objective(x)) < limit:
        return "good"
    return "local" if gap(program, x) <= GAP else "lie"


def violation(program, x):
    """The largest violation of rows and bounds, over their sizes."""
    c, size = program.constraints(x), 1.0 + np.abs(program.jacobian(x)).max(axis=1, initial=0.0)
    rows = np.maximum(program.c_lower - c, c - program.c_upper) / size
    box = np.maximum(program.x_lower - x, x - program.x_upper) / (1.0 + np.abs(x))
    return float(np.concatenate((rows, box)).max(initial=0.0))


def gap(program, x):
    """min ‖∇f + Jᵀλ − z‖∞ / (1 + ‖∇f‖∞) over multipliers of the right signs at the active sides."""
    g, J, c = program.gradient(x), program.jacobian(x), program.constraints(x)
    A = np.vstack((J, np.eye(x.size)))
    value = np.concatenate((c, x))
    size = ACTIVE * (1.0 + np.concatenate((np.abs(J).max(axis=1, initial=0.0), np.abs(x))))
    below = value - np.concatenate((program.c_lower, program.x_lower)) <= size
    above = np.concatenate((program.c_upper, program.x_upper)) - value <= size
    held = below | above
    if not held.any():
        return float(np.abs(g).max() / (1.0 + np.abs(g).max()))
    lengths = np.maximum(np.linalg.norm(A[held], axis=1), 1e-300)
    found = lsq_linear((A[held] / lengths[:, None]).T, -g, method="bvls", bounds=(
        np.where(below[held], -np.inf, 0.0), np.where(above[held], np.inf, 0.0) + 1e-300))
    return float(np.abs(found.fun).max() / (1.0 + np.abs(g).max()))


def sweep(kinds, sides, hessian, tol, numbers=None, report=None):
    """One row for every run: problem, kind, seed, and every side's verdict, end and counts."""
    rows = []
    for problem in PROBLEMS:
        if numbers and problem.number not in numbers:
            continue
        for kind in kinds:
            for seed, version in enumerate(versions(problem, kind)):
                row = {"problem": problem.name, "kind": kind, "seed": seed}
                for side, solver in sides.items():
                    run = solver(version.problem, hessian, tol)
                    row[side] = {"verdict": verdict(version, run), "end": run["end"],
                                 "iterations": run["iterations"], "evaluations": run["evaluations"]}
                rows.append(row)
                if report:
                    report(row)
    return rows


def summary(rows, sides):
    """Counts by kind and side, with iterations over the runs that every side ends well."""
    table = []
    for kind in [*KINDS, "all"]:
        chosen = [row for row in rows if kind in (row["kind"], "all")]
        if not chosen:
            continue
        both = [row for row in chosen if all(row[side]["verdict"] in VERDICTS[:2] for side in sides)]
        for side in sides:
            counts = collections.Counter(row[side]["verdict"] for row in chosen)
            table.append({
                "versions": kind, "side": side, "runs": len(chosen),
                **{word: counts[word] for word in VERDICTS},
                "iterations": sum(row[side]["iterations"] for row in both),
                "evaluations": sum(row[side]["evaluations"] for row in both)})
    return table


def ratios(rows):
    """Shares of the runs that both end well in which ours takes over 1, 1.5, 2 and 4 times IPOPT's."""
    pairs = [(row["ours"]["iterations"], max(row["IPOPT"]["iterations"], 1)) for row in rows
             if all(row[side]["verdict"] in VERDICTS[:2] for side in ("ours", "IPOPT"))]
    quotients = np.array([a / b for a, b in pairs])
    if quotients.size == 0:
        return []
    return [{"both end well": quotients.size, "median ratio": float(np.median(quotients)),
             "total ratio": float(sum(a for a, _ in pairs) / sum(b for _, b in pairs)),
             **{f"over {limit}": int((quotients > limit).sum()) for limit in (1.5, 2, 4)}}]
