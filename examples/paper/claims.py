"""What the paper claims, and what the rows show: (claim, source, numbers, verdict).

Claims are those of a summary of the paper, which states few numbers of its own. A verdict is "holds",
"does not", "in part", or words where the claim is that something was not done; "not run" where rows are
missing.
"""

import numpy as np

from examples.paper import automatic, fed_batch
from examples.paper.page import median, number, of, percent

WORDS = {True: "holds", False: "**does not**", None: "not run"}
MUCH = 2.0          # "substantially", "dramatically", "significantly": a factor
CLOSE = 0.1         # "accurate", "generalises": error from starts not seen, relative


def of_all(found):
    """[(claim, source, numbers, verdict)] of {experiment: rows}."""
    lists = [CLAIMS[name](found[name]) for name in CLAIMS if found.get(name)]
    return [(claim, source, numbers, WORDS.get(holds, holds)) for each in lists
            for claim, source, numbers, holds in each]


def _all(values, holds):
    """True if it holds of all, False if of none, else "in part"; None without values."""
    found = [bool(holds(value)) for value in values]
    if not found:
        return None
    return True if all(found) else "in part" if any(found) else False


# --- tanks ------------------------------------------------------------------------------------------
def tanks(rows):
    """Mass balances, and what λ_s does."""
    smoothing = [row for row in of(rows, what="smoothing") if row["lambda"] != "auto"]
    values = sorted({row["lambda"] for row in smoothing})
    groups = [of(smoothing, **{"lambda": value}) for value in values]
    held, solved = ([median(group, name) for group in groups] for name in ("held out", "objective"))
    rough, misfit, turns, count = ([median(group, name) for group in (groups[0], groups[-1])]
                                   for name in ("roughness", "misfit", "jumps", "iterations"))
    worst = max(row["violation"] for row in smoothing)
    return [
        ("tanks, 20 elements, K = 2: mass balances hold rigorously", "key results",
         f"largest violation of an equation {worst:.0e} over {len(smoothing)} fits", bool(worst < 1e-6)),
        ("tanks, 20 elements, K = 2: accurate predictions of the states", "key results",
         f"error from starts not seen {percent(min(held))} to {percent(max(held))} (medians by λ_s)",
         _all(held, lambda error: error < CLOSE)),
        ("a higher λ_s gives smoother trajectories but a worse fit", "design trade-offs",
         f"λ_s from 1e3 to 1e6: roughness {_arrow(rough)}, misfit per reading {_arrow(misfit)} σ²",
         bool(rough[1] < rough[0] and misfit[1] > misfit[0])),
        ("too low a λ_s leaves jagged z(t)", "failure signatures",
         f"λ_s from 1e3 to 1e6: turns of z a trajectory {_arrow(turns)}", bool(turns[0] > turns[1])),
        ("the choice of λ_s matters for the main solve (objectives more than 5 % apart)",
         "open question 3", f"objectives {number(min(solved))} to {number(max(solved))}; iterations "
         f"{_arrow(count)}", bool(max(solved) > 1.05 * min(solved))),
        _elements(of(rows, what="elements"))]


def _arrow(pair):
    return " → ".join(number(value) for value in pair)


def _elements(rows):
    numbers = "; ".join(f"{row['elements']}: {row['unknowns']} unknowns, trajectories off by "
                        f"{percent(row['collocation'])}, error ahead {percent(row['held out'])}"
                        for row in rows)
    better = [row["collocation"] for row in rows]
    return ("more elements give more accurate trajectories and a larger program", "design trade-offs",
            numbers,
            _all(zip(better, better[1:]), lambda pair: pair[1] < pair[0]))


# --- ablation ---------------------------------------------------------------------------------------
class _Compared:
    """Medians of two variants by system, in words and as ratios."""

    def __init__(self, rows, first, second, name, unit=""):
        systems = list(dict.fromkeys(row["system"] for row in rows))
        pairs = [[median(of(rows, system=system, variant=v), name) for v in (first, second)]
                 for system in systems]
        self.words = "; ".join(f"{s}: {_arrow(pair)}{unit}" for s, pair in zip(systems, pairs))
        self.ratios = [second / first for first, second in pairs]


