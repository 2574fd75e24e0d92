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
    found.add_argument("--log", metavar="PATH", help="note every trial there, and do none again")
    return found


def table_of(chosen, count, trial, summary):
    """The rows of all chosen cases, each tried `count` times; each row is said when it is known."""
    from joblib import Parallel, delayed

    from benchmarks.harness import progress, table

    rows, log = [], Log(chosen.log)
    for case in chosen.cases:
        begun, left = time.perf_counter(), [k for k in range(count) if (case, k) not in log.found]
        done = Parallel(n_jobs=chosen.jobs, return_as="generator")(delayed(trial)(case, k) for k in left)
        for k, found in zip(left, done):
            log.add(case, k, found)
        found = summary(case, [log.found[case, k] for k in range(count)])
        progress(f"{case}: {count} trials, {time.perf_counter() - begun:.0f} s\n{table(found)}")
        rows += found
    return rows


class Log:
    """Trials that are done, one a line of a file, so that a run which was ended goes on where it was.

    Attributes
    ----------
    found : {(case, number): what `trial` returned}
    """

    def __init__(self, path):
        self._path, self.found = path, {}
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                for case, number, found in map(json.loads, file):
                    self.found[case, number] = found

    def add(self, case, number, found):
        """Note one trial, in the file at once."""
        self.found[case, number] = found
        if self._path:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps([case, number, found], ensure_ascii=False, default=float) + "\n")


def report(title, rows, path):
    """Print the table; write the rows to `path` if one is given."""
    from benchmarks.harness import table

    print(f"\n{title}\n\n{table(rows)}")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
