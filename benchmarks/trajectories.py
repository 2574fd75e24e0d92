"""Trajectories of one fit on two processors, against two independent fits side by side.

    python -m benchmarks.trajectories [--trajectories 100] [--width 20] [--iterations 20] [--rounds 3]

Prey and predators, what is eaten a law of both, 20 elements a trajectory. One fit alone, two of them in
two processes at the same time, and one with n_jobs=2; all with one thread of BLAS. The ratio is that of
the iterations a second: of the one with n_jobs=2 to both of the two together. *Serial* is the share of
the processor's time that the calling thread takes where blocks are worked on by others; on idle
processors the ratio cannot be above 1 / (1 + serial). Iterates are compared as numbers.
"""
import argparse
import statistics
import sys
import threading
import time

import numpy as np

from benchmarks.harness import progress
from benchmarks.side import Side


class Fits:
    """The fit, in a process of its own."""

    def __init__(self, trajectories, width, iterations):
        self._model, self._data = _problem(trajectories)
        self._width, self._iterations = width, iterations
        self.fit(1, 1)

    def fit(self, n_jobs, iterations=None):
        """(seconds an iteration, share of the calling thread, p, iterates (iterations, n))."""
        from pcl import MLP
        from pcl.dae import fit
        seen = []

        def look(snapshot):
            if snapshot.iteration == 0:             # the main solve is the last one
                seen.clear()
            seen.append((time.perf_counter(), time.process_time(), time.thread_time(),
                         snapshot.x.copy()))
        net = MLP((2, self._width, self._width, 1))
        fit(self._model, self._data, net, elements=20, smoothing=1.0, weight_decay=0.01, guess=None,
            maxiter=iterations or self._iterations, n_jobs=n_jobs, callback=look)
        wall, process, own = (last - first for first, last in zip(seen[0][:3], seen[-1][:3]))
        return wall / (len(seen) - 1), own / process, net.size, np.array([x for *_, x in seen])


def _problem(trajectories):
    """(model, data): noise 0.02 on populations of size 1, 17 samples of each."""
    from scipy.integrate import solve_ivp

    from pcl.dae import Model, Trajectory
    random, t, data = np.random.default_rng(0), np.linspace(0.0, 8.0, 17), []

    def rates(_, s):
        eaten = s[0] * s[1] / (1.0 + 0.5 * s[0])
        return [s[0] * (1.0 - s[0] / 6.0) - eaten, 0.7 * eaten - 0.6 * s[1]]
    for _ in range(trajectories):
        s = solve_ivp(rates, (0.0, 8.0), random.uniform(0.5, 3.0, 2), t_eval=t, rtol=1e-9, atol=1e-9).y
        s += 0.02 * random.standard_normal(s.shape)
        data.append(Trajectory(t, {"x": s[0], "y": s[1]}))
    return Model(states=("x", "y"), outputs="g", rates=lambda v: {
        "x": v.x * (1.0 - v.x / 6.0) - v.g, "y": 0.7 * v.g - 0.6 * v.y}), data


def together(sides, n_jobs):
    """[what each gives], all at the same time."""
    found = [None] * len(sides)

    def call(k):
        found[k] = sides[k].call("fit", n_jobs).result
    calls = [threading.Thread(target=call, args=(k,)) for k in range(len(sides))]
    for each in calls:
        each.start()
    for each in calls:
        each.join()
    if None in found:
        raise RuntimeError("a fit has ended without a result; its words stand on standard error.")
    return found


def measured(settings, rounds):
    """[(alone, two side by side, n_jobs=2) of every round], each a list of what `Fits.fit` gives."""
    table = []
    with Side("first", "benchmarks.trajectories:Fits", *settings, blas_threads=1) as first, \
            Side("second", "benchmarks.trajectories:Fits", *settings, blas_threads=1) as second:
        for number in range(rounds):
            table.append((together([first], 1), together([first, second], 1), together([first], 2)))
            progress(f"round {number + 1} of {rounds}")
    return table


def report(table):
    """Lines of seconds an iteration, ratio, serial share and difference of iterates; medians."""
    def median(of):
        return statistics.median(map(of, table))
    alone, apart, beside = (median(lambda row: statistics.mean(run[0] for run in row[k]))
                            for k in range(3))
    ratio = median(lambda row: 0.5 * statistics.mean(run[0] for run in row[1]) / row[2][0][0])
    serial, size = median(lambda row: row[2][0][1]), table[0][0][0][2]
    x, y = table[0][0][0][3], table[0][2][0][3]
    off = np.abs(x - y).max() if x.shape == y.shape else float("nan")
    return [f"p = {size}, {len(x) - 1} iterations, n = {x.shape[1]}",
            f"one alone                 {1e3 * alone:7.0f} ms an iteration",
            f"two independent, each     {1e3 * apart:7.0f}",
            f"one with n_jobs=2         {1e3 * beside:7.0f}",
            f"ratio                     {ratio:7.2f}   (serial {serial:.2f}: at most "
            f"{1.0 / (1.0 + serial):.2f} on idle processors)",
            f"iterates differ by        {off:7.1e}"]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trajectories", type=int, default=100)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    table = measured((given.trajectories, given.width, given.iterations), given.rounds)
    sys.stdout.write("\n".join(report(table)) + "\n")


if __name__ == "__main__":
    main()
