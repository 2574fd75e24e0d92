"""What the paper claims, and what the rows show: (claim, numbers, holds).

Claims are those of the text the project grew from, which states few numbers of its own; holds is True, False,
"in part", or None where rows are missing or too small to tell.
"""

import numpy as np

from examples.paper import automatic, fed_batch
from examples.paper.page import median, number, of, percent

WORDS = {True: "holds", False: "**does not**", None: "not run"}
MUCH = 2.0          # "substantially", "dramatically": a factor in the median seconds


def of_all(found):
    """[(claim, source, numbers, verdict)] of {experiment: rows}."""
    lists = [CLAIMS[name](found[name]) for name in CLAIMS if found.get(name)]
    return [(claim, source, numbers, WORDS.get(holds, holds)) for each in lists
            for claim, source, numbers, holds in each]


# --- tanks ------------------------------------------------------------------------------------------
def tanks(rows):
    """Mass balances, and what λ_s does."""
    smoothing = [row for row in of(rows, what="smoothing") if row["lambda"] != "auto"]
    ends = [of(smoothing, **{"lambda": f(row["lambda"] for row in smoothing)}) for f in (min, max)]
    rough, misfit, turns = ([median(each, name) for each in ends] for name in ("roughness", "misfit", "jumps"))
    iterations = [median(each, "iterations") for each in ends]
    elements = of(rows, what="elements")
    worst = max(row["violation"] for row in smoothing)
    held = [median(of(smoothing, **{"lambda": value}), "held out")
            for value in dict.fromkeys(row["lambda"] for row in smoothing)]
    solved = [median(of(smoothing, **{"lambda": value}), "objective")
              for value in dict.fromkeys(row["lambda"] for row in smoothing)]
    return [
        ("tanks, 20 elements, K = 2: mass balances hold rigorously", "key results",
         f"largest violation of an equation {worst:.0e} over {len(smoothing)} fits", bool(worst < 1e-6)),
        ("tanks, 20 elements, K = 2: accurate predictions of the states", "key results",
         f"error from starts not seen {percent(min(held))} to {percent(max(held))} (medians by λ_s)",
         bool(max(held) < 0.1)),
        ("a higher λ_s gives smoother trajectories but a worse fit", "design trade-offs",
         f"λ_s from 1e3 to 1e6: roughness {number(rough[0])} → {number(rough[1])}, misfit per reading "
         f"{number(misfit[0])} → {number(misfit[1])} σ²", bool(rough[1] < rough[0] and misfit[1] > misfit[0])),
        ("too low a λ_s leaves jagged z(t)", "failure signatures",
         f"turns of z a trajectory at 1e3: {number(turns[0])}, at 1e6: {number(turns[1])}", bool(turns[0] > turns[1])),
        ("λ_s has to be tuned for the main solve", "mechanism 2",
         f"objectives of the main solve {number(min(solved))} to {number(max(solved))}, iterations "
         f"{number(iterations[0])} at 1e3, {number(iterations[1])} at 1e6",
         bool(max(solved) > 1.05 * min(solved))),
        ("more elements give more accurate trajectories and a larger program", "design trade-offs",
         "; ".join(f"{row['elements']}: {row['unknowns']} unknowns, collocation error {percent(row['collocation'])}"
                   for row in elements),
         bool(len(elements) > 1 and elements[-1]["collocation"] < elements[0]["collocation"]) or None)]


