"""How often the 95 % interval holds the truth, over many draws of the noise.

    python -m benchmarks.coverage [--draws 100] [--cases lorenz,heat] [--jobs 2] [--quick]

Default arguments throughout: elements, scheme, scaling, errors. Of each quantity: the share of draws
whose interval  estimate ± t₀.₉₇₅ · standard error  holds the truth; the mean of (estimate − truth)/error,
0 ± 1/√draws without bias; and its standard deviation, 1 if the errors have the right size. A draw that
fails, or has no standard errors, counts as one that does not hold the truth, and is named.
--quick: 20 draws.
"""
import argparse
import json
import os
import sys
import time

import numpy as np

LEVEL = 0.95


def options(arguments=None):
    """The command line."""
    from benchmarks.coverage_cases import CASES

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=100, help="draws of the noise for each case")
    parser.add_argument("--quick", action="store_true", help="20 draws")
    parser.add_argument("--cases", type=lambda text: text.split(","), default=list(CASES))
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count()), help="processes")
    parser.add_argument("--json", metavar="PATH", help="also write the numbers there")
    found = parser.parse_args(arguments)
    unknown = [name for name in found.cases if name not in CASES]
    if unknown:
        parser.error(f"no case {unknown[0]!r}; known are {', '.join(CASES)}")
    found.draws = 20 if found.quick else found.draws
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
    from joblib import Parallel, delayed

    from benchmarks.harness import progress, table

    chosen, rows = options(arguments), []
    for case in chosen.cases:
        begun = time.perf_counter()
        draws = Parallel(n_jobs=chosen.jobs)(delayed(drawn)(case, seed) for seed in range(chosen.draws))
        for reason in filter(None, (reason for _, reason in draws)):
            progress(reason)
        rows += summary(case, draws)
        progress(f"{case}: {chosen.draws} draws, {time.perf_counter() - begun:.0f} s")
    print(f"\n{chosen.draws} draws; held: share of {100 * LEVEL:.0f} % intervals with the truth\n")
    print(table(rows))
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    return rows


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main() is None)
