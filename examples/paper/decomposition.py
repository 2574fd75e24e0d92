"""Second open question: decomposition of the Newton system over trajectories and elements?

*reduced* eliminates the states element by element and trajectory by trajectory, a Schur complement:
what is left is one small dense system over weights and free starts. *sparse* factorises the whole
matrix at once. Both give the same step. The fed batch with more and more trajectories, from one start.
"""

import numpy as np

from benchmarks import dae_cases
from examples.paper.page import grid, number, write
from examples.paper.stages import solve, warm_up

NAME, TITLE = "decomposition", "Open question 2: decomposition"
BACKENDS = ("reduced", "sparse")
SIZES = {"trajectories": (3, 6, 12, 24, 48), "iterations": 10, "width": None}
QUICK = {"trajectories": (3, 6), "iterations": 2, "width": 2}


def rows(log, sizes):
    """One row for every number of trajectories."""
    return [log.row({"experiment": NAME, "trajectories": count, "iterations": sizes["iterations"],
                     "width": sizes["width"]}, lambda: _both(count, sizes))
            for count in sizes["trajectories"]]


def _both(count, sizes):
    setup = dae_cases.set_up(dae_cases.FEDBATCH, 0, width=sizes["width"], trajectories=count)
    warm_up(setup.program, setup.x0)
    found = {backend: solve(setup.program, setup.x0, "exact", sizes["iterations"], kkt=backend)
             for backend in BACKENDS}
    (first, a), (second, b) = (found[backend] for backend in BACKENDS)
    scale = np.maximum(np.abs(second.x), 1e-3)
    return {"unknowns": setup.program.n, "p": setup.parameters,
            "difference": float(np.median(np.abs(first.x - second.x) / scale)),
            "objectives": float(abs(a["objective"] / b["objective"] - 1.0)),
            **{backend: found[backend][1]["seconds"] / max(found[backend][1]["iterations"], 1)
               for backend in BACKENDS}}


def slope(rows, backend):
    """Of the least-squares line through logarithms of trajectories and seconds."""
    points = np.log([(row["trajectories"], row[backend]) for row in rows])
    return float(np.polyfit(*points.T, 1)[0])


def page(rows, folder, picture):
    """The table and the figure."""
    head = ("trajectories", "unknowns", "weights", "reduced: ms an iteration", "sparse", "ratio",
            "objectives differ by (relative)", "iterates, median (relative)")
    lines = [(row["trajectories"], row["unknowns"], row["p"], number(1e3 * row["reduced"]),
              number(1e3 * row["sparse"]), number(row["sparse"] / row["reduced"], 2),
              number(row["objectives"], 1), number(row["difference"], 1)) for row in rows]
    write(folder / f"{NAME}.md", TITLE, __doc__.split("\n\n", 1)[1].rstrip(),
          f"After {rows[0]['iterations']} iterations of the interior point with the exact Hessian, "
          "processor time, one thread. ADMM was not tried: this needs no outer iteration.",
          grid(head, lines),
          f"Growth with the number of trajectories: n^{slope(rows, 'reduced'):.2f} (reduced), "
          f"n^{slope(rows, 'sparse'):.2f} (sparse).", f"![decomposition]({picture.name})")


def draw(rows, path):
    """Seconds an iteration against the number of trajectories."""
    from examples.dae.drawing import figure
    count = [row["trajectories"] for row in rows]
    with figure(path, 1, 1, figsize=(3.5, 2.8)) as axis:
        for backend in BACKENDS:
            axis.loglog(count, [1e3 * row[backend] for row in rows], "o-",
                        label=f"{backend}, slope {slope(rows, backend):.2f}")
        axis.set(xlabel="trajectories", ylabel="milliseconds an iteration", xticks=count,
                 xticklabels=[str(n) for n in count])
        axis.minorticks_off()
        axis.legend()
