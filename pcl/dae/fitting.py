"""Training the unknown terms of a model by the simultaneous approach, stage by stage."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from pcl.dae import scaled
from pcl.dae.doors import require_start, require_structure
from pcl.dae.fitted import Fit
from pcl.dae.guess import first_guess
from pcl.dae.law import Law
from pcl.dae.law_range import output_range
from pcl.dae.pretrain import Preparation
from pcl.dae.refinement import measured, refined, settled, shift_words, unmet, warned
from pcl.dae.relaxed import relaxed
from pcl.dae.scatter import warn_of_sizes
from pcl.dae.setting import Setting
from pcl.dae.smooth import smooth
from pcl.interior_point.kkt import BACKENDS
from pcl.interior_point.status import Status
from pcl.validate import known, positive_integer, positive_number

COARSE = 1e-3               # tolerance of the first of two main solves
COARSE_MAXITER = 100        # its iterations: it only has to come near
RESTARTS = 2                # main solves that may follow one that failed
WORSE = 4.0                 # misfit, relative to the smoother's, from which another start is tried too
_NOISE = 1e-4               # of the spread of the data, added to the smoother's misfit in that comparison
_SHORT = 200                # a limit of fewer iterations than these is meant: no restart follows
_MEANT = (Status.STOPPED_BY_CALLBACK, Status.INTERRUPTED, Status.TIME_LIMIT)


@dataclass(frozen=True)
class Stage:
    """One line of the report: name, words on what was chosen or reached, iterations, seconds."""

    name: str
    words: str
    iterations: int
    seconds: float

    def __str__(self):
        return f"{self.name:<12} {self.iterations:>5} iterations {self.seconds:8.2f} s   {self.words}"


def fit(model, data, network=None, *, elements="auto", scheme=None, start=None, seed=0, smoothing="auto",
        weight_decay="auto", scaling="auto", normalise=True, hessian="auto", kkt="reduced", tol=1e-6,
        maxiter=1000, max_seconds=None, callback=None, refine=None):
    """Train laws and parameters on data: smoother → normalisation → pre-training → main solve.

    minimise Σ ω (simulated − observed)² + ½ ρ ‖θ‖² over trajectories, parameters and weights θ at once,
    subject to the collocated equations, bounds and path constraints. `pcl.dae.relaxed` makes the first
    guess, `pcl.dae.smooth` is the smoother. A main solve that fails, or whose objective is far above the
    smoother's, is started again from elsewhere, at most twice, and the best is kept. Every choice is in
    the report, `str(fit)`.

    Parameters
    ----------
    model : Model
    data : Data, Trajectory or list of them
    network : MLP, Law, list of Law, or None
        An MLP takes all states and gives all outputs. None for a model without outputs.
    elements : int, or one int, Mesh or array of boundaries a trajectory; "auto": as many as the data ask
        for, at least 20 a trajectory, and after the main solve finer ones where they matter until halving
        them would move no parameter and no law by more than 0.1 standard errors (`pcl.dae.shift`), within
        the limits of `pcl.dae.refinement`. Elements end where the table of an input jumps or bends.
    scheme : collocation.Scheme, radau(3) by default
    start : {name: number}, first guesses of parameters and of variables that are not observed
    seed : int, of the initial weights
    smoothing : λ of the smoother, or "auto": the one whose trajectories, with the weights pre-trained on
        them, have the least objective
    weight_decay : ρ, or "auto": 2 × the mean squared residual the smoother leaves, which makes the result
        the most probable weights under a standard normal prior
    scaling : "none"; "variance": observations weighted by 1/variance of their variable; "auto":
        "variance" if there are outputs and all weights are 1, else "none"
    normalise : bool, whether laws take shift and scale of their variables from the smooth trajectories
    hessian : "exact", "limited-memory", "hybrid", "gauss-newton" (see `pcl.dae.hessians`); a tuple of two
        of them for a coarse solve (to 1e-3, at most 100 iterations) and the final one; "auto" is "exact"
    kkt : "reduced" (`pcl.dae.kkt_reduced`), or a backend of the whole matrix: "sparse", "superlu",
        "dense", see `pcl.interior_point.kkt`
    tol, maxiter, max_seconds, callback : of each solve; see `pcl.interior_point.solve` and `ProgressLog`
    refine : tolerance of the estimated error in every element, relative to the largest magnitude of a
        variable; elements are split or merged and the program is solved again from where it was, until it
        is met. None: the elements stay.

    Returns
    -------
    Fit

    Raises
    ------
    TypeError, ValueError
        Before anything is solved: arguments that do not fit, equations that do not determine their
        unknowns (StructureError), given starts that violate a constraint (InconsistentStart).
    KeyboardInterrupt
        In the smoother. In the main solve Ctrl-C ends the fit with what was found.
    """
    setting = Setting.of(model, data, elements, scheme)
    laws = _laws(model, network)
    setting = setting.scaled(_scaling(scaling, setting.data, laws))
    seed = positive_integer("seed", seed, minimum=0)
    if isinstance(kkt, str):
        known("kkt", kkt, ("reduced", *BACKENDS))
    automatic = isinstance(elements, str) and refine is None
    clock, refine = _Clock(), refine if refine is None else positive_number("refine", refine)
    if smoothing != "auto":
        smoothing = positive_number("smoothing", smoothing, zero=True)
    if weight_decay != "auto":
        weight_decay = positive_number("weight_decay", weight_decay, zero=True)
    x = first_guess(setting, start)
    report = require_structure(setting, laws, x)
    require_start(setting)
    warn_of_sizes(setting)
    solve = _Solve(hessian, kkt, tol, maxiter, max_seconds, callback, clock)
    if not laws:
        stages = [clock.stage("guess", f"data interpolated; {_start_words(setting, report)}", 0)]
        return _main(setting, _starts(setting, x), np.inf, stages, solve, refine, automatic)
    x = relaxed(setting, x)
    stages = [clock.stage("guess", f"data and equations together; {_start_words(setting, report)}", 0)]
    prepare = Preparation(setting, laws, weight_decay, normalise)
    smoothed = smooth(setting, x, smoothing, lambda x: prepare.cost(prepare(x, seed)),
                      [(law.outputs, *output_range(law)) for law in laws], callback, max_seconds)
    stages.append(clock.stage("smoother", _smoothing_words(smoothed), smoothed.result.nit))
    first = prepare(smoothed.x, seed)
    attempts = _attempts(prepare, first, smoothed, seed, stages, clock)
    return _main(setting, attempts, _enough(first), stages, solve, refine, automatic)


def _starts(setting, x):
    """Yield (words, laws, penalties, x) of a model without laws."""
    yield "", [], [], x
    yield "again, from data and equations together; ", [], [], relaxed(setting, x)


def _attempts(prepare, start, smoothed, seed, stages, clock):
    """Yield (words, laws, penalties, x): other weights and another smoothing each time, as stages say."""
    words, prepare = "", replace(prepare, decay=start.decay)    # one objective for all
    for k in range(1 + len(smoothed.others)):
        if k:
            start = prepare(smoothed.others[k - 1], seed + k * len(prepare.laws))
        stages.append(clock.stage("pre-training", f"{words}{start}", 0))
        yield words, start.laws, [start.decay] * len(start.laws), np.concatenate([start.x, *start.thetas])
        words = "again, from another smoothing and other weights; "


@dataclass(frozen=True)
class _Solve:
    """Options of the main solve."""

    hessian: object
    kkt: object
    tol: float
    maxiter: int
    max_seconds: float
    callback: object
    clock: object

    def passes(self, program, x, words=""):
        """(result, stages) of all passes."""
        result, stages = None, []
        for name, hessian, tol, maxiter in _passes(self.hessian, self.tol, self.maxiter):
            result = self.one(program, x, hessian, tol, result, maxiter=maxiter)
            x = result.x
            stages.append(self.stage(name, hessian, tol, result, words))
        return result, stages

    def one(self, program, x, hessian, tol, warm_start=None, **options):
        """One solve."""
        return scaled.solve(program, x, hessian, self.kkt, tol=tol, max_seconds=self.max_seconds,
                            callback=self.callback, warm_start=warm_start,
                            **{"maxiter": self.maxiter, **options})

    def last(self):
        """(Hessian, tolerance) of the last pass."""
        return _passes(self.hessian, self.tol, self.maxiter)[-1][1:3]

    def stage(self, name, hessian, tol, result, more=""):
        """Its line of the report."""
        how = hessian if isinstance(hessian, str) else type(hessian).__name__
        words = f"{more}{how} Hessian to {tol:g}: objective {result.fun:.6g}. {result.message}"
        return self.clock.stage(name, words, result.nit)


def _main(setting, attempts, enough, stages, solve, refine, automatic):
    """The `Fit`: the first attempt solved with an objective below `enough`, or the best of all."""
    best, attempt = None, solve
    for k, (words, laws, penalties, x) in enumerate(attempts):
        program = setting.transcription(laws, penalties)
        result, more = attempt.passes(program, x, words)
        stages += more
        misfit = _misfit(setting, result.x)
        if best is None or _rank(result, misfit) < _rank(*best[1:]):
            best = program, result, misfit
        if k == RESTARTS or _meant(result, solve.maxiter) or (result.success and result.fun <= enough):
            break
        if result.success:          # another start is a luxury
            attempt = replace(solve, maxiter=min(solve.maxiter, _SHORT))
    program, result, _ = best
    return _finished(setting, program, result, stages, solve, refine, automatic, enough)


def _finished(setting, program, result, stages, solve, refine, automatic, enough):
    """The `Fit` after its elements were refined, and how far they bias it."""
    (hessian, tol), note, moves = solve.last(), "", None
    if refine is not None:
        rounds = refined(setting, program, result, refine, solve.one, hessian, tol)
        for setting, program, result, words in rounds:
            stages.append(solve.stage("refinement", hessian, tol, result, words))
    if result.success:
        rounds = settled(setting, program, result, solve.one, hessian, tol, automatic)
        for k, (setting, program, result, moves) in enumerate(rounds):
            if k:
                stages.append(solve.stage("refinement", hessian, tol, result))
        stages.append(solve.clock.stage("shift", shift_words(moves, setting, automatic), 0))
    stages += [solve.clock.stage("inputs", words, 0) for words in warned(setting)]
    if refine is None:
        stages.append(solve.clock.stage("elements", measured(setting, result), 0))
    else:
        words, note = unmet(setting, result, refine)
        stages.append(solve.clock.stage("refinement", words, 0))
    return Fit(setting, program, result, tuple(stages), note, moves, enough)


def _enough(start):
    """Objective not far above that of the smooth trajectories and the weights pre-trained on them."""
    return WORSE * (start.misfit + _NOISE * start.spread) + start.penalty


def _rank(result, misfit):
    finite = np.isfinite(result.fun)
    return not result.success, not finite, result.fun if finite else misfit


def _meant(result, maxiter):
    """Whether the end of this solve was asked for."""
    return result.status in _MEANT or (result.status is Status.ITERATION_LIMIT and maxiter < _SHORT)


def _misfit(setting, x):
    return setting.misfit.value(setting.elements.local(x[:setting.elements.n]))


def _passes(hessian, tol, maxiter):
    """[(name, Hessian, tolerance, iterations), …]."""
    hessian = "exact" if isinstance(hessian, str) and hessian == "auto" else hessian
    if isinstance(hessian, tuple):
        coarse, fine = hessian
        return [("coarse", coarse, max(COARSE, tol), min(COARSE_MAXITER, maxiter)),
                ("main", fine, tol, maxiter)]
    return [("main", hessian, tol, maxiter)]


def _laws(model, network):
    """A list of laws that give every output once."""
    if network is None:
        laws = []
    elif isinstance(network, (list, tuple)):
        laws = list(network)
    elif isinstance(network, Law):
        laws = [network]
    else:
        laws = [Law(network, model.states, model.outputs)]
    for k, law in enumerate(laws):
        _require_law(model, law, "network" if network is law else f"network[{k}]")
    given = [name for law in laws for name in law.outputs]
    if sorted(given) != sorted(model.outputs):
        raise ValueError(f"network gives {', '.join(given) or 'nothing'}; expected each of the model's "
                         f"outputs ({', '.join(model.outputs) or 'none'}) once.")
    return laws


def _require_law(model, law, label):
    if not isinstance(law, Law):
        raise TypeError(f"{label} is a {type(law).__name__}; expected a Law, which names inputs and "
                        "outputs.")
    sides = {"inputs": (*model.states, *model.algebraic, *model.inputs, "t"), "outputs": model.outputs}
    for side, names in sides.items():
        for name in getattr(law, side):
            if name not in names:
                raise ValueError(f"{label} has {name!r} among its {side}; expected some of the model's "
                                 f"{', '.join(names) or f'{side}, of which there are none'}.")


def _scaling(scaling, data, laws):
    if scaling != "auto":
        return scaling
    plain = all((s.weights == 1.0).all() for item in data for s in item.observed.values())
    return "variance" if laws and plain else "none"


def _start_words(setting, report):
    """What was chosen before anything is solved."""
    scheme, E = setting.scheme, setting.elements.E
    factors = {name: factor for name, factor in setting.factors.items() if factor != 1.0}
    words = f"{E} elements, {scheme.name} with {scheme.K} points"
    words += f"; index {report.index}" if report.index is not None else ""
    words += f"; {_span_words(setting)}"
    if factors:
        words += "; observations weighted by 1/variance: " + ", ".join(
            f"{name} {factor:.3g}" for name, factor in factors.items())
    return words


def _span_words(setting):
    """From when to when the first trajectory is solved, and what its start is given as."""
    (t0, t1), initial = setting.meshes[0].times[[0, -1]], next(iter(setting.data)).initial
    given = ", ".join(f"{name} = {value:.4g}" for name, value in initial.items())
    return f"{setting.names[0]}: t from {t0:.4g} to {t1:.4g}, {given or 'no state'} given at {t0:.4g}"


def _smoothing_words(smoothed):
    how = f"the best start of {len(smoothed.tried)}" if smoothed.tried else "given"
    return f"smoothing {smoothed.smoothing:.3g} ({how}). {smoothed.result.message}"


class _Clock:
    def __init__(self):
        self._last = time.perf_counter()

    def stage(self, name, words, iterations):
        now = time.perf_counter()
        stage = Stage(name, words, iterations, now - self._last)
        self._last = now
        return stage
