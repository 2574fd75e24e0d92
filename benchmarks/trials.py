"""Named cases, each tried many times in processes: the command line, the loop, the table.

A trial is ``trial(case, number)`` → anything with `summary(case, trials)` → rows of a table.
"""
import argparse
import json
import os
import time


def parser(description, cases):
    """A command line with --cases (all of `cases`), --jobs and --json."""
    def names(text):
        chosen = text.split(",")
        unknown = [name for name in chosen if name not in cases]
        if unknown:
            raise argparse.ArgumentTypeError(f"no case {unknown[0]!r}; known are {', '.join(cases)}")
        return chosen

    found = argparse.ArgumentParser(description=description)
    found.add_argument("--cases", type=names, default=list(cases), help="names, with commas between")
    found.add_argument("--jobs", type=int, default=min(2, os.cpu_count()), help="processes")
    found.add_argument("--json", metavar="PATH", help="also write the numbers there")
    return found


def table_of(chosen, count, trial, summary):
    """The rows of all chosen cases, each tried `count` times; each row is said when it is known."""
    from joblib import Parallel, delayed

    from benchmarks.harness import progress, table

    rows = []
    for case in chosen.cases:
        begun = time.perf_counter()
        trials = Parallel(n_jobs=chosen.jobs)(delayed(trial)(case, k) for k in range(count))
        found = summary(case, trials)
        progress(f"{case}: {count} trials, {time.perf_counter() - begun:.0f} s\n{table(found)}")
        rows += found
    return rows


def report(title, rows, path):
    """Print the table; write the rows to `path` if one is given."""
    from benchmarks.harness import table

    print(f"\n{title}\n\n{table(rows)}")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
