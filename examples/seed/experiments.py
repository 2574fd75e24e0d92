"""Does the trust region train networks inside equations better than ADAM, L-BFGS-B and BFGS?

Three problems (`static_poisson`, `heat`, `fem_poisson`), six methods, five starts, the same for all.
From the root of the project:

    OPENBLAS_NUM_THREADS=1 python -m examples.seed.experiments

writes {static,heat,fem}.md with the claims, tables and figures into docs/seed. Each finished run is a
file in figures/seed, each unfinished one has a checkpoint there: the same command goes on after an
interruption. --short takes tiny meshes and networks and a minute. With --only, problems can run side by
side.

Numbers to expect: 90 runs, about five hours on one core; see the pages.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true", help="tiny problems, few iterations")
    parser.add_argument("--only", nargs="+", choices=("static", "heat", "fem"), metavar="PROBLEM",
                        help="some of static, heat, fem")
    parser.add_argument("--out", type=pathlib.Path, help="pages and figures; docs/seed, with --short "
                        "figures/seed-short")
    parser.add_argument("--runs", type=pathlib.Path, help="finished and unfinished runs; figures/seed, "
                        "with --short figures/seed-short/runs")
    arguments = parser.parse_args()

import dataclasses

from examples.seed import common, fem_poisson, figures, heat, report, saved, static_poisson


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is run of one problem.

    Attributes
    ----------
    make : function without arguments → setting
    limits : dict {method: iterations}
    seeds : tuple
    case : int, the seed of the published spectra, and of the runs recorded
    recorded : methods whose counts and angles are recorded along the run
    every : int, iterations between two records
    """

    make: object
    limits: dict
    seeds: tuple
    case: int
    recorded: tuple = ()
    every: int = 20


def _limits(trust, least_squares, bfgs=5000):
    return {"adam": 5000, "L-BFGS-B": 5000, "BFGS": bfgs, "ssbroyden": bfgs, "trust-exact": trust,
            "levenberg-marquardt": least_squares}


PLANS = {
    "static": Plan(static_poisson.Setting, _limits(5000, 500), common.SEEDS, 23,
                   ("BFGS", "trust-exact")),
    "heat": Plan(heat.Setting, _limits(1000, 500, 1000), common.SEEDS, 233),
    "fem": Plan(fem_poisson.Setting, _limits(3500, 1000), common.SEEDS, 2333),
}


def short(plan):
    """The same on 5 nodes a side, with 6 units, two seeds that start admissible, few iterations."""
    def make():
        return plan.make(n=5, widths=(6, 1))
    return dataclasses.replace(plan, make=make, limits=common.SHORT, seeds=(23, 2333), case=23,
                               every=5)


def main(out, runs, plans=None, progress=None):
    """Run what is missing in the directory `runs` and write pages and figures into `out`.

    Parameters
    ----------
    out, runs : pathlib.Path
    plans : dict {problem: Plan}, optional
        All of them if None.

    Returns
    -------
    dict {problem: {method: {seed: saved.Run}}}
    """
    for directory in (out, runs):
        directory.mkdir(parents=True, exist_ok=True)
    return {name: _experiment(plan, out, runs, progress)
            for name, plan in (PLANS if plans is None else plans).items()}


def _experiment(plan, out, folder, progress):
    setting = plan.make()
    runs = {method: {} for method in plan.limits}
    for seed in plan.seeds:
        for method in plan.limits:
            runs[method][seed] = saved.train(setting, method, seed, plan.limits[method], folder,
                                             progress)
    records = {method: saved.record(setting, method, plan.case, plan.limits[method], plan.every, folder,
                                    progress) for method in plan.recorded}
    paths = figures.draw(setting, runs, records, out)
    text = report.page(setting, runs, plan.case, paths)
    (out / f"{setting.name}.md").write_text(text, encoding="utf-8")
    return runs


if __name__ == "__main__":
    home = pathlib.Path("figures/seed-short" if arguments.short else "docs/seed")
    store = pathlib.Path("figures/seed-short/runs" if arguments.short else "figures/seed")
    chosen = {name: short(PLANS[name]) if arguments.short else PLANS[name]
              for name in arguments.only or PLANS}
    destination = arguments.out or home
    main(destination, arguments.runs or store, chosen)
    for name in chosen:
        print((destination / f"{name}.md").resolve())
