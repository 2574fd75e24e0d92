"""Training the unknown terms of a model by the simultaneous approach, stage by stage."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from pcl import interior_point
from pcl.dae.fitted import Fit
from pcl.dae.guess import first_guess
from pcl.dae.kkt_reduced import ReducedKKT
from pcl.dae.law import Law
from pcl.dae.pretrain import normalised, pretrain
from pcl.dae.setting import Setting
from pcl.dae.smooth import smooth
from pcl.validate import positive_integer

COARSE = 1e-3               # tolerance of the first main solve
_FLOOR = 1e-9               # of the weight decay, relative to the spread of the data


@dataclass(frozen=True)
class Stage:
    """One line of the report: name, words on what was chosen or reached, iterations, seconds."""

    name: str
    words: str
    iterations: int
    seconds: float

    def __str__(self):
        return f"{self.name:<12} {self.iterations:>5} iterations {self.seconds:8.2f} s   {self.words}"


def fit(model, data, network=None, *, elements=20, scheme=None, start=None, seed=0, smoothing="auto",
        weight_decay="auto", scaling="auto", normalise=True, hessian="auto", tol=1e-6, maxiter=1000,
        max_seconds=None, callback=None):
    """Train laws and parameters on data: smoother → normalisation → pre-training → main solve.

    minimise Σ ω (simulated − observed)² + ½ ρ ‖θ‖² over trajectories, parameters and weights θ at once, subject to the
    collocated equations, bounds and path constraints. See `pcl.dae.smooth` for the first stage; the main solve
    goes to 1e-3 with the first Hessian of `hessian` and to `tol` with the last.

    Parameters
    ----------
    model : Model
    data : Data, Trajectory or list of them
    network : MLP, Law, list of Law, or None
        An MLP takes all states and gives all outputs. None for a model without outputs.
    elements : int, or one int, Mesh or array of boundaries a trajectory
    scheme : collocation.Scheme, radau(3) by default
    start : {name: number}, first guesses of parameters and of variables that are not observed
    seed : int, of the initial weights
    smoothing : λ of the smoother, or "auto": cross-validation
    weight_decay : ρ, or "auto": 2 × the mean squared residual the smoother leaves, which makes the result the
        most probable weights under a standard normal prior
    scaling : "none"; "variance": observations weighted by 1/variance of their variable;
        "auto": "variance" if there are outputs and all weights are 1, else "none"
    normalise : bool, whether laws take shift and scale of their variables from the smooth trajectories
    hessian : "exact", "limited-memory", "gauss-newton", "hybrid", a tuple of two of them for the coarse and the final
        solve, or "auto"
    tol, maxiter, max_seconds, callback : of the main solve; see `pcl.interior_point.solve`

    Returns
    -------
    Fit

    Raises
    ------
    TypeError, ValueError
        Before anything is solved.
    """
    laws = _laws(model, network)
    setting = Setting.of(model, data, elements, scheme, _scaling(scaling, data, laws))
    seed = positive_integer("seed", seed, minimum=0)
    stages, clock = [], _Clock()
    x = first_guess(setting, start)
    stages.append(clock.stage("guess", "data interpolated", 0))
    if not laws:
        return _main(setting, [], [], x, [], stages, clock, hessian, tol, maxiter, max_seconds, callback)
    smoothed = smooth(setting, x, smoothing, callback)
    stages.append(clock.stage("smoother", _smoothing_words(smoothed), smoothed.result.nit))
    decay = _decay(weight_decay, setting, smoothed.x)
    laws, thetas, words = _prepared(setting, laws, smoothed.x, seed, decay, normalise)
    stages.append(clock.stage("pre-training", words, 0))
    return _main(setting, laws, [decay] * len(laws), smoothed.x, thetas, stages, clock, hessian, tol,
                 maxiter, max_seconds, callback)


def _main(setting, laws, penalties, x, thetas, stages, clock, hessian, tol, maxiter, max_seconds, callback):
    program = setting.transcription(laws, penalties)
    x, result = np.concatenate([x, *thetas]), None
    for name, each, limit in _passes(hessian, bool(laws), tol):
        result = interior_point.solve(
            program, x, kkt=ReducedKKT(), hessian=each, tol=limit, maxiter=maxiter,
            max_seconds=max_seconds, callback=callback, warm_start=result)
        x = result.x
        words = f"{each} Hessian to {limit:g}: objective {result.fun:.6g}. {result.message}"
        stages.append(clock.stage(name, words, result.nit))
    return Fit(setting, program, result, tuple(stages))


def _passes(hessian, laws, tol):
    """[(name, Hessian, tolerance), …]."""
    if hessian == "auto":
        hessian = ("limited-memory", "exact") if laws else "exact"
    if isinstance(hessian, tuple):
        coarse, fine = hessian
        return [("coarse", coarse, max(COARSE, tol)), ("main", fine, tol)]
    return [("main", hessian, tol)]


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
    given = [name for law in laws for name in law.outputs]
    if sorted(given) != sorted(model.outputs):
        raise ValueError(f"network gives {', '.join(given) or 'nothing'}; expected each of the model's outputs "
                         f"({', '.join(model.outputs) or 'none'}) once.")
    return laws


def _scaling(scaling, data, laws):
    if scaling != "auto":
        return scaling
    trajectories = [data] if hasattr(data, "observed") and hasattr(data, "span") else list(data)
    plain = all((s.weights == 1.0).all() for item in trajectories for s in item.observed.values())
    return "variance" if laws and plain else "none"


def _decay(weight_decay, setting, x):
    if weight_decay != "auto":
        return float(weight_decay)
    misfit = setting.misfit()
    spread = misfit.weights @ (misfit.data - misfit.data.mean()) ** 2 if misfit.data.size else 1.0
    left = misfit.value(setting.elements.local(x)) / max(1, misfit.data.size)
    return 2.0 * max(left, _FLOOR * spread / max(1, misfit.data.size))


def _prepared(setting, laws, x, seed, decay, normalise):
    """(laws, weights, words) after normalisation and pre-training."""
    made, thetas, errors = [], [], []
    for k, law in enumerate(laws):
        a, z = setting.points_of(law, x)
        law = normalised(law, a, z) if normalise else law
        found = pretrain(law, a, z, law.init(seed + k), decay)
        made.append(law)
        thetas.append(found.x)
        errors.append(np.sqrt(np.mean(((law.at(found.x, a).value - z) / law.output_scale) ** 2)))
    worst = ", ".join(f"{'/'.join(law.outputs)} to {error:.1e}" for law, error in zip(made, errors))
    return made, thetas, f"weight decay {decay:.3g}; {worst} of their standard deviation"


def _smoothing_words(smoothed):
    how = f"the best of {len(smoothed.tried)} by cross-validation" if smoothed.tried else "given"
    return f"smoothing {smoothed.smoothing:.3g} ({how}). {smoothed.result.message}"


class _Clock:
    def __init__(self):
        self._last = time.perf_counter()

    def stage(self, name, words, iterations):
        now = time.perf_counter()
        stage = Stage(name, words, iterations, now - self._last)
        self._last = now
        return stage
