"""Do the counts of Newton's method and of the posterior's eigenpairs follow the mesh of a field?

The aquifer of `examples.subsurface_flow`: one truth and one set of readings, made on a mesh finer than
all others, and the most probable field on meshes of 16², 32² and 64² cells. Printed for each are the
numbers of unknowns, iterations and products of newton-cg, the number of eigenvalues above 0.1, the
products of Lanczos' method for them, and the first; --plain takes newton-cg without the metric of the
prior, whose products grow with the mesh. Run from the root of the project:

    python -m benchmarks.fields [--meshes 16,32,64] [--seed 0] [--plain] [--json fields.json]
"""
import argparse
import json
import sys
import time
from pathlib import Path

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pcl
from examples import subsurface_flow

COLUMNS = {"mesh": "{:>6}", "unknowns": "{:>9}", "iterations": "{:>11}", "products": "{:>9}",
           "eigenvalues": "{:>12}", "their products": "{:>15}", "largest": "{:>9.1f}",
           "misfit": "{:>7.2f}", "seconds": "{:>8.1f}"}


def row(n, measured, options):
    """{column: number} of one mesh."""
    wells, observed, sigma, _ = measured
    aquifer = subsurface_flow.Aquifer(n, wells)
    problem = aquifer.problem(observed, sigma)
    begun = time.perf_counter()
    result = pcl.minimize(problem, "newton-cg", progress=False, options=options)
    pairs = result.posterior(rank="auto").directions.pairs
    return {"mesh": n, "unknowns": problem.size, "iterations": result.nit, "products": result.nhvp,
            "eigenvalues": int((pairs.values >= 0.1).sum()), "their products": pairs.products,
            "largest": float(pairs.values[0]),
            "misfit": float((problem.residuals(result.x)[:subsurface_flow.WELLS] ** 2).sum()),
            "seconds": time.perf_counter() - begun}


def main(argv=None):
    """The rows, printed one by one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--meshes", default="16,32,64", help="cells along each side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="without the metric of the prior")
    parser.add_argument("--json", type=Path, help="file for the rows")
    arguments = parser.parse_args(argv)
    meshes = [int(n) for n in arguments.meshes.split(",")]
    measured = subsurface_flow.measured(max(meshes), arguments.seed)
    options = {"preconditioner": lambda v: v} if arguments.plain else None
    print(" ".join(name.rjust(len(form.format(0))) for name, form in COLUMNS.items()))
    rows = []
    for n in meshes:
        rows.append(row(n, measured, options))
        print(" ".join(form.format(rows[-1][name]) for name, form in COLUMNS.items()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return rows


if __name__ == "__main__":
    main()
