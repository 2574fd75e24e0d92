"""What is claimed of each problem, and what the runs {method: {seed: Run}} show.

A claim is a sentence, the figures found, and whether it holds: True, False, or None where the runs are
too short to tell.
"""

import numpy as np

from pcl import diagnose

OTHERS = ("adam", "L-BFGS-B", "BFGS")
TARGET = 2e-14      # the loss at which the published trust region ends on the finite-element problem


def of(setting, runs, case):
    """List of (claim, figures, holds) for one problem; `case` is the seed of the published spectra."""
    return {"static": static, "heat": heat, "fem": finite_elements}[setting.name](setting, runs, case)


def static(setting, runs, case):
    """Of the residuals with noise."""
    return [_lowest(runs, OTHERS, "4 of 5 seeds"), _lowest_after(runs, OTHERS, 1000),
            _no_negative(runs, case, ("BFGS", "trust-exact")),
            _more_positive(runs, case, "trust-exact", "BFGS", "30 against 18")]


def heat(setting, runs, case):
    """Of the heat equation."""
    ratios = [_at(run, 1000) / run.best[0] for run in runs["trust-exact"].values()]
    good = sum(ratio <= 1e-8 for ratio in ratios) >= 0.8 * len(ratios)
    full = all(run.maxiter >= 1000 for run in runs["trust-exact"].values())
    three = sorted(("BFGS", "L-BFGS-B", "trust-exact"), key=lambda m: runs[m][case].loss)
    positive = [runs[m][case].spectrum().positive for m in three]
    sizes = {m: np.median(diagnose.weights(setting.net, runs[m][case].x).cumulative()[0]) for m in three}
    flat = {m: diagnose.saturation(setting.net, runs[m][case].x, setting.middle).fraction.mean()
            for m in three}
    return [
        ("trust-exact: loss / loss at the start ≤ 1e-8 at 1,000 iterations in 4 of 5 seeds",
         _numbers(ratios), good if full else None),
        _lowest(runs, OTHERS, "4 of 5 seeds"), _lowest_after(runs, OTHERS, 1000),
        (f"seed {case}: a lower loss goes with more positive eigenvalues",
         ", ".join(f"{m} {n}" for m, n in zip(three, positive)), positive == sorted(positive)[::-1]),
        (f"seed {case}: the weights of trust-exact are smaller (median magnitude)",
         _named(sizes), min(sizes, key=sizes.get) == "trust-exact"),
        (f"seed {case}: fewer of its activations in the middle are saturated",
         _named(flat), min(flat, key=flat.get) == "trust-exact"),
        _alone(runs, case)]


def finite_elements(setting, runs, case):
    """Of the Poisson equation solved by finite elements."""
    return [
        _median(runs["trust-exact"], 1000, 5e-12, "trust-exact"),
        _median(runs["L-BFGS-B"], 5000, 1e-10, "L-BFGS-B"),
        _sensitivities(runs["levenberg-marquardt"]), *_speed(runs),
        _lowest(runs, ("L-BFGS-B", "BFGS"), "seeds 2, 2333, 23333", (2, 2333, 23333))]


def sensitivity_counts(run):
    """Evaluations of dr/dθ up to each iteration: one at the start and one after each accepted step."""
    accepted = run.history["accepted"].astype(int)
    return 1 + np.concatenate([[0], np.cumsum(accepted[1:])])


def reached(run, target):
    """Seconds until the loss is at most `target`; inf if it never is."""
    hits = np.flatnonzero(run.best <= target)
    return float(run.history["seconds"][hits[0]]) if hits.size else np.inf


def _at(run, iteration):
    return run.best[min(iteration, run.best.size - 1)]


def _lowest(runs, others, wanted, seeds=None):
    seeds = [seed for seed in runs["trust-exact"] if seeds is None or seed in seeds]
    better = [runs["trust-exact"][seed].loss <= min(runs[m][seed].loss for m in others)
              for seed in seeds]
    share = 1.0 if "seeds " in wanted else 0.8
    return (f"trust-exact ends lower than {', '.join(others)} ({wanted})",
            f"{sum(better)} of {len(better)}", sum(better) >= share * len(better))


def _lowest_after(runs, others, iteration):
    better = [_at(run, iteration) <= min(_at(runs[m][seed], iteration) for m in others)
              for seed, run in runs["trust-exact"].items()]
    return (f"trust-exact is lower than {', '.join(others)} after {iteration:,} iterations each "
            "(4 of 5 seeds)", f"{sum(better)} of {len(better)}", sum(better) >= 0.8 * len(better))


def _no_negative(runs, case, methods):
    found = {m: runs[m][case].spectrum().negative for m in methods}
    return f"seed {case}: no negative eigenvalue at the end", _named(found), not any(found.values())


def _more_positive(runs, case, first, second, published):
    found = {m: runs[m][case].spectrum().positive for m in (first, second)}
    return (f"seed {case}: {first} ends with more positive eigenvalues than {second} "
            f"({published} published)", _named(found), found[first] > found[second])


def _alone(runs, case):
    found = {m: (each[case].spectrum().positive, each[case].spectrum(alone=True).positive)
             for m, each in runs.items()}
    return (f"seed {case}: without the equation there are more positive eigenvalues",
            ", ".join(f"{m} {a} → {b}" for m, (a, b) in found.items()),
            all(b > a for a, b in found.values()))


def _median(each, iteration, limit, method):
    found = [_at(run, iteration) for run in each.values()]
    full = all(run.maxiter >= iteration for run in each.values())
    holds = bool(np.median(found) <= limit) if full else None
    return (f"{method}: median loss ≤ {limit:g} at {iteration:,} iterations",
            f"median {np.median(found):.1e} of {_numbers(found)}", holds)


def _sensitivities(each):
    found = [run.best[sensitivity_counts(run) <= 500].min() for run in each.values()]
    return ("levenberg-marquardt: median loss ≤ 2e-14 within 500 evaluations of dr/dθ",
            f"median {np.median(found):.1e} of {_numbers(found)}", bool(np.median(found) <= TARGET))


def _speed(runs):
    ours = np.median([reached(run, TARGET) for run in runs["levenberg-marquardt"].values()])
    slow = np.median([reached(run, TARGET) for run in runs["trust-exact"].values()])
    spent = np.median([run.history["seconds"][-1] for run in runs["trust-exact"].values()])
    other = f"{slow:.0f} s" if np.isfinite(slow) else f"not reached in {spent:.0f} s"
    bound = slow if np.isfinite(slow) else spent
    holds = bool(30.0 * ours <= bound) if np.isfinite(ours) else False
    yield ("levenberg-marquardt reaches 2e-14 in a thirtieth of the time of trust-exact (medians)",
           f"{ours:.1f} s against {other}, {bound / ours:.0f} times", holds)


def _numbers(values):
    return ", ".join(f"{value:.1e}" for value in values)


def _named(values):
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())
