"""Many experiments on two processes: how close to two runs that know nothing of each other?

    python -m benchmarks.experiments [--experiments 64] [--n 32] [--rounds 5] [--iterations 20]
    python -m benchmarks.experiments --small 10000

κ by a network of 921 weights on n×n squares, a source of its own for each experiment, 50 readings each.

speed   Σ of all experiments on two workers, beside two other processes that work through one half each
        and tell nobody: value and gradient, and the Hessian, in turn at new θ. Processors may be shared
        with others, so only ratios in one run count. Asked: at least 0.85.
bits    θ after some iterations of L-BFGS-B: serial, threads, processes, and processes of which one is
        killed in mid-run.
small   one value and gradient of many small experiments of which each worker keeps 500: its memory.
"""
import os
import signal
import statistics
import sys
import time

import numpy as np

from benchmarks.experiments_cases import Flow, Small, apart, memory, pid
from benchmarks.harness import numbers, parser, progress, report

ASKED = 0.85
KEPT = 500


def options(arguments=None):
    """The command line."""
    found = parser(__doc__.split("\n")[0])
    found.add_argument("--experiments", type=int, default=64)
    found.add_argument("--n", type=int, default=32, help="squares along a side")
    found.add_argument("--rounds", type=int, default=5, help="of gradients; a third of it of Hessians")
    found.add_argument("--iterations", type=int, default=20, help="of L-BFGS-B; 0 leaves the bits out")
    found.add_argument("--small", type=int, default=0, help="so many small experiments instead")
    found.add_argument("--widths", type=numbers, default=[2, 20, 20, 20, 1])
    return found.parse_args(arguments)


def items(count):
    """(number, readings) of each experiment."""
    rng = np.random.default_rng(1)
    return [(number, 0.1 * rng.normal(size=50)) for number in range(count)]


# --- two runs apart ------------------------------------------------------------------------------
def speeds(options):
    """Rows of the work, the median seconds of both sides and the median of their ratio."""
    import pcl
    from pcl.execute.processes import Processes

    make, every = Flow(options.n, options.widths), items(options.experiments)
    both = Processes(2)
    with pcl.Problem.sum(make, every, "processes", workers=2) as problem:
        rounds = {"value_and_gradient": options.rounds, "hessian": max(1, options.rounds // 3)}
        rows = [_compared(method, [_round(problem, both, (make, every), method, k)
                                   for k in range(count + 1)][1:]) for method, count in rounds.items()]
    both.close()
    return rows


def _compared(method, times):
    """One row of pairs (seconds of the sum, seconds apart)."""
    ours, alone = map(statistics.median, zip(*times))
    ratios = [pair[1] / pair[0] for pair in times]
    row = {"work": method, "two workers s": ours, "two apart s": alone,
           "apart/workers": statistics.median(ratios), "worst": min(ratios), "asked": ASKED}
    progress(str(row))
    return row


def _round(problem, both, work, method, k):
    """(seconds of the sum, seconds of the slower half alone) at new θ."""
    make, every = work
    theta = problem.theta0 + 1e-3 * (k + 1)
    begun = time.perf_counter()
    getattr(problem, method)(theta)
    ours = time.perf_counter() - begun
    halves = [(make, every[side::2], method, theta) for side in (0, 1)]
    return ours, max(both.ordered(apart, halves, [0, 1]))


# --- bits ----------------------------------------------------------------------------------------
def bits(options):
    """Rows of the executor, its seconds, and whether θ is that of the first."""
    import pcl

    make, every, rows, first = Flow(options.n, options.widths), items(options.experiments), [], None
    for name, executor in (("serial", "serial"), ("threads", "threads"), ("processes", "processes"),
                           ("one is killed", "processes")):
        with pcl.Problem.sum(make, every, executor, workers=2) as problem:
            problem.value(problem.theta0)       # all are built
            killed = _Killing(problem, options.iterations // 2) if name == "one is killed" else None
            begun = time.perf_counter()
            found = pcl.minimize(problem, "L-BFGS-B", maxiter=options.iterations, callback=killed)
            seconds = time.perf_counter() - begun
        first = found.x if first is None else first
        rows.append({"executor": name, "iterations": found.nit, "s": seconds, "loss": found.fun,
                     "theta": "the same bits" if np.array_equal(first, found.x) else
                     f"differs by {np.abs(first - found.x).max():.1e}"})
        progress(str(rows[-1]))
    return rows


class _Killing:
    """Kills a worker of a problem after some iterations."""

    def __init__(self, problem, after):
        self._after = after
        self._victim = next(_pids(problem))

    def __call__(self, snapshot):
        if snapshot.iteration == self._after:
            os.kill(self._victim, signal.SIGKILL)


def _pids(problem):
    return problem._workers.ordered(pid, [0, 1], [0, 1])


# --- small ones ----------------------------------------------------------------------------------
def small(options):
    """Rows of memory of the workers, after the first tenth and after all."""
    import pcl

    rows = []
    with pcl.Problem.sum(Small(), range(options.small), "processes", workers=2, keep=KEPT,
                         group=max(1, options.small // 100)) as problem:
        for count in (options.small // 10, options.small):
            begun = time.perf_counter()
            part = problem.batch(range(count))
            part.value_and_gradient(problem.theta0)
            seconds = time.perf_counter() - begun
            found = list(problem._workers.ordered(memory, [0, 1], [0, 1]))
            rows.append({"experiments": count, "s": seconds, "now MB": max(m[0] for m in found),
                         "peak MB": max(m[1] for m in found)})
            progress(str(rows[-1]))
    return rows


def main(arguments=None):
    """All tables that are asked for; the number of ratios below what is asked."""
    chosen = options(arguments)
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    if chosen.small:
        report(f"Small experiments, {KEPT} kept by each of two workers; {load}", small(chosen), chosen)
        return 0
    what = f"{chosen.experiments} experiments on {chosen.n}x{chosen.n}; {load}"
    rows = speeds(chosen)
    report(what, rows, chosen)
    if chosen.iterations:
        report(f"{what}: bits", bits(chosen), chosen)
    return sum(row["apart/workers"] < ASKED for row in rows)


if __name__ == "__main__":
    sys.exit(main())
