"""Tanks joined by a manifold: what the smoothing λ_s does to smoothness, fit and the main solve.

    0.1 x₁' = w₁ − w₃,   0.5 x₂' = w₂,   2 x₃' = w₃ − w₄,   10 x₄' = w₄ − w₀
    w₀ = w₁ + w₂,   x₁ = x₂,   w₀ = z₀,   w₃ = z₁,   w₄ = 0.1 √x₃

Index 2; 20 elements, 2 Radau points, three trajectories with noise 0.05 (levels to 10). The smoother
minimises

    Σ r²/σ² + λ_s Σ_k ∫ z_k'² dt / size_k²

over trajectories and free z₀, z₁. The main solve then has a network of all levels.
"""

import numpy as np

from examples.paper import systems
from examples.paper.page import figures, grid, median, number, of, percent, write
from examples.paper.stages import prepare, solve

NAME, TITLE = "tanks", "Tanks and manifold: smoothness against fit"
SYSTEM = systems.SYSTEMS["tank"]
LAMBDAS = (1e3, 10 ** 3.5, 1e4, 10 ** 4.5, 1e5, 10 ** 5.5, 1e6)
SIZES = {"seeds": (0, 1), "width": 9, "lambdas": LAMBDAS, "elements": (10, 20, 40)}
QUICK = {"seeds": (0,), "width": 3, "lambdas": (1e3, 1e6), "elements": (10,)}
_SHOWN = (1e3, 1e4, 1e5, 1e6)


def rows(log, sizes):
    """One row for every λ_s and seed, and for every number of elements."""
    found = [log.row({"experiment": NAME, "what": "smoothing", "lambda": smoothing, "seed": seed,
                      "width": sizes["width"], "elements": SYSTEM.elements},
                     lambda: _smoothing(smoothing, seed, sizes["width"]))
             for seed in sizes["seeds"] for smoothing in (*sizes["lambdas"], "auto")]
    return found + [log.row({"experiment": NAME, "what": "elements", "elements": elements,
                             "seed": sizes["seeds"][0], "width": sizes["width"]},
                            lambda: _elements(elements, sizes["seeds"][0], sizes["width"]))
                    for elements in sizes["elements"]]


def _prepared(smoothing, seed, width, elements=None):
    return prepare(SYSTEM.model, systems.data(SYSTEM, seed), systems.law(SYSTEM, width), seed,
                   smoothing=smoothing, **systems.options(SYSTEM, elements))


def _smoothing(smoothing, seed, width):
    made = _prepared(smoothing, seed, width)
    setting = made.found.setting
    result, found = solve(made.program, made.start, "exact")
    t, z = _outputs(made, made.smooth)
    return {**found, **systems.held_out(SYSTEM, made.laws(result.x)),
            "violation": violation(made, result.x),
            "misfit": setting.misfit.at(made.smooth) / setting.misfit.size, "roughness": _roughness(t, z),
            "jumps": _jumps(z), "times": t[0], "z": z[0].T, "true": _true(made, t[0]),
            "chosen": made.found.stages[1].words.split()[1]}


def _outputs(made, x):
    """Times (3, n) and z (3, n, 2) at the nodes of the trajectories."""
    elements = made.found.setting.elements
    z = elements.split(x)[1][:, :, -elements.n_z:]
    runs = len(elements.starts)
    return elements.times.reshape(runs, -1), z.reshape(runs, -1, elements.n_z)


def _roughness(t, z):
    """Σ_k ∫ z_k'² dt / size_k² of broken lines."""
    slopes = np.diff(z, axis=1) ** 2 / np.diff(t, axis=1)[:, :, None]
    return float((slopes.sum(axis=(0, 1)) / np.mean(z ** 2, axis=(0, 1))).sum())


def _jumps(z):
    """Turns of z per trajectory and output: how often its slope changes sign."""
    signs = np.sign(np.diff(z, axis=1))
    return float(np.mean(np.sum(signs[:, 1:] * signs[:, :-1] < 0.0, axis=1)))


def _true(made, t):
    """z₀, z₁ (2, n) of the first trajectory."""
    x = SYSTEM.simulate(SYSTEM.starts[0], t)
    return np.stack([0.2 * x[:, 0] * x[:, 3], 0.1 * np.sqrt(x[:, 0])])


def violation(made, x):
    """Largest violation of an equation of the program, in the units of the model."""
    c = made.program.constraints(x)
    return float(np.maximum(made.program.c_lower - c, c - made.program.c_upper).max())


def _elements(elements, seed, width):
    made = _prepared(1e4, seed, width, elements)
    result, found = solve(made.program, made.start, "exact")
    return {**found, **systems.held_out(SYSTEM, made.laws(result.x)), "unknowns": made.program.n,
            "collocation": _off(made, result.x)}


