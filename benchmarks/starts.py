"""Does a fit say success where another start finds a better one?

    python -m benchmarks.starts [--starts 10] [--cases pendulum,tanks] [--jobs 2] [--quick]

Every estimation problem of the examples and benchmarks, with default arguments, from its own start
(number 0) and from drawn ones: starting values of numbers, or seeds of weights. A success is false if its
misfit is more than 5 % above the best of all starts; a misfit below 1e-6 of the spread of the data counts
as that much. A fit with a law minimises its objective, misfit plus weight decay, of which minima almost
equal may have unequal misfits: the last columns judge successes by it. --quick: three starts.
"""
import os
import sys
import time

from benchmarks.harness import progress

ABOVE, FLOOR = 0.05, 1e-6


def options(arguments=None):
    """The command line."""
    from benchmarks import trials
    from benchmarks.starts_cases import CASES

    parser = trials.parser(__doc__.split("\n")[0], CASES)
    parser.add_argument("--starts", type=int, default=10, choices=range(1, 11), metavar="1 … 10")
    parser.add_argument("--quick", action="store_true", help="three starts")
    found = parser.parse_args(arguments)
    found.starts = 3 if found.quick else found.starts
    return found


def fitted(case, number):
    """(success, misfit, objective, spread, seconds, what was raised)."""
    import warnings

    from benchmarks.starts_cases import CASES

    warnings.simplefilter("ignore")
    begun = time.perf_counter()
    try:
        return *CASES[case](number), time.perf_counter() - begun, ""
    except (ValueError, ArithmeticError) as error:
        said = f"{type(error).__name__}: {error}"
        return False, float("inf"), float("inf"), 1.0, time.perf_counter() - begun, said


def summary(case, runs):
    """One row: how many are successful, how many of them falsely, and how many reach the best."""
    for number, (*_, raised) in enumerate(runs):
        if raised:
            progress(f"{case}, start {number}: {raised}")
    floor = FLOOR * max(spread for _, _, _, spread, *_ in runs)
    success = [run[0] for run in runs]
    best, misfits = _relative([run[1] for run in runs], floor)
    _, objectives = _relative([run[2] for run in runs], floor)
    return [{"case": case, "starts": len(runs), "success": sum(success),
             "false success": _above(misfits, success),
             "at the best": sum(misfit <= 1.0 + ABOVE for misfit in misfits), "best misfit": best,
             "worst success/best": _worst(misfits, success),
             "false in objective": _above(objectives, success),
             "worst in objective": _worst(objectives, success),
             "seconds": sorted(run[4] for run in runs)[len(runs) // 2],
             "raised": sum(bool(raised) for *_, raised in runs)}]


def _relative(values, floor):
    """(the least, values relative to it), all at least `floor`."""
    values = [max(value, floor) for value in values]
    best = min(values)
    return best, [value / best if best < float("inf") else float("inf") for value in values]


def _above(values, success):
    """How many successes are above the best by more than `ABOVE`."""
    return sum(claimed and value > 1.0 + ABOVE for value, claimed in zip(values, success))


def _worst(values, success):
    return max((value for value, claimed in zip(values, success) if claimed), default=float("nan"))


def main(arguments=None):
    """Fit from all starts, and print the table."""
    from benchmarks import trials

    chosen = options(arguments)
    rows = trials.table_of(chosen, chosen.starts, fitted, summary)
    trials.report(f"{chosen.starts} starts of each case", rows, chosen.json)
    return rows


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main() is None)
