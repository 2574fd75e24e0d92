"""Fair timing: alternating runs of several sides, agreement before timing, medians last.

The first round of calls warms up (compilation, tracing, first use of memory) and its results are
compared; then the sides take turns, each round at new arguments.
"""
import argparse
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from importlib import metadata

import numpy as np

PACKAGES = ("numpy", "scipy", "scikit-fem", "tensorflow", "jax")


@dataclass(frozen=True)
class Timing:
    """Seconds of repeated calls; `memory` is the highest peak in MB.

    `first` is the warm-up: tracing or compilation, and the making of the side where nothing was called
    before; imports are not in it.
    """

    first: float
    median: float
    low: float
    high: float
    repeats: int
    memory: float


def alternate(sides, method, arguments, repeats, tolerance=None, budget=120.0):
    """Time one method of several sides in turn.

    Parameters
    ----------
    sides : list of Side
    method : str
    arguments : callable
        ``arguments(k)`` is the argument tuple of round k. It should differ from round to round,
        so that no side answers from memory.
    repeats : int
        Timed rounds, after one round that warms up.
    tolerance : float, optional
        Largest accepted max|a − b| / max|a| between the first side's result and any other.
    budget : float
        Seconds after which no further round is begun; one round is always timed.

    Returns
    -------
    dict of str to Timing, by the sides' names.

    Raises
    ------
    ValueError
        The results of the first round disagree.
    """
    calls = {side.name: [side.call(method, *arguments(0))] for side in sides}
    if tolerance is not None:
        require_agreement(method, {name: done[0].result for name, done in calls.items()}, tolerance)
    start = time.perf_counter()
    for k in range(1, repeats + 1):
        for side in sides:
            calls[side.name].append(side.call(method, *arguments(k)))
        if time.perf_counter() - start > budget:
            break
    return {name: _timing(done) for name, done in calls.items()}


def require_agreement(what, results, tolerance):
    """Raise ValueError unless all results equal the first up to `tolerance`, relative."""
    (first, a), *others = results.items()
    for name, b in others:
        error = np.abs(a - b).max() / np.abs(a).max()
        if not error <= tolerance:
            raise ValueError(f"{what}: {first} and {name} differ by {error:.1e} relative, but at "
                             f"most {tolerance:.0e} is accepted; it was not timed")


def row(case, work, timings):
    """One line of a table: `case` (a dict), the work, and the timings of "ours" and one peer."""
    ours = timings["ours"]
    (name, peer), = ((key, value) for key, value in timings.items() if key != "ours")
    return {**case, "work": work, "peer": name, "ours s": ours.median, "peer s": peer.median,
            "peer/ours": peer.median / ours.median, "ours first s": ours.first,
            "peer first s": peer.first, "ours MB": ours.memory, "peer MB": peer.memory,
            "timings": {"ours": asdict(ours), "peer": asdict(peer)}}


def parser(description):
    """The options that every benchmark has."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--repeats", type=int, default=5, help="timed rounds")
    options.add_argument("--threads", type=int, default=min(2, os.cpu_count()),
                         help="threads and processors of each side")
    options.add_argument("--json", metavar="PATH", help="also write the numbers there")
    return options


def numbers(text):
    """'10,32' → [10, 32], for argparse."""
    return [int(word) for word in text.split(",")]


def report(title, rows, options):
    """Write the numbers if a path was given, and print the table of medians, last."""
    if options.json:
        record = {"title": title, "options": vars(options), "machine": machine(), "rows": rows}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
            file.write("\n")
    print(f"\n{title}\nmedians, {options.threads} threads, {machine()['processor']}\n")
    print(table(rows))


def table(rows):
    """Rows (dicts with the same keys) as aligned text; nested values are for the JSON file."""
    columns = [key for key, value in rows[0].items() if not isinstance(value, dict)]
    cells = [columns] + [[_cell(row[key]) for key in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return "\n".join("  ".join(word.rjust(width) for word, width in zip(line, widths))
                     for line in cells)


def progress(text):
    """One line on standard error."""
    print(text, file=sys.stderr, flush=True)


def machine():
    """Processor, cores, Python and package versions."""
    return {"processor": _processor(), "cores": os.cpu_count(),
            "python": platform.python_version(),
            "packages": {package: _version(package) for package in PACKAGES}}


def _timing(calls):
    seconds = [call.seconds for call in calls[1:]]
    return Timing(calls[0].seconds, statistics.median(seconds), min(seconds), max(seconds),
                  len(seconds), max(call.memory for call in calls))


def _cell(value):
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()