def ablation(rows):
    """Smoother, pre-training, Hessians, refinement."""
    whole, memory, exact = "the whole algorithm (pair)", "limited memory to 1e-6", "exact Hessian"
    rows = [{**row, "pace": 1e3 * row["seconds"] / max(row["iterations"], 1)} for row in rows]
    smoother = _Compared(rows, whole, "without smoother", "seconds", " s")
    start = _Compared(rows, whole, "without pre-training", "seconds", " s")
    second = _Compared(rows, whole, exact, "seconds", " s")
    pace = _Compared(rows, exact, memory, "pace", " ms")
    count = _Compared(rows, exact, memory, "iterations")
    rough = _Compared(rows, whole, "without refinement", "objective")
    tried = of(rows, variant=memory)
    lost = sum(not row["solved"] for row in tried)
    return [
        ("leaving out step 1 (the smoother) affects the solution time substantially", "table 1",
         smoother.words, _all(smoother.ratios, lambda r: not 1.0 / MUCH < r < MUCH)),
        ("the smoother improves convergence dramatically", "mechanism 2", smoother.words,
         _all(smoother.ratios, lambda r: r > MUCH)),
        ("pre-training of the weights improves convergence", "method summary", start.words,
         _all(start.ratios, lambda r: r > 1.0)),
        ("the exact Hessian takes longer than the algorithm with limited memory (227 s against 37 s)",
         "table 1, trial D", f"algorithm → exact: {second.words}",
         _all(second.ratios, lambda r: r > 1.0)),
        ("limited memory is faster an iteration", "design trade-offs",
         f"exact → limited memory: {pace.words}", _all(pace.ratios, lambda r: r < 1.0)),
        ("limited memory needs more iterations", "design trade-offs",
         f"exact → limited memory: {count.words}", _all(count.ratios, lambda r: r > 1.0)),
        ("limited memory may struggle with strongly nonlinear networks", "limitations",
         f"{lost} of {len(tried)} solves do not reach 1e-6", lost > 0),
        ("a refinement with tight tolerance and exact Hessian, as an option, lowers the objective by "
         "more than 1 %", "critical path", f"with → without: {rough.words}",
         _all(rough.ratios, lambda r: r > 1.01))]


# --- fed batch, populations -------------------------------------------------------------------------
def fed(rows):
    """S ≥ 0 and seconds."""
    ways = {way: of(rows, way=way) for way in fed_batch.WAYS}
    ours, others = ways[fed_batch.OURS], [row for row in rows if row["way"] != fed_batch.OURS]
    low, low_other = (min(map(fed_batch.low, each)) for each in (ours, others))
    shares = ", ".join(f"{way} {percent(np.mean([fed_batch.below(row) for row in each]))}"
                       for way, each in ways.items())
    ends = {way: sum(row["end"] < fed_batch.BELOW for row in each) for way, each in ways.items()}
    seconds = {way: median(each, "seconds") for way, each in ways.items()}
    mine = seconds[fed_batch.OURS]
    return [
        ("the simultaneous way keeps S ≥ 0 while training, the sequential ways cannot", "mechanism 1",
         f"least S of all iterates {low:.1e} g/l, of the sequential ways {low_other:.2g} g/l; iterates "
         f"with S < 0: {shares}", bool(low >= fed_batch.BELOW > low_other)),
        ("violations S(t) < 0 of the trained trajectories are eliminated", "key results",
         f"trainings that end below 0, of {len(ours)}: " + ", ".join(f"{w} {n}" for w, n in ends.items()),
         ends[fed_batch.OURS] == 0),
        ("it is faster than sequential training", "key results",
         "medians: " + ", ".join(f"{way} {value:.3g} s" for way, value in seconds.items()),
         _all([value for way, value in seconds.items() if way != fed_batch.OURS], lambda s: s > mine)),
        ("the law is more accurate, too (by more than 5 %)", "summary", ", ".join(
            f"{way} {percent(median(each, 'law'))}" for way, each in ways.items()),
         _all([median(ways[way], "law") for way in fed_batch.WAYS[1:]],
              lambda error: error > 1.05 * median(ours, "law"))), _at_test_time(ours)]


def _at_test_time(ours):
    ahead = sum(row["ahead"] < fed_batch.BELOW for row in ours)
    return ("an integrator at test time does not enforce constraints", "failure signatures",
            f"plain simulations fall below 0 with {ahead} of {len(ours)} laws trained with S ≥ 0 (least "
            f"{min(row['ahead'] for row in ours):.2g} g/l); predicted with bounds: least "
            f"{min(row['kept'] for row in ours):.1e} g/l", bool(ahead))


