"""How often the 95 % interval holds the truth, over many draws of the noise.

    python -m benchmarks.coverage [--draws 100] [--cases lorenz,heat] [--jobs 2] [--quick]

Default arguments throughout: elements, scheme, scaling, errors. Of each quantity: the share of draws
whose interval  estimate ± t₀.₉₇₅ · standard error  holds the truth; the mean of (estimate − truth)/error,
0 ± 1/√draws without bias; and its standard deviation, 1 if the errors have the right size. A draw that
fails, or has no standard errors, counts as one that does not hold the truth, and is named.
--quick: 20 draws, without the fed batch whose σ is given.
"""
import os
import sys

import numpy as np

from benchmarks.harness import progress

LEVEL = 0.95


def options(arguments=None):
    """The command line."""
    from benchmarks import trials
    from benchmarks.coverage_cases import CASES, QUICK

    parser = trials.parser(__doc__.split("\n")[0], CASES)
    parser.add_argument("--draws", type=int, default=100, help="draws of the noise for each case")
    parser.add_argument("--quick", action="store_true", help="20 draws of " + ", ".join(QUICK))
    found = parser.parse_args(arguments)
    if found.quick:
        found.draws, found.cases = 20, [name for name in found.cases if name in QUICK]
    return found


def drawn(case, seed):
    """({quantity: (estimate, error, truth, freedom)}, None), or (None, reason)."""
    import warnings

    from benchmarks.coverage_cases import CASES

    warnings.simplefilter("ignore")
    try:
        return CASES[case](seed), None
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        return None, f"{case}, draw {seed}: {type(error).__name__}: {error}"


def summary(case, draws, level=LEVEL):
    """Rows of the table from what `drawn` returned for all seeds."""
    for reason in filter(None, (reason for _, reason in draws)):
        progress(reason)
    good = [found for found, _ in draws if found is not None]
    return [_row(case, name, np.array([found[name] for found in good]), len(draws), level)
            for name in (good[0] if good else ())]


def _row(case, name, numbers, draws, level):
    from scipy import stats

    estimate, error, truth, freedom = numbers.T
    deviation = (estimate - truth) / error
    held = np.abs(deviation) <= stats.t.ppf(0.5 + level / 2.0, freedom)
    return {"case": case, "quantity": name, "draws": draws, "held %": 100.0 * held.sum() / draws,
            "mean": deviation.mean(), "spread": deviation.std(ddof=1),
            "error/truth": float(np.median(error / np.abs(truth)))}


def main(arguments=None):
    """Draw, fit, and print the table."""
    from benchmarks import trials

    chosen = options(arguments)
    rows = trials.table_of(chosen, chosen.draws, drawn, summary)
    title = f"{chosen.draws} draws; held: share of {100 * LEVEL:.0f} % intervals with the truth"
    trials.report(title, rows, chosen.json)
    return rows


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main() is None)