# --- ablation ---------------------------------------------------------------------------------------
def ablation(rows):
    """Smoother, pre-training, Hessians, refinement."""
    names = list(dict.fromkeys(row["system"] for row in rows))

    def times(variant, name="seconds"):
        return [median(of(rows, system=system, variant=variant), name) for system in names]

    def compared(variant, whole="the whole algorithm (pair)", name="seconds"):
        a, b = times(whole, name), times(variant, name)
        unit = " s" if name == "seconds" else ""
        words = "; ".join(f"{system}: {number(x)} → {number(y)}{unit}" for system, x, y in zip(names, a, b))
        return words, [y / x for x, y in zip(a, b)]

    smoother, by = compared("without smoother")
    start, by_start = compared("without pre-training")
    exact, by_exact = compared("exact Hessian")
    memory, by_memory = compared("limited memory to 1e-6", "exact Hessian", "iterations")
    pace = [[np.median([row["seconds"] / max(row["iterations"], 1) for row in of(rows, system=system, variant=v)])
             for v in ("limited memory to 1e-6", "exact Hessian")] for system in names]
    rough, by_rough = compared("without refinement", name="objective")
    lost = sum(not row["solved"] for row in of(rows, variant="limited memory to 1e-6"))
    return [
        ("leaving out step 1 (the smoother) affects the solution time substantially", "mechanism 2, table 1",
         smoother, _all(by, lambda r: r > MUCH or r < 1.0 / MUCH)),
        ("the smoother improves convergence dramatically", "mechanism 2", smoother, _all(by, lambda r: r > MUCH)),
        ("pre-training of the weights improves convergence", "method summary", start,
         _all(by_start, lambda r: r > 1.0)),
        ("the exact Hessian takes longer than the algorithm with limited memory (227 s against 37 s)",
         "table 1, trial D", exact, _all(by_exact, lambda r: r > 1.0)),
        ("limited memory is faster an iteration", "design trade-offs", "; ".join(
            f"{system}: {1e3 * a:.2g} against {1e3 * b:.2g} ms" for system, (a, b) in zip(names, pace)),
         _all(pace, lambda r: r[0] < r[1])),
        ("and needs more iterations", "design trade-offs", f"exact → limited memory: {memory}",
         _all(by_memory, lambda r: r > 1.0)),
        ("limited memory may struggle with strongly nonlinear networks", "limitations",
         f"{lost} of {len(of(rows, variant='limited memory to 1e-6'))} solves do not reach 1e-6", lost > 0),
        ("a refinement with tight tolerance and exact Hessian is worth it (an option)", "critical path",
         f"objective with → without: {rough}", _all(by_rough, lambda r: r > 1.01))]


def _all(values, holds):
    """True if it holds of all, False if of none."""
    found = [bool(holds(value)) for value in values]
    return True if all(found) else "in part" if any(found) else False


# --- fed batch, populations -------------------------------------------------------------------------
def fed(rows):
    """S ≥ 0 and seconds."""
    ours, others = of(rows, way=fed_batch.OURS), [row for row in rows if row["way"] != fed_batch.OURS]
    ends = {way: sum(row["end"] < fed_batch.BELOW for row in of(rows, way=way)) for way in fed_batch.WAYS}
    seconds = {way: median(of(rows, way=way), "seconds") for way in fed_batch.WAYS}
    shots = [seconds[way] for way in fed_batch.SHOOTING]
    ahead = sum(row["ahead"] < fed_batch.BELOW for row in ours)
    kept = min(row["kept"] for row in ours)
    return [
        ("the simultaneous way keeps S ≥ 0 while training, the sequential ways cannot", "mechanism 1",
         f"least S of all iterates {min(map(fed_batch.low, ours)):.1e} g/l; sequential "
         f"{min(map(fed_batch.low, others)):.2g} g/l, "
         + ", ".join(f"{way}: {percent(np.mean([fed_batch.below(r) for r in of(rows, way=way)]))} of iterates"
                     for way in fed_batch.WAYS[1:]),
         bool(min(map(fed_batch.low, ours)) >= fed_batch.BELOW and min(map(fed_batch.low, others)) < fed_batch.BELOW)),
        ("violations S(t) < 0 of the trained trajectories are eliminated", "key results",
         "fits that end below 0: " + ", ".join(f"{way} {n}" for way, n in ends.items())
         + f" of {len(ours)}", ends[fed_batch.OURS] == 0),
        ("it is faster than sequential training", "key results",
         ", ".join(f"{way} {value:.3g} s" for way, value in seconds.items()),
         _all(shots, lambda s: s > seconds[fed_batch.OURS])),
        ("an integrator at test time does not enforce constraints", "failure signatures",
         f"plain simulations below 0 with {ahead} of {len(ours)} laws trained with S ≥ 0 (least "
         f"{min(row['ahead'] for row in ours):.2g} g/l); predicted with bounds: least {kept:.1e} g/l", bool(ahead))]


