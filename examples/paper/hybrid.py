"""First open question: exact Hessians of the model together with approximate ones of the networks?

*hybrid* takes misfit, equations, paths and the laws' ∂²z/∂a², ∂²z/∂a∂θ exactly, and the weights' block
−Σ λ ∂²z/∂θ² by symmetric rank-one updates. *limited-memory* approximates everything (what the paper
does), *gauss-newton* drops the curvature of all constraints, *exact* drops and approximates nothing.
"""

from examples.paper import systems
from examples.paper.page import figures, grid, median, number, of, ticks, write
from examples.paper.stages import prepare, solve, warm_up

NAME, TITLE = "hybrid", "Open question 1: hybrid Hessians"
HESSIANS = ("exact", "hybrid", "limited-memory", "gauss-newton")
SIZES = {"systems": ("fed-batch", "population-free"), "seeds": (0,), "width": None,
         "maxiter": 300}
QUICK = {"systems": ("fed-batch",), "seeds": (0,), "width": 2, "maxiter": 10}
_SMOOTHING = 1e4


def rows(log, sizes):
    """One row for every system, seed and Hessian."""
    return [row for name in sizes["systems"] for seed in sizes["seeds"]
            for row in _seed(log, systems.SYSTEMS[name], seed, sizes)]


def _seed(log, system, seed, sizes):
    made, width = [], sizes["width"] or system.width

    def solved(hessian):
        if not made:
            made.append(prepare(system.model, systems.data(system, seed), systems.law(system, width),
                                seed,
                                smoothing=_SMOOTHING, **systems.options(system)))
            warm_up(made[0].program, made[0].start)
        return {**solve(made[0].program, made[0].start, hessian, sizes["maxiter"])[1],
                "p": sum(law.size for law in made[0].program.laws)}
    return [log.row({"experiment": NAME, "system": system.name, "seed": seed, "hessian": hessian,
                     "width": width, "maxiter": sizes["maxiter"]}, lambda: solved(hessian))
            for hessian in HESSIANS]


def page(rows, folder, picture):
    """The table and the figure."""
    lines = []
    for system in dict.fromkeys(row["system"] for row in rows):
        lines += [_line(system, hessian, of(rows, system=system, hessian=hessian))
                  for hessian in HESSIANS]
    head = ("system, weights", "Hessian", "solved", "objective", "iterations", "processor s", "median s",
            "ms an iteration")
    write(folder / f"{NAME}.md", TITLE, __doc__.split("\n\n", 1)[1].rstrip(),
          _TEXT.format(most=max(row["maxiter"] for row in rows)), grid(head, lines),
          f"![hybrid Hessians]({picture.name})")


_TEXT = """From the same start with pre-trained weights to 1e-6, at most {most} iterations, seed by
seed. The tank is a system of index 2."""


def _line(system, hessian, rows):
    pace = [1e3 * row["seconds"] / max(row["iterations"], 1) for row in rows]
    return (f"{system}, {rows[0]['p']}", hessian, f"{sum(row['solved'] for row in rows)} of {len(rows)}",
            figures(rows, "objective"), figures(rows, "iterations"), figures(rows, "seconds"),
            number(median(rows, "seconds")), number(sorted(pace)[len(pace) // 2], 2))


def draw(rows, path):
    """Iterations and seconds of all systems and seeds; open circles are not solved."""
    from examples.dae.drawing import figure
    names = list(dict.fromkeys(row["system"] for row in rows))
    with figure(path, 1, 2, figsize=(7.1, 2.5), sharey=True) as axes:
        for axis, what in zip(axes, ("iterations", "seconds")):
            for row in rows:
                k = names.index(row["system"])
                axis.plot(row[what], HESSIANS.index(row["hessian"]) + 0.2 * (k - 1), "o", ms=4,
                          mec=f"C{k}",
                          mfc=f"C{k}" if row["solved"] else "none")
            axis.set(xscale="log", xlabel=what if what == "iterations" else "processor seconds",
                     yticks=range(len(HESSIANS)), yticklabels=HESSIANS)
            ticks(axis)
        for k, name in enumerate(names):
            axes[0].plot([], [], "o", color=f"C{k}", label=name)
        axes[0].legend(ncols=len(names))
        axes[0].invert_yaxis()
