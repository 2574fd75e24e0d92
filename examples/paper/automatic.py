"""Third open question: can smoothing, regularisation and elements be chosen automatically?

*automatic*: `fit` with default arguments: it chooses the elements (and cuts them where they bias the
law), λ_s by the start it gives, the weight decay by the residuals. *by hand*: the paper's elements, and
every pair of two λ_s and three weight decays ρ of ½ ρ |θ|² beside Σ r²/σ², one main solve each. The
best of them is known only to whoever knows the truth: the error is that of simulations from starts not
seen.
"""

import numpy as np

from examples.paper import systems
from examples.paper.page import figures, grid, of, percent, write
from examples.paper.stages import prepare, solve
from pcl.dae import fit

NAME, TITLE = "automatic", "Open question 3: automatic choices"
SIZES = {"systems": ("fed-batch", "population-free"), "seeds": (0,), "width": None,
         "lambdas": (1e3, 1e5), "decays": (0.2, 2.0, 20.0), "maxiter": 500}
QUICK = {"systems": ("fed-batch",), "seeds": (0,), "width": 2, "lambdas": (1e3,), "decays": (2.0,),
         "maxiter": 20}
AUTO = "automatic"


def rows(log, sizes):
    """One row for every system, seed and choice."""
    return [row for name in sizes["systems"] for seed in sizes["seeds"]
            for row in _seed(log, systems.SYSTEMS[name], seed, sizes)]


def _seed(log, system, seed, sizes):
    width = sizes["width"] or system.width
    key = {"experiment": NAME, "system": system.name, "seed": seed, "width": width,
           "maxiter": sizes["maxiter"]}
    yield log.row({**key, "lambda": AUTO, "decay": AUTO}, lambda: _automatic(system, seed, width, sizes))
    for smoothing in sizes["lambdas"]:
        for decay in sizes["decays"]:
            yield log.row({**key, "lambda": smoothing, "decay": decay},
                          lambda: _by_hand(system, seed, width, smoothing, decay, sizes["maxiter"]))


def _automatic(system, seed, width, sizes):
    with systems.Seconds() as spent:
        found = fit(system.model, systems.data(system, seed), systems.law(system, width), seed=seed,
                    maxiter=sizes["maxiter"])
    words = {stage.name: stage.words for stage in reversed(found.stages)}
    return {**systems.held_out(system, found.laws), "solved": found.success, "seconds": spent.value,
            "iterations": sum(s.iterations for s in found.stages if s.name in ("main", "refinement")),
            "elements": found.setting.elements.E, "chosen": words["smoother"].split()[1],
            "rho": words["pre-training"].split("weight decay ")[1].split(";")[0]}


def _by_hand(system, seed, width, smoothing, decay, maxiter):
    options = {**systems.options(system), "weight_decay": decay, "smoothing": smoothing}
    made = prepare(system.model, systems.data(system, seed), systems.law(system, width), seed, **options)
    result, found = solve(made.program, made.start, "exact", maxiter)
    return {**systems.held_out(system, made.laws(result.x)), **found,
            "seconds": found["seconds"] + made.seconds, "elements": made.found.setting.elements.E}


def compared(rows):
    """[(system, seed, automatic row, rows by hand from the best error to the worst)]."""
    found = []
    for system in dict.fromkeys(row["system"] for row in rows):
        for seed in dict.fromkeys(row["seed"] for row in rows):
            mine = of(rows, system=system, seed=seed)
            hand = sorted((row for row in mine if row["decay"] != AUTO), key=lambda row: row["held out"])
            found.append((system, seed, of(mine, decay=AUTO)[0], hand))
    return found


def page(rows, folder, picture):
    """The table and the figure."""
    head = ("system", "seed", "automatic: error", "λ_s, ρ, elements", "iterations", "s",
            "by hand: best error", "with λ_s, ρ", "median", "worst", "solved", "iterations of the best",
            "s of all")
    lines = [_line(*each) for each in compared(rows)]
    write(folder / f"{NAME}.md", TITLE, __doc__.split("\n\n", 1)[1].rstrip(), _TEXT, grid(head, lines),
          f"![automatic choices]({picture.name})")


_TEXT = """Errors: root mean square over time relative to the largest value of a state, the worst state,
median over the starts not seen; ∞ where most simulations stop. Iterations of *automatic* are those of
all its solves from several starts and on refined elements; its weights of readings are relative, so
that its ρ and λ_s are in other units than those by hand (equal at 1/σ²). Processor seconds, from data
to law, compilation of the equations included each time."""


def _line(system, seed, auto, hand):
    best = hand[0]
    return (system, seed, percent(auto["held out"]),
            f"{auto['chosen']}, {auto['rho']}, {auto['elements']}",
            auto["iterations"], figures([auto], "seconds"), percent(best["held out"]),
            f"{best['lambda']:.0e}, {best['decay']:g}",
            percent(float(np.median([r["held out"] for r in hand]))),
            percent(hand[-1]["held out"]), f"{sum(r['solved'] for r in hand)} of {len(hand)}",
            best["iterations"], f"{sum(r['seconds'] for r in hand):.3g}")


def draw(rows, path):
    """Errors of all choices by hand, and of the automatic one."""
    from examples.dae.drawing import figure
    with figure(path, 1, 1, figsize=(3.5, 2.8)) as axis:
        labels = []
        for k, (system, seed, auto, hand) in enumerate(compared(rows)):
            labels.append(f"{system}\nseed {seed}")
            axis.plot(np.full(len(hand), k), [row["held out"] for row in hand], "o", ms=4, mfc="none",
                      color="C0",
                      label=None if k else "by hand, each pair of λₛ and ρ")
            axis.plot(k, auto["held out"], "D", ms=5, color="C1", label=None if k else "automatic")
        axis.set(yscale="log", xticks=range(len(labels)), ylabel="error from starts not seen")
        axis.set_xticks(range(len(labels)), labels)
        axis.set_xlim(-0.5, len(labels) - 0.5)
        axis.legend()