def populations(rows):
    """V' ≤ 0."""
    free, falling = of(rows, model="without V"), of(rows, model="V' ≤ 0")
    worst, kept = max(r["rise"] for r in free), max(r["rise"] for r in falling)
    ahead = [max((r["rise ahead"] for r in each if r["rise ahead"] is not None and not np.isnan(r["rise ahead"])),
                 default=np.nan) for each in (free, falling)]
    return [
        ("path constraints from a Lyapunov function are handled", "key results",
         f"largest V' at the points of training {kept:.1e}, without the constraint {worst:.1e}; solved "
         f"{sum(r['solved'] for r in falling)} of {len(falling)}",
         bool(kept < 1e-6 and all(r["solved"] for r in falling))),
        ("they make the law better from other starts (expected, not stated)", "–",
         f"error from starts not seen {percent(median(free, 'held out'))} without, "
         f"{percent(median(falling, 'held out'))} with; largest V' of simulations {ahead[0]:.1e} and {ahead[1]:.1e}",
         bool(median(falling, "held out") < median(free, "held out")))]


# --- questions and limitations ----------------------------------------------------------------------
def hybrids(rows):
    """Of the first open question."""
    names = list(dict.fromkeys(row["system"] for row in rows))
    at = {h: [median(of(rows, system=s, hessian=h), "iterations") for s in names]
          for h in ("exact", "hybrid", "limited-memory")}
    words = "; ".join(f"{name}: {', '.join(f'{h} {number(v[k])}' for h, v in at.items())}"
                      for k, name in enumerate(names))
    return [("a hybrid Hessian needs fewer iterations than limited memory", "open question 1", words,
             _all(list(zip(at["hybrid"], at["limited-memory"])), lambda p: p[0] < p[1])),
            ("and fewer than the exact one", "open question 1", words,
             _all(list(zip(at["hybrid"], at["exact"])), lambda p: p[0] < p[1]))]


def decompositions(rows):
    """Of the second."""
    last = rows[-1]
    return [("a Schur complement over trajectories keeps the accuracy", "open question 2",
             f"objectives after {last['iterations']} iterations differ by {max(r['objectives'] for r in rows):.0e}",
             bool(max(r["objectives"] for r in rows) < 1e-6)),
            ("and reduces the cost significantly", "open question 2", "; ".join(
                f"{r['trajectories']} trajectories: {r['sparse'] / r['reduced']:.2g} times" for r in rows),
             bool(last["sparse"] > MUCH * last["reduced"]))]


def automatics(rows):
    """Of the third."""
    pairs = [(system, seed, auto["held out"], hand[0]["held out"], float(np.median([r["held out"] for r in hand])))
             for system, seed, auto, hand in automatic.compared(rows)]
    return [("parameters can be chosen automatically as well as by hand (within a factor of 2 of the best of all "
             "pairs tried, which is known to whoever knows the truth)", "open question 3",
             "; ".join(f"{system} {seed}: {percent(a)} against {percent(b)} (median by hand {percent(m)})"
                       for system, seed, a, b, m in pairs), _all(pairs, lambda p: p[2] <= 2.0 * p[3]))]


def limits(rows):
    """Index above 1 and stiffness."""
    def words(cases):
        return "; ".join(f"{name} (index {of(rows, case=name)[0]['index']}): error of the law "
                         f"{percent(median(of(rows, case=name), 'law'))}, {sum(r['solved'] for r in of(rows, case=name))} "
                         f"of {len(of(rows, case=name))} solved" for name in cases)
    present = {row["case"] for row in rows}
    groups = [[name for name in names if name in present] for names in (("tank", "pendulum"), ("Robertson", "enzyme"))]
    claims = ("restricted to index 1 (here: of this implementation)", "untested on stiff systems (here: whether it fails)")
    return [(claim, "limitations", words(cases),
             not all(row["solved"] for row in rows if row["case"] in cases))
            for claim, cases in zip(claims, groups) if cases]


CLAIMS = {"tanks": tanks, "ablation": ablation, "fed_batch": fed, "population": populations, "hybrid": hybrids,
          "decomposition": decompositions, "automatic": automatics, "limitations": limits}
