"""Main solves of a fit, and the search among several of them for the best."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pcl.dae import solver
from pcl.dae.failures import FAILURES, guarded, said
from pcl.dae.program import scaled
from pcl.dae.program.hessians import HESSIANS
from pcl.dae.program.log_scale import told
from pcl.dae.sequential.solve import solve as solve_sequentially
from pcl.interior_point.kkt.protocol import BACKENDS
from pcl.interior_point.status import Status
from pcl.support.validate import known, positive_integer, positive_number

APPROACHES = ("simultaneous", "sequential")
COARSE = 1e-3               # tolerance of the first of two main solves
COARSE_MAXITER = 100        # its iterations: it only has to come near
SHORT = 200                 # iterations of a solve beside others; a limit below is meant: nothing follows
NEAR = {"initial_barrier": 1e-6, "bound_push": 1e-7}    # of a solve that begins at a good point
_FEASIBLE = 1e-6            # violation, relative to sizes, of points that are remembered
_LOWER = 1e-3               # relative difference of objectives that makes them worth another solve
_AGREE = 0.01               # relative difference of objectives up to which two starts met at one minimum
_TIE = 1.0 + 1e-6           # a later solve must be lower by more than this factor
_PERFECT = 1e-6             # misfit, relative to the spread of the data, that needs no other start
_MEANT = (Status.STOPPED_BY_CALLBACK, Status.INTERRUPTED, Status.TIME_LIMIT)


@dataclass(frozen=True)
class Solves:
    """Options of the main solves.

    Raises
    ------
    TypeError, ValueError
        Options that do not fit.
    """

    hessian: object
    kkt: object
    tol: float
    maxiter: int
    max_seconds: float | None
    callback: Any
    clock: Any
    approach: str = "simultaneous"

    def __post_init__(self):
        positive_number("tol", self.tol)
        positive_integer("maxiter", self.maxiter, minimum=0)
        if self.max_seconds is not None:
            positive_number("max_seconds", self.max_seconds)
        if self.callback is not None and not callable(self.callback):
            raise TypeError(f"callback is a {type(self.callback).__name__}; expected a function of a "
                            "snapshot.")
        if isinstance(self.kkt, str):
            known("kkt", self.kkt, ("reduced", *BACKENDS))
        known("approach", self.approach, APPROACHES)
        _require_hessian(self.hessian)

    def passes(self, program, x, words="", **options):
        """(result, stages) of all passes."""
        result, stages = _fitting(options.pop("warm_start", None), program), []
        for name, hessian, tol, maxiter in _passes(self.hessian, self.tol, self.maxiter):
            result = self.one(program, x, hessian, tol, result, maxiter=maxiter, **options)
            x = result.x
            stages.append(self.stage(name, hessian, tol, result, words))
        return result, stages

    def one(self, program, x, hessian, tol, warm_start=None, **options):
        """One solve; a second one from the best point on its way where it ended higher, and one more
        where the sizes of rows and variables at x were those of another world."""
        seen = Seen(self.callback, lambda x: told(program.elements, x))

        def solve(x, **more):
            way = solve_sequentially if self.approach == "sequential" else solver.solve
            return way(program, x, hessian, self.kkt, tol=tol, max_seconds=self.max_seconds,
                       callback=seen, **{"maxiter": self.maxiter, **options, **more})
        result = solve(x, warm_start=warm_start)
        if meant(result, self.maxiter):
            return result
        if seen.lower_than(result):
            result = lower(result, solve(seen.x, **NEAR))
        return self._resized(program, x, result, solve)

    @staticmethod
    def _resized(program, x, result, solve):
        if not np.isfinite(result.fun) or not (
                scaled.resized(program, x, result.x)
                or scaled.worst_row(program, result.x)[0] > scaled.CONSTRAINT_TOL):
            return result
        warm = result if result.success else None
        again = solve(result.x, warm_start=warm, parameters=scaled.Scaled(program, x).p)
        again.update(nit=again.nit + result.nit,
                     message=f"{again.message} Sizes were taken anew at the solution.")
        return again if again.success or not result.success else result

    def last(self):
        """(Hessian, tolerance) of the last pass."""
        return _passes(self.hessian, self.tol, self.maxiter)[-1][1:3]

    def stage(self, name, hessian, tol, result, more=""):
        """Its line of the report."""
        how = hessian if isinstance(hessian, str) else type(hessian).__name__
        more += "sequential, " if self.approach == "sequential" else ""
        words = f"{more}{how} Hessian to {tol:g}: objective {result.fun:.6g}. {result.message}"
        return self.clock.stage(name, words, result.nit)


class Seen:
    """A callback that remembers the lowest point on the way at which the rows hold, and tells `callback`
    the parameters in their own units.

    Attributes
    ----------
    x, fun : that point and its objective; None and +inf without any
    """

    def __init__(self, callback, told):
        self._callback, self._told = guarded(callback), told
        self.x, self.fun = None, np.inf

    def __call__(self, snapshot):
        good = not snapshot.restoration and snapshot.infeasibility <= _FEASIBLE
        if good and snapshot.objective < self.fun:
            self.x, self.fun = snapshot.x, snapshot.objective
        if self._callback is not None:
            self._callback(replace(snapshot, x=self._told(snapshot.x)))

    def lower_than(self, result):
        """Whether that point is clearly lower than where the solve ended."""
        return self.x is not None and not self.fun >= below(result.fun, _LOWER)


class Search:
    """The best of several main solves.

    Parameters
    ----------
    setting : Setting
    solves : Solves
    enough : misfit up to which nothing else has to be tried; with `penalised` the objective

    Attributes
    ----------
    best : (program, result, misfit), or None
    stages : list of ReportLine
    over : bool, whether the end was asked for
    met : list of the objectives of all that were solved
    """

    def __init__(self, setting, solves, enough, stages, penalised=False):
        self.setting, self._solves, self.enough = setting, solves, enough
        self.best: Any = None       # nothing is read off it before the first solve
        self.stages, self.over = stages, False
        self._penalised, self.met = penalised, []

    @property
    def done(self):
        """Whether the best is good enough, or the end was asked for."""
        return self.over or (self.solved and self._reached <= self.enough)

    @property
    def _reached(self):
        return self.best[1].fun if self._penalised else self.best[2]

    @property
    def solved(self):
        """Whether any is solved."""
        return self.best is not None and bool(self.best[1].success)

    @property
    def perfect(self):
        """Whether the best follows the data to rounding: nothing is below it."""
        return self.solved and self.best[2] <= _PERFECT * self.setting.spread

    @property
    def confirmed(self):
        """Whether two starts met at the least objective, or none can be below it."""
        return self.perfect or self._agreeing > 1

    @property
    def agreement(self):
        """How many starts met at the best, in words."""
        words = (f"{self._agreeing} of {len(self.met)} starts within {100 * _AGREE:g} % of the least "
                 "objective")
        if self._agreeing == len(self.met):
            return words
        return f"{words}, others up to {100 * (max(self.met) / self.best[1].fun - 1.0):.3g} % above"

    @property
    def _agreeing(self):
        return sum(fun <= below(self.best[1].fun, -_AGREE) for fun in self.met)

    def run(self, words, make, near=False, maxiter=None, **options):
        """Solve from make() = (laws, penalties, x); what goes wrong becomes a line of the report."""
        options = {**NEAR, **options} if near else options
        found = self._solved(words, make, maxiter, options)
        if self._promising(found):
            program, result, _ = found
            found = self._solved("gone on, since it is lower than the best; ", lambda: (
                program.laws, program.penalties, result.x), None, {}) or found
        if found and found[1].success:
            self.met.append(found[1].fun)
        if found and (self.best is None or _rank(found, _TIE) < _rank(self.best)):
            self.best = found

    def _promising(self, found):
        """Whether a solve ended before its minimum, at a feasible point clearly below the best."""
        if not found or not self.solved or self.over or found[1].success:
            return False
        result = found[1]
        return result.constraint_violation <= _FEASIBLE and result.fun < below(
            self.best[1].fun, _AGREE)

    def replace(self, words, make):
        """Whether another objective was solved from make(), close to the best; if so it is the best."""
        found = self._solved(words, make, None, NEAR)
        if found and not found[1].success and not self.over:
            found = self._solved(words, lambda: (*make()[:2], found[1].x), None, {})
        if not found or not found[1].success:
            return False
        self.best, self.met = found, [found[1].fun]
        return True

    def _solved(self, words, make, maxiter, options):
        """(program, result, misfit), or None."""
        solves = self._solves
        limited = solves if maxiter is None else replace(solves, maxiter=min(solves.maxiter, maxiter))
        try:
            laws, penalties, x = make()
            program = self.setting.transcription(laws, penalties)
            result, more = limited.passes(program, x, words, **options)
        except FAILURES as error:
            self.stages.append(solves.clock.stage("main", f"{words}not possible: {said(error)}", 0))
            return None
        self.stages += more
        self.over = self.over or meant(result, solves.maxiter)
        return program, result, self.setting.misfit.at(result.x)


def _fitting(result, program):
    """An earlier result whose multipliers are those of this program, or None."""
    if result is None or (result.x.size, result.lam.size) != (program.n, program.m):
        return None
    return result


def below(objective, share):
    """An objective less a share of its size; those of likelihoods may be negative."""
    return objective - share * abs(objective)


def lower(first, second):
    """The better of two results: the second where it is lower and its rows hold."""
    second.update(nit=first.nit + second.nit,
                  message=f"{second.message} (Begun again from the lowest point on the way.)")
    holds = second.success or second.constraint_violation <= _FEASIBLE
    return second if holds and (second.fun < first.fun or not first.success) else first


def meant(result, maxiter):
    """Whether the end of this solve was asked for."""
    return result.status in _MEANT or (result.status is Status.ITERATION_LIMIT and maxiter < SHORT)


def _rank(found, share=1.0):
    _, result, misfit = found
    finite = np.isfinite(result.fun)
    return not result.success, not finite, share * (result.fun if finite else misfit)


def _require_hessian(hessian):
    pair = isinstance(hessian, tuple)
    if pair and len(hessian) != 2:
        raise ValueError(f"hessian has {len(hessian)} entries; expected one, or a pair (coarse, final).")
    for each in hessian if pair else (hessian,):
        if isinstance(each, str):
            known("hessian", each, HESSIANS if pair else ("auto", *HESSIANS))


def _passes(hessian, tol, maxiter):
    """[(name, Hessian, tolerance, iterations), …]."""
    hessian = "exact" if isinstance(hessian, str) and hessian == "auto" else hessian
    if isinstance(hessian, tuple):
        coarse, fine = hessian
        return [("coarse", coarse, max(COARSE, tol), min(COARSE_MAXITER, maxiter)),
                ("main", fine, tol, maxiter)]
    return [("main", hessian, tol, maxiter)]
