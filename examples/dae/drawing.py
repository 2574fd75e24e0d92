"""What the examples share: their command line, and a figure in a file. Matplotlib is loaded to draw."""

import argparse
import pathlib
from contextlib import contextmanager


def options(doc, seeds=None):
    """Arguments of the command line, described by the first line of `doc`; the directory is made.

    To be called ahead of TensorFlow, so that --help and typing errors cost no time. `seeds` is the
    default of --seeds, which is left out without it.
    """
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    if seeds is not None:
        parser.add_argument("--seeds", type=int, default=seeds, help="number of draws")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("docs/figures"),
                        help="directory of the figure")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    return arguments


@contextmanager
def figure(path, *grid, **settings):
    """Axes in a grid of rows and columns, written to `path`; `settings` go to `pyplot.subplots`."""
    from matplotlib import pyplot as plt

    from pcl import style

    plt.switch_backend("agg")
    with style():
        drawn, axes = plt.subplots(*grid, **settings)
        drawn.get_layout_engine().set(w_pad=0.06, h_pad=0.04)       # inches
        yield axes
        drawn.savefig(path)
        plt.close(drawn)
    print("figure:", path.resolve())
