"""Does training neural DAEs simultaneously do what its paper says?

"A Simultaneous Approach for Training Neural Differential-Algebraic Systems of Equations"
(arXiv:2504.04665): tanks, ablation, fed batch, populations, three open questions and two limitations.
From the root of the project:

    OPENBLAS_NUM_THREADS=1 python -m examples.paper

writes docs/paper: README.md with every claim, and a page and a figure for each experiment. Every
finished row is a line of figures/paper/rows.jsonl and is not run again: the same command goes on after
an interruption. --quick takes tiny networks and few iterations, and figures/paper-quick.

Numbers to expect: see docs/paper; about a quarter of an hour on one core.
"""

import argparse
import pathlib

NAMES = ("tanks", "ablation", "fed_batch", "population", "hybrid", "decomposition", "automatic",
         "limitations")


def _options(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m examples.paper", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="tiny networks, few iterations")
    parser.add_argument("--only", type=lambda text: text.split(","), default=NAMES, metavar="NAME,…",
                        help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--out", type=pathlib.Path, help="pages and figures; docs/paper, with --quick "
                        "figures/paper-quick")
    parser.add_argument("--log", type=pathlib.Path, help="finished rows; figures/paper/rows.jsonl, with "
                        "--quick figures/paper-quick/rows.jsonl")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.only if name not in NAMES]
    if unknown:
        parser.error(f"--only has {unknown[0]!r}; expected some of {', '.join(NAMES)}")
    return chosen


if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    options = _options()
    from examples.paper import command
    command.main(options.out or pathlib.Path("figures/paper-quick" if options.quick else "docs/paper"),
                 options.log or pathlib.Path("figures/paper-quick/rows.jsonl" if options.quick
                                             else "figures/paper/rows.jsonl"),
                 options.only, options.quick, print)
