"""Is the assembly of a vector form slower per entry than that of a scalar one?

Matrices of P2 forms on n × n × 2 triangles from coefficients at the points: κ∇u·∇v of a scalar field, and
λ div u div v + 2μ ε(u) : ε(v) of a displacement, both by `Space.matrix(form)`. Timed is what every new
coefficient costs, once the pattern is there: the entries from the coefficients, in one process, on one
thread, in turn. Run from the root of the project:

    python -m benchmarks.assembly
"""
import statistics
import sys
import time
from pathlib import Path

import numpy as np

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import harness, square


def forms(n):
    """{name: (the coefficients' pattern, coefficients)} of the two."""
    import fem
    from pcl.nodes.linear.pattern import pattern_of

    def conduction(u, x):
        return {"u": {"gradient": u.gradient * (1.0 + x[:, :1])}}

    def elasticity(u, x):
        stress = u.divergence[:, None, None] * np.eye(2) + 1.6 * fem.sym(u.gradient)
        return {"u": {"gradient": stress * (1.0 + x[:, :1, None])}}
    found = {}
    for name, element, form in (("scalar", "P2", conduction), ("vector", fem.vector("P2"), elasticity)):
        matrix = fem.Space(square.mesh(n), element).matrix(form)
        found[name] = pattern_of(matrix.structures), [np.asarray(c) for c in matrix.coefficients]
    return found


def measure(n, repeats):
    """The rows of the table for the n × n × 2 mesh."""
    sides, seconds = forms(n), {"scalar": [], "vector": []}
    for _ in range(repeats + 1):
        for name, (pattern, coefficients) in sides.items():
            begun = time.process_time()
            pattern.matrix(coefficients)
            seconds[name].append(time.process_time() - begun)
    return [{"mesh": f"{n}x{n}", "form": name, "entries": len(pattern.indices),
             "ms": 1e3 * statistics.median(seconds[name][1:]),
             "ns an entry": 1e9 * statistics.median(seconds[name][1:]) / len(pattern.indices)}
            for name, (pattern, _) in sides.items()]


def main(arguments=None):
    """Print the table."""
    parser = harness.parser("Assembly of a vector form and of a scalar one.")
    parser.add_argument("--meshes", type=harness.numbers, default=[32, 100], help="cells per direction")
    options = parser.parse_args(arguments)
    options.threads = 1
    rows = [row for n in options.meshes for row in measure(n, options.repeats)]
    harness.report("Assembly from coefficients at points, P2", rows, options)
    return rows


if __name__ == "__main__":
    main()
