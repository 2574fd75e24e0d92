"""Training the unknown terms of a model, stage by stage."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import cycle, islice
from typing import Any

import numpy as np

from pcl.collocation import Scheme
from pcl.dae.blocks import side_by_side
from pcl.dae.data.experiments import Data
from pcl.dae.data.scatter import warn_of_sizes
from pcl.dae.data.splines import left_by_splines
from pcl.dae.data.trajectory import Trajectory
from pcl.dae.failures import CallbackRaised, FAILURES, failed, guarded, said
from pcl.dae.laws.law import Law
from pcl.dae.laws.output_range import ranges
from pcl.dae.model import Model
from pcl.dae.program.breaks import fits
from pcl.dae.program.setting import Setting
from pcl.dae.result.fit_result import Fit
from pcl.dae.result.foot import words_of
from pcl.dae.result.smoothing import Smoothing
from pcl.dae.sequential.solve import require_sequential
from pcl.dae.stages.attempts import search_parameters
from pcl.dae.stages.densities import as_squares, densities_of
from pcl.dae.stages.doors import require_start, require_structure
from pcl.dae.stages.likelihood import with_likelihood
from pcl.dae.stages.many import best_of, tasks, with_model
from pcl.dae.stages.noise_level import settled_decay
from pcl.dae.stages.pretrain import Preparation, trainer
from pcl.dae.stages.refinement import measured, refined, settled, shift_words, unmet, warned
from pcl.dae.stages.report import Clock, start_words
from pcl.dae.stages.smooth import Smoothed, smooth
from pcl.dae.stages.solves import Search, SHORT, Solves
from pcl.dae.stages.start import Start
from pcl.dae.stages.together import NOISE, together, WORSE
from pcl.execute import threads
from pcl.support.nearest import nearest
from pcl.support.processes import jobs
from pcl.support.validate import known, positive_integer, positive_number
from pcl.uncertainty.noise import Noise

STARTS = 5                  # networks that main solves may start from
SMOOTHINGS = 3              # whose trajectories they are pre-trained on in turn
PLACES = 25                 # of a law: beyond them the smoother has fewer than 16 free values an output
ABOVE = 2.0                 # the same without laws, relative to smoothing splines


def fit(model: Model, data: Data | Trajectory | Iterable[Trajectory], network: Any = None, *,
        elements: Any = "auto", scheme: Scheme | None = None, start: Any = None, trajectories: Any = None,
        seed: int = 0, smoothing: str | float = "auto", weight_decay: str | float = "auto",
        scaling: str = "auto", normalise: bool = True, hessian: str | tuple[str, str] = "auto",
        kkt: Any = "reduced", tol: float = 1e-6, maxiter: int = 1000, max_seconds: float | None = None,
        callback: Callable | None = None, refine: float | None = None,
        approach: str = "simultaneous", noise: Mapping[str, Noise] | None = None,
        starts: int | None = None, n_jobs: int | None = None, guess: Any = "auto", smoother: Any = "auto",
        pretrain: Any = "auto", executor: Any = None) -> Fit:
    """Train laws and parameters on data: smoother → normalisation → pre-training → main solve.

    minimise Σ ω (simulated − observed)² + ½ ρ ‖θ‖² over trajectories, parameters and weights θ at once,
    subject to the collocated equations, bounds and path constraints. With `noise` a last solve minimises
    −2 log p(readings) + ‖θ/σ‖² instead, unknown sizes of the noise among the parameters
    (`pcl.dae.stages.likelihood`). `pcl.dae.stages.relaxed` makes the first guess,
    `pcl.dae.stages.smooth` is the smoother. With laws, main solves start from several networks,
    pre-trained on several smoothings, until one is not far above the smoother's objective and a second
    agrees with it to 1 %; at most five, and the best is kept. Without laws several guesses are solved
    from, and others follow where the misfit is far above that of smoothing splines through the data
    (`pcl.dae.stages.attempts`). A solve that ends above the best point at which the rows held on its
    way is begun again from there. Every choice is in the report, `str(fit)`.

    Parameters
    ----------
    model : Model
    data : Data, Trajectory or list of them
    network : MLP, Law, list of Law, or None
        An MLP takes all states and gives all outputs. None for a model without outputs.
    elements : int, or one int, Mesh or array of boundaries a trajectory; "auto": as many as the data ask
        for, at least 20 a trajectory, and after the main solve finer ones where they matter until halving
        them would move no parameter and no law by more than 0.1 standard errors (`pcl.dae.result.shift`),
        within the limits of `pcl.dae.stages.refinement`. Elements end where the table of an input jumps
        or bends.
    scheme : collocation.Scheme, radau(3) by default
    start : {name: number}, first guesses of parameters and of variables that are not observed, kept but
        for a relative 1e-7 to bounds; or a `Smoothing`, which takes the place of guess and smoother; or
        an earlier Fit, also of other data or of a model that differs a little: its parameters,
        trajectories, laws and weight decay, with elements "auto" its elements, and where numbers of
        unknowns and rows are the same its multipliers. Guess, smoother and pre-training follow only if
        that end is not good enough.
    trajectories : {trajectory: Curve or {variable: (times, values)}}, as of an earlier fit; or
        "simulate": the equations solved with the parameters of `start` (a model without laws). The
        solver begins close to them: small barrier, multipliers by least squares.
    seed : int, of the initial weights, and of other parameters where a model without laws needs them
    smoothing : λ of the smoother, or "auto": the one whose trajectories, with the weights pre-trained on
        them, have the least objective
    weight_decay : ρ of ½ ρ ‖θ‖², or "auto": ½ ρ ‖θ/σ‖² with ρ = 2 × the variance of the residuals, first
        the smoother's, then those of the solve itself (`pcl.dae.stages.noise_level`). That makes the
        result the most probable weights under a normal prior of the deviations σ of
        `pcl.dae.laws.weight_prior`, several times as wide as weights are drawn
    scaling : "none"; "variance": observations weighted by 1/variance of their variable; "auto":
        "variance" if there are outputs and all weights are 1, else "none"
    normalise : bool, whether laws take shift and scale of their variables from the smooth trajectories
    hessian : "exact", "limited-memory", "hybrid", "gauss-newton" (see `pcl.dae.program.hessians`); a
        tuple of two of them for a coarse solve (to 1e-3, at most 100 iterations) and the final one;
        "auto" is "exact"
    kkt : "reduced" (`pcl.dae.kkt.reduced`), or a backend of the whole matrix: "sparse", "superlu",
        "dense", see `pcl.interior_point.kkt.protocol`
    tol, maxiter, max_seconds, callback : of each solve; see `pcl.interior_point.solve` and `ProgressLog`
    refine : tolerance of the estimated error in every element, relative to the largest magnitude of a
        variable; elements are split or merged and the program is solved again from where it was, until it
        is met. None: the elements stay.
    approach : "simultaneous": trajectories, parameters and weights are unknowns of one program;
        "sequential": the main solves see parameters, weights and free starts alone, and the equations are
        solved for the trajectories at each step (`pcl.dae.sequential`). Guess and smoother are the same.
        Sequential solves keep bounds of parameters, no others and no path constraints, and have the exact
        Hessian and no `kkt`: what does not apply is refused.
    noise : {name: model of `pcl.uncertainty.noise`}, optional
        What readings under a name scatter like: Gaussian() with an unknown σ, Proportional(), StudentT(),
        Censored(…, below=…); arrays are in the order of the trajectories. Names without one, and without
        sigma or weights, are read as Gaussian(). All stages but the last take weights in their place.
    starts : int, optional
        So many fits, and the best of them with the table of all in `Fit.starts`: from the start as it is
        given, then with other seeds of the weights, and with all parameters drawn by a Latin hypercube
        (`pcl.dae.stages.drawn`). A start that fails is named in the table and stops no other.
    n_jobs : int, optional
        Of `starts`, so many at a time, in processes of their own, one thread each; model and network must
        be such that they can be pickled by cloudpickle. Without `starts`, so many blocks of trajectories
        at a time, on threads (`pcl.dae.blocks`), where there are enough points and weights for more than
        one; a network of one's own must bear to be evaluated by several threads. −1 is one a processor;
        None is one start at a time, and as many blocks as NumPy's BLAS has threads. Numbers do not depend
        on it.
    guess : "auto"; None: the data interpolated, without the equations; or what `trajectories` may be
    smoother : "auto"; None: laws are pre-trained on the guess; or a `Smoothing`
    pretrain : "auto"; None: laws keep their initial weights; or a function (law, inputs (n, d), outputs
        (n, m), weights (p,)) -> weights
    executor : str or object, optional
        Where `starts` are fitted instead, as in `pcl.Problem.sum`: "processes", "dask", the address of a
        scheduler, an executor of `concurrent.futures`; n_jobs above 1 says how many workers are started.

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

    What goes wrong later, in a guess, the smoother, pre-training, a main solve or a refinement, is a line
    of the report, and the fit goes on with what it has; where no main solve was possible, `status` says
    why. Errors of the callback reach the caller.

    Examples
    --------
    The rate of a decay x' = −k x from three readings of 2 e^(−t/2) with the noise 0.0003:

    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
    >>> found = dae.fit(model, data, elements=2)
    >>> round(found.parameters["k"], 3), found.success
    (0.5, True)
    >>> round(found.standard_errors()["k"], 4)
    0.0002
    """
    data = data if isinstance(data, Data) else Data(data)
    densities = densities_of(data, noise)
    squares = as_squares(data, densities)
    setting = Setting.of(model, squares, _elements(elements, start, squares), scheme)
    laws = _laws(model, network)
    setting = replace(setting.scaled(_scaling(scaling, setting.data, laws, densities)),
                      stand_in=bool(densities))
    seed = positive_integer("seed", seed, minimum=0)
    at_once = _side_by_side(n_jobs)
    if executor is not None and starts is None:
        raise ValueError("executor is given, but no starts; expected both: a fit from one start uses "
                         "threads of this process, n_jobs of them.")
    automatic = isinstance(elements, str) and refine is None
    solve = Solves(hessian, kkt, tol, maxiter, max_seconds, callback, Clock(), approach)
    if approach == "sequential":
        require_sequential(setting.model, hessian, kkt)
    refine = refine if refine is None else positive_number("refine", refine)
    if smoothing != "auto":
        smoothing = positive_number("smoothing", smoothing, zero=True)
    if weight_decay != "auto":
        weight_decay = positive_number("weight_decay", weight_decay, zero=True)
    given, start = start, _start_of(setting, start, trajectories, guess, smoother)
    start.require_laws(laws)
    if starts is not None:
        n_jobs = 1 if n_jobs is None else n_jobs
        todo = _tasks(setting, laws, start, given, starts, seed, n_jobs, callback, executor)
        one = functools.partial(
            fit, model, data, network, elements=elements, scheme=scheme, trajectories=trajectories,
            smoothing=smoothing, weight_decay=weight_decay, scaling=scaling, normalise=normalise,
            hessian=hessian, kkt=kkt, tol=tol, maxiter=maxiter, max_seconds=max_seconds,
            callback=callback, refine=refine, approach=approach, noise=noise, guess=guess,
            smoother=smoother, pretrain=pretrain)
        return with_model(best_of(one, todo, n_jobs, executor), model)
    of_noise = {name for each in densities.values() for name in each.shared.values()}
    report = require_structure(setting, laws, start.x, of_noise)
    require_start(setting, start.x)
    if not densities:
        warn_of_sizes(setting)
    words = "; ".join(filter(None, (start_words(setting, report) + start.words,
                                    setting.unreadable(start.x))))
    try:
        with at_once, threads.for_small(sum(law.size for law in laws)):
            if laws:
                prepare = Preparation(setting, laws, weight_decay, normalise, train=trainer(pretrain))
                search, enough, first = _with_laws(prepare, start, words, solve, seed, smoothing)
                penalties = prepare.likely
            else:
                search, enough, first = _parameters_alone(setting, start, words, solve, seed)
                penalties = None
            note = ""
            if densities:
                search, note = with_likelihood(search, solve, data, densities, penalties)
            return _finished(search, solve, refine, automatic, enough, first, note)
    except CallbackRaised as raised:
        raise raised.error


def _side_by_side(n_jobs):
    """A context in which so many blocks of trajectories are worked on at a time."""
    return side_by_side(None if n_jobs is None else jobs(n_jobs))


def _elements(elements, start, data):
    """Those of an earlier fit where they are "auto" and its trajectories are these."""
    if not isinstance(elements, str) or not isinstance(start, Fit):
        return elements
    known("elements", elements, ("auto",))
    meshes = dict(zip(start.setting.names, start.setting.meshes))
    return [meshes[item.name] if fits(meshes.get(item.name), item) else "auto" for item in data]


def _start_of(setting, start, trajectories, guess, smoother):
    """`Start` with what the stages before the laws are asked to be."""
    if guess is None or (isinstance(guess, str) and guess == "auto"):
        plain = guess is None
    elif trajectories is not None:
        raise ValueError("trajectories and guess are both given; expected one of them.")
    else:
        plain, trajectories = False, guess
    if smoother is None or isinstance(smoother, Smoothing):
        return replace(Start.of(setting, start, trajectories, smoother), plain=plain,
                       smooth=smoother is not None)
    known("smoother", smoother, ("auto",))
    return replace(Start.of(setting, start, trajectories), plain=plain)


def _tasks(setting, laws, start, given, starts, seed, n_jobs, callback, executor):
    """What `starts` asks for, once the system and its starts are known to be determined."""
    count = positive_integer("starts", starts)
    if callback is not None and executor is not None:
        raise ValueError("callback and executor are both given: a callback cannot follow other "
                         "processes. Leave one of them out.")
    if callback is not None and n_jobs != 1:
        raise ValueError(f"callback is given and n_jobs is {n_jobs}: a callback cannot follow processes. "
                         "Use n_jobs=1, or no callback.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")             # the best start tells
        require_structure(setting, laws, start.x)
    require_start(setting, start.x)
    return tasks(setting, start, given, count, seed, STARTS * max(1, len(laws)))


def _parameters_alone(setting, start, words, solve, seed):
    """(Search, inf, (laws, penalties, unknowns) to go on with where nothing was solved)."""
    stages = [solve.clock.stage("guess", f"data interpolated; {words}", 0)]
    search = Search(setting, solve, ABOVE * left_by_splines(setting) + NOISE * setting.spread, stages)
    search_parameters(search, start, seed)
    return search, np.inf, ([], [], start.x)


def _with_laws(prepare, start, words, solve, seed, smoothing):
    """(Search, objective that is enough, (laws, penalties, unknowns) where nothing was solved)."""
    setting, parts = prepare.setting, None
    stages: list = []
    if _same_laws(start.laws, prepare.laws):
        search = Search(setting, solve, np.inf, stages, penalised=True)
        enough, parts = _continued(search, prepare, start, words, solve.clock)
        if search.done:
            return search, enough, parts
    x, how = together(setting, start)
    stages.append(solve.clock.stage("guess", f"{how}; {words}", 0))
    smoothed, words = _smoothed(prepare, x, smoothing, seed, solve, start)
    stages.append(solve.clock.stage("smoother", words, smoothed.iterations))
    prepared = _pretrained(prepare, smoothed, seed)
    enough = _enough(prepared) if smoothed.found and not prepared.note else np.inf
    search = Search(setting, solve, enough, stages, penalised=True)
    if parts is not None:                   # its weight decay is another one
        search.run("from the laws and trajectories given; ",
                   lambda: (parts[0], prepared.penalties, parts[2]), near=True)
    _search_laws(search, prepare.like(prepared), prepared, smoothed, seed, solve.clock)
    return search, enough, _parts(prepared)


def _continued(search, prepare, start, words, clock):
    """(objective that is enough, parts): a main solve from the laws, trajectories, weight decay and
    multipliers of an earlier fit."""
    setting, earlier = search.setting, start.earlier
    search.stages.append(clock.stage("guess", f"as in the fit given; {words}", 0))
    share = prepare.setting.misfit.size / max(1, earlier.program.misfit.size)
    made = prepare.given(start.x, [t.law for t in start.laws], [t.theta for t in start.laws],
                         _decay_of(prepare, earlier))
    left = earlier.setting.as_squares().misfit.at(earlier.setting.without_own(earlier.result.x))
    search.enough = WORSE * (share * left + NOISE * setting.spread) + made.penalty
    search.run("from the laws and trajectories given; ", lambda: _parts(made), near=True,
               warm_start=earlier.result)
    if search.done and prepare.decay == "auto" and not search.over:
        settled_decay(search, made)
    return search.enough, _parts(made)


def _decay_of(prepare, earlier):
    """ρ of an earlier fit of sums of squares, if it is not given."""
    if prepare.decay != "auto" or earlier.setting.densities:
        return None
    sigma = prepare.deviations(earlier.program.laws[0])
    return float(np.mean(earlier.program.penalties[0] * sigma ** 2))


def _smoothed(prepare, x, smoothing, seed, solve, start):
    """(`Smoothed` trajectories, words); the guess itself where there are none, and for laws at more than
    `PLACES` places, whose free trajectories would cost more than the main solve and not share a law."""
    if start.smoothing is not None:
        result, value = start.smoothing.result, start.smoothing.smoothing
        return Smoothed(x, value, [], result, [x]), f"smoothing {value:.3g}, its trajectories as given"
    if not start.smooth:
        return Smoothed(x, np.nan, [], None, []), "left out, as asked for"
    if smoothing == "auto" and any(len(law.places) > PLACES for law in prepare.laws):
        return Smoothed(x, np.nan, [], None, []), "left out: a law at many places; gone on with the guess"

    def cost(x):
        made = prepare(x, seed)
        return prepare.cost(made), made
    try:
        found = smooth(prepare.setting, x, smoothing, cost,
                       [ranges(law) for law in prepare.laws], guarded(solve.callback),
                       solve.max_seconds)
        return found, str(found)
    except FAILURES as error:
        return Smoothed(x, np.nan, [], None, []), f"not possible: {said(error)}; gone on with the guess"


def _pretrained(prepare, smoothed, seed):
    """The `pretrain.Start` of smooth trajectories."""
    if smoothed.start is not None:
        return smoothed.start
    try:
        return prepare(smoothed.x, seed)
    except FAILURES as error:
        return prepare.untrained(smoothed.x, seed, said(error))


def _search_laws(search, prepare, prepared, smoothed, seed, clock):
    """Main solves from other weights and another smoothing each time, until one is good enough and a
    second agrees with it, as stages say."""
    words, open_decay = "", prepare.decay == "auto"
    for k, x in enumerate(islice(cycle([smoothed.x, *smoothed.others][:SMOOTHINGS]), STARTS)):
        if search.over or (search.done and search.confirmed):
            break

        def make(k=k, x=x, words=words, prepare=prepare):
            made = prepared if k == 0 else prepare(x, seed + k * len(prepare.laws))
            search.stages.append(clock.stage("pre-training", f"{words}{made}", 0))
            return _parts(made)
        search.run(words, make, maxiter=SHORT if search.solved else None)   # else a luxury
        words = "again, from another smoothing and other weights; "
        if open_decay and search.solved:
            prepare, open_decay = replace(prepare, fixed=settled_decay(search, prepared)), False
    if len(search.met) > 1:
        search.stages.append(clock.stage("starts", search.agreement, 0))


def _parts(prepared):
    """(laws, penalties, unknowns)."""
    return prepared.laws, prepared.penalties, np.concatenate([prepared.x, *prepared.thetas])


def _same_laws(earlier, laws):
    """Whether the weights of an earlier fit are those of these laws."""
    return len(earlier) == len(laws) and all(
        (t.law.places, t.law.size) == (law.places, law.size)
        for t, law in zip(earlier, laws))


def _finished(search, solve, refine, automatic, enough, first, note):
    """The `Fit` after its elements were refined, and how far they bias it; of `first` = (laws, penalties,
    unknowns) without success where nothing could be solved."""
    setting, stages, moves = search.setting, search.stages, None
    if search.best is None:
        program = setting.transcription(*first[:2])
        return Fit(setting, program, failed(program, first[2], stages[-1].words), tuple(stages))
    (hessian, tol), (program, result, _) = solve.last(), search.best
    if refine is not None:
        rounds = refined(setting, program, result, refine, solve.one, hessian, tol)
        for setting, program, result, words in _unbroken(rounds, stages, solve.clock):
            stages.append(solve.stage("refinement", hessian, tol, result, words))
    if result.success:
        rounds = settled(setting, program, result, solve.one, hessian, tol, automatic)
        rounds = _unbroken(rounds, stages, solve.clock)
        for k, (setting, program, result, moves) in enumerate(rounds):
            if k:
                stages.append(solve.stage("refinement", hessian, tol, result))
        stages.append(solve.clock.stage("shift", shift_words(moves, setting, automatic), 0))
    stages += [solve.clock.stage("inputs", words, 0) for words in warned(setting)]
    if refine is None:
        stages.append(solve.clock.stage("elements", measured(setting, result), 0))
    else:
        words, missed = unmet(setting, result, refine)
        note = " ".join(filter(None, (note, missed)))
        stages.append(solve.clock.stage("refinement", words, 0))
    found = Fit(setting, program, result, tuple(stages), note, moves, enough)
    if words := words_of(found.feet):
        warnings.warn(words, UserWarning, stacklevel=3)
    return found


def _unbroken(rounds, stages, clock):
    """The rounds of a refinement, up to one that fails, which is a line of the report."""
    try:
        yield from rounds
    except FAILURES as error:
        stages.append(clock.stage("refinement", f"ended by what failed: {said(error)}", 0))


def _enough(start):
    """Objective not far above that of the smooth trajectories and the weights pre-trained on them."""
    return WORSE * (start.misfit + NOISE * start.spread) + start.penalty


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
    given = [name for law in laws for name in law.term.outputs]
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
        for name in getattr(law.term, side):
            if name not in names:
                raise ValueError(f"{label} has {name!r} among its {side}; expected some of the model's "
                                 f"{', '.join(names) or f'{side}, of which there are none'}."
                                 f"{nearest(name, names)}")


def _scaling(scaling, data, laws, densities):
    if densities and scaling == "variance":
        raise ValueError("scaling is 'variance' and noise is given, which weights the readings; expected "
                         "one of them.")
    if scaling != "auto":
        return scaling
    plain = all((s.weights == 1.0).all() and not s.known for item in data for s in item.observed.values())
    return "variance" if laws and plain else "none"