def populations(rows):
    """V' ≤ 0."""
    free, falling = of(rows, model="without V"), of(rows, model="V' ≤ 0")
    worst, kept = (max(row["rise"] for row in each) for each in (free, falling))
    ahead = [np.nanmax([row["rise ahead"] for row in each]) for each in (free, falling)]
    held = [median(each, "held out") for each in (free, falling)]
    solved = sum(row["solved"] for row in falling)
    return [
        ("path constraints from a Lyapunov function are handled", "key results",
         f"largest V' at the points of training {kept:.1e}, without the constraint {worst:.1e}; solved "
         f"{solved} of {len(falling)}", bool(kept < 1e-6 and solved == len(falling))),
        ("populations: the model generalises", "summary",
         f"error from starts not seen {percent(held[0])} without V' ≤ 0, {percent(held[1])} with; "
         f"largest V' of simulations from there {ahead[0]:.1e} and {ahead[1]:.1e}",
         _all(held, lambda error: error < CLOSE))]


# --- questions and limitations ----------------------------------------------------------------------
def hybrids(rows):
    """Of the first open question."""
    systems = list(dict.fromkeys(row["system"] for row in rows))
    hessians = ("exact", "hybrid", "limited-memory")
    at = {(s, h, name): median(of(rows, system=s, hessian=h), name)
          for s in systems for h in hessians for name in ("iterations", "seconds")}
    cells = {key[:2]: f"{key[1]} {number(at[key])} ({number(at[(*key[:2], 'seconds')], 2)} s)"
             for key in at if key[2] == "iterations"}
    told = [f"{s}: " + ", ".join(cells[s, h] for h in hessians) for s in systems]

    def better(other):
        return _all([(at[s, "hybrid", name], at[s, other, name]) for s in systems
                     for name in ("iterations", "seconds")], lambda pair: pair[0] < pair[1])
    return [("a hybrid Hessian needs fewer iterations and less time than limited memory",
             "open question 1",
             "; ".join(told), better("limited-memory")),
            ("and than the exact Hessian", "open question 1", "as above", better("exact"))]


def decompositions(rows):
    """Of the second."""
    last, apart = rows[-1], max(row["objectives"] for row in rows)
    gains = "; ".join(f"{row['trajectories']} trajectories: {row['sparse'] / row['reduced']:.2g} times"
                      for row in rows)
    return [("decomposition (a Schur complement) keeps the accuracy", "open question 2",
             f"objectives after {last['iterations']} iterations differ by {apart:.0e}",
             bool(apart < 1e-6)),
            ("and reduces the cost significantly", "open question 2", gains,
             bool(last["sparse"] > MUCH * last["reduced"]))]


def automatics(rows):
    """Of the third."""
    found = [(f"{system}, seed {seed}", auto["held out"], hand[0]["held out"],
              float(np.median([row["held out"] for row in hand])))
             for system, seed, auto, hand in automatic.compared(rows)]
    words = "; ".join(f"{name}: {percent(auto)} against {percent(best)} (median {percent(middle)})"
                      for name, auto, best, middle in found)
    return [("parameters can be chosen automatically: error from starts not seen within a factor of "
             f"{MUCH:g} of the best pair by hand, which only the truth tells", "open question 3", words,
             _all(found, lambda each: each[1] <= MUCH * each[2])),
            ("… or not above the median of those by hand", "open question 3", "as above",
             _all(found, lambda each: each[1] <= each[3]))]


def limits(rows):
    """Index above 1 and stiffness."""
    found = []
    for claim, names, word in (("restricted to index 1", ("tank", "pendulum"), "not here"),
                               ("untested on stiff systems", ("Robertson", "enzyme"), "tested here")):
        groups = [mine for mine in (of(rows, case=name) for name in names) if mine]
        if groups:
            good = all(row["solved"] for mine in groups for row in mine)
            found.append((claim, "limitations", "; ".join(map(_told, groups)),
                          word if good else f"{word}, not all solved"))
    return found


def _told(rows):
    """A case in words."""
    solved = sum(row["solved"] for row in rows)
    return (f"{rows[0]['case']} (index {rows[0]['index']}): {solved} of {len(rows)} solved, error of the "
            f"law {percent(median(rows, 'law'))}")


CLAIMS = {"tanks": tanks, "ablation": ablation, "fed_batch": fed, "population": populations,
          "hybrid": hybrids,
          "decomposition": decompositions, "automatic": automatics, "limitations": limits}
