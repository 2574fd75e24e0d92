"""How often an interval or a band holds the truth, over many draws of the noise.

    python -m benchmarks.coverage [--draws 100] [--cases lorenz,heat] [--jobs 2] [--quick] [--log PATH]

Numbers with default arguments throughout: of each the share of draws whose 95 % interval
estimate ± t₀.₉₇₅ · standard error  holds the truth; the mean of (estimate − truth)/error, 0 ± 1/√draws
without bias; and its standard deviation, 1 if the errors have the right size. Bands of the posterior
("κ(x) network" and others, see `coverage_bands`): the same of 90 % bands at single points, the error
being that of a normal band of their width. A draw that fails counts as one that does not hold the truth,
and is named.
--quick: 20 draws, without the fed batch whose σ is given and without bands.
"""
import os
import sys

import numpy as np

from benchmarks.harness import progress

LEVEL, BAND_LEVEL = 0.95, 0.9


def options(arguments=None):
    """The command line."""
    from benchmarks import trials
    from benchmarks.coverage_bands import BANDS
    from benchmarks.coverage_cases import CASES, QUICK

    parser = trials.parser(__doc__.split("\n")[0], {**CASES, **BANDS})
    parser.add_argument("--draws", type=int, default=100, help="draws of the noise for each case")
    parser.add_argument("--quick", action="store_true", help="20 draws of " + ", ".join(QUICK))
    found = parser.parse_args(arguments)
    if found.quick:
        found.draws, found.cases = 20, [name for name in found.cases if name in QUICK]
    return found


def drawn(case, seed):
    """({quantity: numbers}, None), or (None, reason); the numbers of one draw as the case has them."""
    import warnings

    from benchmarks.coverage_bands import BANDS
    from benchmarks.coverage_cases import CASES

    warnings.simplefilter("ignore")
    try:
        return {**CASES, **BANDS}[case](seed), None
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        return None, f"{case}, draw {seed}: {type(error).__name__}: {error}"


def summary(case, draws):
    """Rows of the table from what `drawn` returned for all seeds."""
    from benchmarks.coverage_bands import BANDS

    for reason in filter(None, (reason for _, reason in draws)):
        progress(reason)
    good, row = [found for found, _ in draws if found is not None], _band if case in BANDS else _number
    return [{"case": case, "quantity": name, "draws": len(draws),
             **row(np.array([found[name] for found in good], dtype=float), len(draws))}
            for name in (good[0] if good else ())]


def _number(numbers, draws, level=LEVEL):
    from scipy import stats

    estimate, error, truth, freedom = numbers.T
    deviation = (estimate - truth) / error
    held = np.abs(deviation) <= stats.t.ppf(0.5 + level / 2.0, freedom)
    return _columns(held, draws, deviation, error, truth)


def _band(numbers, draws, level=BAND_LEVEL):
    from scipy import stats

    lower, value, upper, truth, _ = numbers.T
    error = 0.5 * (upper - lower) / stats.norm.ppf(0.5 + level / 2.0)
    held = (lower <= truth) & (truth <= upper)
    return _columns(held, draws, (value - truth) / error, error, truth)


def _columns(held, draws, deviation, error, truth):
    return {"held %": 100.0 * held.sum() / draws, "mean": deviation.mean(),
            "spread": deviation.std(ddof=1), "error/truth": float(np.median(error / np.abs(truth)))}


def main(arguments=None):
    """Draw, fit, and print the table."""
    from benchmarks import trials

    chosen = options(arguments)
    rows = trials.table_of(chosen, chosen.draws, drawn, summary)
    title = (f"{chosen.draws} draws; held: share of {100 * LEVEL:.0f} % intervals, or "
             f"{100 * BAND_LEVEL:.0f} % bands, with the truth")
    trials.report(title, rows, chosen.json)
    return rows


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main() is None)