def _off(made, x):
    """Root mean square of collocated trajectories − the same equations and laws solved to 1e-6, at the
    nodes, of the largest value of a level; the worst level of the worst trajectory."""
    elements, laws, worst = made.found.setting.elements, made.laws(x), 0.0
    for k, start in enumerate(SYSTEM.starts):
        mine = elements.trajectory == k
        levels = elements.split(x)[1][mine][:, :, :elements.n_x].reshape(-1, elements.n_x)
        exact = systems.simulated(SYSTEM, laws, start, elements.times[mine].ravel())[1]
        if len(exact) < len(levels):
            return np.inf
        off = np.sqrt(np.mean((levels - exact) ** 2, axis=0)) / np.abs(exact).max(axis=0)
        worst = max(worst, float(off.max()))
    return worst


def page(rows, folder, picture):
    """Table and figure."""
    smoothing = of(rows, what="smoothing")
    head = ("λ_s", "misfit of the smoother per reading, in σ²", "roughness", "turns of z",
            "main: objective",
            "iterations", "processor s", "error, starts not seen", "largest violation")
    lines = [_line(of(smoothing, **{"lambda": value}), value)
             for value in dict.fromkeys(row["lambda"] for row in smoothing)]
    sizes = [(row["elements"], row["unknowns"], number(row["objective"]), row["iterations"],
              number(row["seconds"]), percent(row["collocation"]), percent(row["held out"]))
             for row in of(rows, what="elements")]
    write(folder / f"{NAME}.md", TITLE, __doc__.split("\n\n", 1)[1].rstrip(), _TEXT.format(
        seeds=len({row["seed"] for row in smoothing}),
        auto=figures(of(smoothing, **{"lambda": "auto"}), "chosen"),
        turns=number(_jumps(np.array(smoothing[0]["true"]).T[None]))),
        grid(head, lines), f"![tanks: smoothness against fit]({picture.name})", "## Elements", _MORE,
        grid(("elements a trajectory", "unknowns", "objective", "iterations", "processor s",
              "trajectories off by", "error, starts not seen"), sizes))


_TEXT = """Medians over {seeds} draws of noise and weights. Roughness is the integral that λ_s
multiplies; turns are the changes of sign of the slope of an unknown term at the 40 nodes of a
trajectory (of the true ones {turns}). The error is the root mean square over time, relative to a
level's largest value, of the worst level, median over three starts not seen. *auto* is the choice of
`fit`: {auto}."""

_MORE = """*Off by*: root mean square of the collocated trajectories − the same equations with the
same law solved to 1e-6, relative to a level's largest value, the worst level and trajectory. One seed."""


def _line(rows, value):
    return (number(value), number(median(rows, "misfit")), number(median(rows, "roughness")),
            number(median(rows, "jumps")), figures(rows, "objective"), figures(rows, "iterations"),
            figures(rows, "seconds"), percent(median(rows, "held out")),
            number(median(rows, "violation"), 1))


def draw(rows, path):
    """Smoothness against fit; z₀ of the first trajectory; what the main solve makes of it."""
    from examples.dae.drawing import figure
    smoothing = [row for row in of(rows, what="smoothing") if row["lambda"] != "auto"]
    with figure(path, 1, 3, figsize=(7.1, 2.9)) as (left, middle, right):
        for seed in dict.fromkeys(row["seed"] for row in smoothing):
            mine = of(smoothing, seed=seed)
            left.loglog([row["roughness"] for row in mine], [row["misfit"] for row in mine], "o-", ms=3,
                        color=f"C{seed}", label=f"seed {seed}")
            right.loglog([row["lambda"] for row in mine], [row["objective"] for row in mine], "o-",
                         ms=3, color=f"C{seed}")
        for row in of(smoothing, seed=0):
            left.annotate(f"{row['lambda']:.0e}".replace("e+0", "e"), (row["roughness"], row["misfit"]),
                          textcoords="offset points", xytext=(5, 5), fontsize=6.5)
        left.set(xlabel="roughness", ylabel="smoother: misfit per reading (σ²)")
        left.set_xticks([0.05, 0.1, 0.2, 0.5], ["0.05", "0.1", "0.2", "0.5"])
        left.set_xticks([], minor=True)
        for k, row in enumerate(row for row in of(smoothing, seed=0) if row["lambda"] in _SHOWN):
            middle.plot(row["times"], row["z"][0], color=f"C{k}", lw=1.1,
                        label=f"λₛ = {row['lambda']:.0e}")
        middle.plot(smoothing[0]["times"], smoothing[0]["true"][0], "k--", lw=1.0, label="truth")
        middle.set(xlabel="time t", ylabel="unknown flow z₀, seed 0",
                   xlim=(0, 200))
        right.set(xlabel="λₛ", ylabel="objective of the main solve")
        left.legend(ncols=2)
        middle.legend(ncols=2, columnspacing=1.0)
