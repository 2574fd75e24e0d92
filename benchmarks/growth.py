"""How do time and memory of an exact Hessian grow with unknowns n and with parameters p?

The Poisson problem of `benchmarks.hessian`, our side alone, each size in a process of its own: n
grows at fixed p on finer meshes, p grows at fixed n with the width w of MLP(2, w, w, w, 1). Slopes
are least-squares lines through log seconds; at most 1.1 in n and 2.1 in p is asked for. Run from
the root of the project:

    python -m benchmarks.growth --json growth.json --figure docs/figures/growth.png
"""
import sys
from pathlib import Path

import numpy as np

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import harness, square
from benchmarks.peers import NOISE
from benchmarks.side import Side

ASKED = {"n": 1.1, "p": 2.1}                      # largest slopes of the time
AXES = {"n": "unknowns n", "p": "parameters p"}
MEASURES = {"s": "seconds a Hessian", "MB": "peak memory, MB"}


def widths(width):
    """MLP(2, w, w, w, 1)."""
    return (2, width, width, width, 1)


def start(width):
    """First θ; a last bias of 2 keeps κ positive at every width."""
    theta = square.initial(widths=widths(width))
    theta[-1] = 2.0
    return theta


def measure(grows, mesh, width, options):
    """One row: the median of the exact Hessian on a mesh × mesh × 2 mesh."""
    theta = start(width)
    direction = np.random.default_rng(0).standard_normal(theta.size)
    harness.progress(f"{mesh}x{mesh}, width {width}: {theta.size} parameters")
    with Side("ours", "benchmarks.pcl_poisson:Poisson", mesh, widths(width),
              threads=options.threads) as side:
        timing = harness.alternate([side], "hessian", lambda k: (theta + NOISE * k * direction,),
                                   options.repeats)["ours"]
    return {"grows": grows, "mesh": f"{mesh}x{mesh}", "width": width, "n": (mesh - 1)**2,
            "p": theta.size, "s": timing.median, "low s": timing.low, "high s": timing.high,
            "MB": timing.memory}


def sweep(options):
    """All rows: those where n grows, then those where p grows."""
    return ([measure("n", mesh, options.width, options) for mesh in options.meshes]
            + [measure("p", options.mesh, width, options) for width in options.widths])


def curve(rows, grows, what):
    """Sizes and values of the rows where `grows` grows."""
    chosen = [row for row in rows if row["grows"] == grows]
    return np.array([row[grows] for row in chosen]), np.array([row[what] for row in chosen])


def line(rows, grows, what):
    """Slope and intercept of the least-squares line through the logarithms."""
    return np.polyfit(*np.log(curve(rows, grows, what)), 1)


def draw(rows, path):
    """Time and memory against n and p on log–log axes, with fitted lines and the slopes asked for."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(8, 6), sharex="col", layout="constrained")
    for ax_row, what in zip(axes, MEASURES):
        for ax, grows in zip(ax_row, AXES):
            _panel(ax, rows, grows, what)
    for column, grows, fixed in zip(axes.T, AXES, reversed(AXES)):
        column[0].set_title(f"{AXES[fixed]} = {curve(rows, grows, fixed)[1][0]}")
        column[1].set_xlabel(AXES[grows])
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _panel(ax, rows, grows, what):
    sizes, values = curve(rows, grows, what)
    slope, intercept = line(rows, grows, what)
    fitted = np.exp(intercept) * sizes**slope
    ax.loglog(sizes, values, "o", color="C0", label="measured")
    ax.loglog(sizes, fitted, "-", color="C0", label=f"fitted, slope {slope:.2f}")
    if what == "s":
        reference = 2.0 * fitted[-1] * (sizes / sizes[-1])**ASKED[grows]
        ax.loglog(sizes, reference, "--", color="0.4", label=f"slope {ASKED[grows]}, for comparison")
    ax.set_ylabel(MEASURES[what])
    ax.grid(True, which="both", color="0.9")
    ax.set_axisbelow(True)
    ax.legend()


def main(arguments=None):
    parser = harness.parser("Growth of the exact Hessian with unknowns and with parameters.")
    parser.add_argument("--meshes", type=harness.numbers, default=[16, 24, 36, 54, 80, 112, 160],
                        help="cells per direction while n grows, with commas")
    parser.add_argument("--width", type=int, default=20, help="width of the network while n grows")
    parser.add_argument("--widths", type=harness.numbers, default=[6, 9, 14, 20, 30, 44],
                        help="widths of the network while p grows, with commas")
    parser.add_argument("--mesh", type=int, default=32, help="cells per direction while p grows")
    parser.add_argument("--figure", metavar="PATH", help="also draw time and memory there")
    options = parser.parse_args(arguments)
    rows = sweep(options)
    if options.figure:
        draw(rows, options.figure)
    harness.report("Exact Hessian, Poisson, P1", rows, options)
    for grows, asked in ASKED.items():
        print(f"slope of the time in {grows}: {line(rows, grows, 's')[0]:.2f} (at most {asked})")


if __name__ == "__main__":
    main()
