"""Does `pcl.dae.fit` with default arguments reach published optima to the printed digits?

    python -m benchmarks.estimation [--cases Misra1a,marine] [--jobs 1] [--log PATH] [--quick] [--check]

Every case is fitted from three starts: published ones, then drawn ones. With --log every fit is noted as
soon as it is done, and none is done again. --quick: one start. --check: the same optima by another way,
which proves data and models right: scipy's integrator LSODA and its least squares, from the published
values.
"""
import math
import os
import sys
import time
import warnings

if __name__ == "__main__":                        # before NumPy is imported: one thread
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1",
                      TF_NUM_INTEROP_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3")


def cases():
    """{name: Case}."""
    from benchmarks import published_biology, published_kinetics, published_regression
    every = (*published_regression.CASES, *published_kinetics.CASES, *published_biology.CASES)
    return {case.name: case for case in every}


def options(arguments=None):
    """The command line."""
    from benchmarks import trials
    parser = trials.parser(__doc__.split("\n")[0], cases())
    parser.add_argument("--quick", action="store_true", help="one start")
    parser.add_argument("--check", action="store_true", help="the optima by shooting instead")
    return parser.parse_args(arguments)


def fitted(name, number):
    """{what a fit of a case from a start has found: its value}."""
    from benchmarks.published import known
    warnings.simplefilter("ignore")
    case, begun = cases()[name], time.process_time()
    try:
        found = case.fit(number)
    except (ValueError, ArithmeticError) as error:
        return {"success": False, "raised": f"{type(error).__name__}: {error}", "least": math.nan,
                "values": {}, "errors": {}, "iterations": 0, "elements": 0, "seconds": 0.0}
    seconds = time.process_time() - begun
    return {"success": found.success, "raised": "", "least": case.measure(found),
            "values": {each: known(found, each) for each in case.parameters},
            "errors": _errors(case, found),
            "iterations": sum(stage.iterations for stage in found.stages),
            "elements": int(found.setting.elements.E), "seconds": seconds}


def _errors(case, found):
    from benchmarks.published import error_of
    from pcl.dae.result.uncertainty import Undetermined
    try:
        return {each: error_of(found, each) for each in case.errors}
    except Undetermined:
        return {}


def reached(case, run):
    """Whether a run has the printed optimum and values, all digits of them."""
    from benchmarks.published import reproduced
    return (not case.least or reproduced(run["least"], case.least)) and all(
        name in run["values"] and reproduced(run["values"][name], printed)
        for name, printed in case.parameters.items())


def summary(name, runs):
    """The row of a case: the best run and how many starts reach the printed values."""
    case = cases()[name]
    best = min(runs, key=lambda run: math.inf if math.isnan(run["least"]) else run["least"])
    ratio = [best["errors"][each] / float(printed) for each, printed in case.errors.items()
             if each in best["errors"]]
    seconds = sorted(run["seconds"] for run in runs)
    return [{"case": name, "data": "measured" if case.measured else "simulated",
             "published": case.least or "—", "here": f"{best['least']:.8g}",
             "starts that reach it": f"{sum(reached(case, run) for run in runs)} of {len(runs)}",
             "starts at the best": sum(run["least"] <= best["least"] * (1.0 + 1e-4) for run in runs),
             "success": sum(run["success"] for run in runs),
             "iterations": ", ".join(str(run["iterations"]) for run in runs),
             "elements": best["elements"], "s": seconds[len(seconds) // 2],
             "errors / published": f"{min(ratio):.2f}–{max(ratio):.2f}" if ratio else "—"}]


def checked(name, _):
    """(least, {name: value}) by shooting."""
    from benchmarks.shooting import optimum
    return optimum(cases()[name])


def compared(name, found):
    """The row of a check."""
    case, (least, values) = cases()[name], found[0]
    return [{"case": name, "published": case.least or "—", "by shooting": f"{least:.9g}",
             **{each: f"{values[each]:.7g}" for each in case.parameters}}]


def main(arguments=None):
    """Fit from all starts, and print the table."""
    from benchmarks import trials
    from benchmarks.published import STARTS

    chosen = options(arguments)
    if chosen.check:
        for name in chosen.cases:
            trials.report(name, compared(name, [checked(name, 0)]), None)
        return []
    count = 1 if chosen.quick else STARTS
    rows = trials.table_of(chosen, count, fitted, summary)
    trials.report(f"Published optima, {count} starts of each case", rows, chosen.json)
    return rows


if __name__ == "__main__":
    sys.exit(main() is None)
