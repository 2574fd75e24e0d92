"""Own time of an iteration on problems of COPS: our interior point beside IPOPT.

    python -m benchmarks.cops [--problems chain,robot] [--large 5000] [--repeats 3]

Own time is the processor's time of a solve without the evaluations of objective, rows and derivatives,
which are CasADi's functions on both sides; one thread, medians of alternating runs. IPOPT is CasADi's,
with MUMPS, its defaults and the same tolerance. Rows are in the order of the unknowns.
"""
import os
import statistics
import time

if __name__ == "__main__":                        # before NumPy is imported: one thread
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import scipy.sparse as sp

from benchmarks import harness

TOL, MAXITER = 1e-8, 500
SAME = 1e-5                 # relative: objectives that count as the same


class Counted:
    """A case as a program; `seconds` of the processor are those inside its functions."""

    def __init__(self, case):
        import casadi

        x, f, c = case.x, case.f, case.c
        self.n, self.m = x.shape[0], c.shape[0]
        self.x_lower, self.x_upper = case.lower, case.upper
        self.c_lower, self.c_upper = case.c_lower, case.c_upper
        lam, sigma = casadi.SX.sym("lam", self.m), casadi.SX.sym("sigma")
        W = casadi.hessian(sigma * f + casadi.dot(lam, c), x)[0]
        J = casadi.jacobian(c, x)
        self._places = {"J": self._pattern(J), "W": self._pattern(W)}
        self._functions = {
            name: casadi.Function(name, arguments, [value])
            for name, arguments, value in (
                ("f", [x], f), ("g", [x], casadi.densify(casadi.gradient(f, x))),
                ("c", [x], casadi.densify(c)), ("J", [x], J), ("W", [x, lam, sigma], W))}
        self._buffers = {name: function.buffer() for name, function in self._functions.items()}
        self.seconds = 0.0

    @staticmethod
    def _pattern(A):
        column, row = A.sparsity().get_ccs()
        return np.array(row, dtype=np.int32), np.array(column, dtype=np.int32), A.shape

    def _values(self, name, *arguments):
        buffer, call = self._buffers[name]
        given = [np.ascontiguousarray(a, dtype=float) for a in arguments]
        for k, a in enumerate(given):
            buffer.set_arg(k, memoryview(a))
        out = np.zeros(self._functions[name].nnz_out(0))
        buffer.set_res(0, memoryview(out))
        call()
        return out

    def _matrix(self, name, *arguments):
        row, column, shape = self._places[name]
        return sp.csc_array((self._values(name, *arguments), row, column), shape=shape)

    def _timed(self, function, *arguments):
        start = time.process_time()
        try:
            return function(*arguments)
        finally:
            self.seconds += time.process_time() - start

    def objective(self, x):
        """f(x)."""
        return self._timed(self._values, "f", x)[0]

    def gradient(self, x):
        """∇f(x)."""
        return self._timed(self._values, "g", x)

    def constraints(self, x):
        """c(x)."""
        return self._timed(self._values, "c", x)

    def jacobian(self, x):
        """J(x)."""
        return self._timed(self._matrix, "J", x)

    def hessian(self, x, lam, sigma):
        """W(x, λ, σ)."""
        return self._timed(self._matrix, "W", x, lam, np.array([sigma]))

    def row_name(self, j):
        """By number."""
        return f"row {j}"

    def variable_name(self, i):
        """By number."""
        return f"x[{i}]"


def ours(program, start, **options):
    """{what: value} of `pcl.interior_point.solve`."""
    from pcl.interior_point import solve

    program.seconds, begun = 0.0, time.process_time()
    found = solve(program, start, tol=TOL, maxiter=MAXITER, **options)
    seconds = time.process_time() - begun
    return {"ms": 1e3 * (seconds - program.seconds) / max(found.nit, 1), "iterations": found.nit,
            "factorisations": found.counts["factorisations"], "fun": found.fun,
            "end": found.status.name.lower()}


def ipopt_of(case):
    """A function of no arguments: {what: value} of CasADi's IPOPT."""
    import casadi

    solver = casadi.nlpsol("solver", "ipopt", {"x": case.x, "f": case.f, "g": case.c}, {
        "print_time": False, "show_eval_warnings": False, "record_time": True, "ipopt.print_level": 0,
        "ipopt.sb": "yes", "ipopt.tol": TOL, "ipopt.max_iter": MAXITER})

    def run():
        answer = solver(x0=case.start, lbx=case.lower, ubx=case.upper, lbg=case.c_lower,
                        ubg=case.c_upper)
        stats = solver.stats()
        inside = sum(value for name, value in stats.items() if name.startswith("t_proc_nlp"))
        return {"ms": 1e3 * (stats["t_proc_total"] - inside) / max(stats["iter_count"], 1),
                "iterations": stats["iter_count"], "fun": float(answer["f"]),
                "end": "solved" if stats["success"] else stats["return_status"]}
    return run


def compare(make, size, repeats):
    """One row of the table."""
    case = make(size)
    program, peer = Counted(case), ipopt_of(case)
    runs = [(ours(program, case.start), peer()) for _ in range(repeats)]
    (us, them), (mine, theirs) = runs[0], ([run[k]["ms"] for run in runs] for k in (0, 1))
    apart = abs(us["fun"] - them["fun"]) / max(1.0, abs(them["fun"]))
    return {"problem": make.__name__, "n": program.n, "rows": program.m, "our it": us["iterations"],
            "our fact": us["factorisations"], "IPOPT it": them["iterations"], "our end": us["end"],
            "same f": "yes" if apart <= SAME else f"{us['fun']:.6g} {them['fun']:.6g}",
            "our ms/it": statistics.median(mine), "IPOPT ms/it": statistics.median(theirs),
            "ratio": statistics.median(a / b for a, b in zip(mine, theirs))}


def main():
    from benchmarks.cops_cases import CASES

    options = harness.parser(__doc__.splitlines()[0])
    options.set_defaults(threads=1, repeats=3)
    options.add_argument("--problems", type=lambda text: text.split(","), help="default: all")
    options.add_argument("--large", type=int, default=5000, help="unknowns from which a case is large")
    options.add_argument("--sizes", type=int, choices=(0, 1), help="only the first, the second size")
    given = options.parse_args()
    rows = []
    for make, sizes in CASES.items():
        for size in sizes if given.sizes is None else sizes[given.sizes:given.sizes + 1]:
            if not given.problems or make.__name__ in given.problems:
                rows.append(compare(make, size, given.repeats))
                harness.progress(" ".join(str(value) for value in rows[-1].values()))
    harness.report("Own time of an iteration", sorted(rows, key=lambda row: row["n"]), given)
    for name, chosen in (("all", rows), (f"above {given.large} unknowns",
                                         [row for row in rows if row["n"] > given.large])):
        if chosen:
            print(f"median ratio, {name}: {statistics.median(row['ratio'] for row in chosen):.2f}")


if __name__ == "__main__":
    main()
