"""Better elements for a fit: errors estimated at the solution, new meshes, the solution carried over."""

import warnings

import numpy as np

from pcl.collocation import Mesh, error_estimate, refine, worst
from pcl.dae.failures import FAILURES, said
from pcl.dae.program.breaks import FEWEST, breaks, jumps
from pcl.dae.result.curve import curves
from pcl.dae.result.prolongation import carried, split
from pcl.dae.result.shift import shift
from pcl.dae.stages.saddle import off_saddle

ROUNDS, MOST = 6, 2000      # refinements at most; elements of a trajectory at most
ROUGH = 0.05        # estimated error of collocation above which a fit warns
SETTLED, ASTRAY = 0.1, 0.3  # shift in standard errors: aimed at, and above which given elements warn
GROWTH = 16         # elements at most, relative to those that a fit begins with
FINE = 1e-6         # shift aimed at without laws: printed digits are then those of the equations
FEW = 8             # elements at most, relative to the first ones, for what is below SETTLED
TOLERANCE = 1e-3    # estimated error, relative to a variable's size, where there are no standard errors
_AIM = 0.5          # of the shift aimed at, what one round is laid out for
_SHARP = 1e-2       # of the tolerance of a fit: that of rounds without laws
_BARRIER = 1e-6     # first barrier parameter of a solve that starts at the solution on other elements


def refined(setting, program, result, tolerance, solve, hessian, tol):
    """Yield (setting, program, result, words) of every round until the tolerance is met.

    solve : function (program, x, hessian, tol, initial_barrier=…) -> Result
    """
    for _ in range(ROUNDS):
        meshes, error = _next(setting, result.x, tolerance)
        if error <= tolerance or _longest(meshes) > MOST:
            return
        setting, program, x = carried(setting, program, result.x, meshes)
        result = solve(program, x, hessian, tol, initial_barrier=_BARRIER)
        yield setting, program, result, f"error {error:.2g}, now {setting.elements.E} elements; "


def settled(setting, program, result, solve, hessian, tol, automatic):
    """Yield (setting, program, result, shift) of the fit, and of every round on finer elements.

    Automatic elements are cut where they contribute to the `Shift` until it is below `SETTLED`, or, where
    there are no standard errors, until the estimated error is below `TOLERANCE`; in at most `ROUNDS`
    rounds, with at most `GROWTH` times as many elements and `MOST` a trajectory. Parameters alone are
    cheap: without laws they go on until it is below `FINE`, with at most `FEW` times as many. A round
    whose solve fails is not given out. What ends at a saddle goes on below it (`off_saddle`).
    """
    first = setting.elements.E
    for _ in range(ROUNDS):
        result = off_saddle(program, result, lambda x, program=program: solve(
            program, x, hessian, tol, initial_barrier=_BARRIER))
        found = shift(setting, program, result)
        yield setting, program, result, found
        meshes = _finer(setting, result, found, _aims(program, found, first)) if automatic else None
        if not meshes or _longest(meshes) > MOST:
            return
        setting, program, x = carried(setting, program, result.x, meshes)
        sharp = tol if program.laws else _SHARP * tol
        result = solve(program, x, hessian, sharp, initial_barrier=_BARRIER)
        if not result.success:
            return


def shift_words(found, setting, automatic):
    """Words on a `Shift`; a warning where it is too large."""
    words = f"{setting.elements.E} elements; {found}"
    if found.worst > (SETTLED if automatic else ASTRAY):
        more = (f"the refinement ended at a limit ({GROWTH} times the first number of elements, {MOST} a "
                f"trajectory, {ROUNDS} rounds) or with a solve that failed" if automatic else
                "give more elements, or elements='auto'")
        warnings.warn(f"The elements bias the fit: {words}. The standard errors do not contain this; "
                      f"{more}.", UserWarning, stacklevel=4)
    return words


def warned(setting):
    """[a sentence] with a warning if an input changes between the nodes, else []."""
    try:
        words = setting.unseen()
    except FAILURES as error:
        return [f"inputs cannot be looked at between the nodes: {said(error)}"]
    if words:
        warnings.warn(words, UserWarning, stacklevel=4)
    return [words] if words else []


def unmet(setting, result, tolerance):
    """(words on the error of a fit, a sentence that the tolerance is not met, or "")."""
    try:
        error = _next(setting, result.x, tolerance)[1]
    except FAILURES as failure:
        words = f"error of collocation not estimated: {said(failure)}"
        return words, f"The tolerance of refine, {tolerance:g}, is not met: {words}"
    words = f"error {error:.2g} with {setting.elements.E} elements, tolerance {tolerance:g}"
    if error <= tolerance:
        return f"{words}: met.", ""
    return f"{words}: not met.", (
        f"The tolerance of refine, {tolerance:g}, is not met: the estimated error is {error:.2g} with "
        f"{setting.elements.E} elements ({ROUNDS} rounds and {MOST} elements a trajectory are the most). "
        "Raise refine, or give finer elements.")


def measured(setting, result):
    """Words on the estimated error of collocation; a warning where it is above `ROUGH`."""
    found = curves(setting, result.x)
    try:
        errors = _errors(setting, found)
    except FAILURES as error:
        return f"error of collocation not estimated: {said(error)}"
    name = max(errors, key=lambda name: errors[name].max())
    largest, e = float(errors[name].max()), int(errors[name].argmax())
    words = (f"estimated error of collocation {largest:.1e} of a variable's size, in the element from "
             f"t = {found[name].mesh.times[e]:.4g} of trajectory {name}")
    if largest > ROUGH:
        warnings.warn(f"{words}: the elements are too long for what was found. Give more of them, or "
                      "refine=1e-2.", UserWarning, stacklevel=4)
    return words


def _aims(program, found, first):
    """[(shift to be reached, elements at most)], the best one first; `first` elements to begin with.

    Without laws `FINE`, or what `FEW` times the elements can do for it; exact data are taken for noisy
    ones already."""
    aims = [(SETTLED, GROWTH * first)] if not found.worst <= SETTLED else []
    if not program.laws and not found.exact:
        aims = [(FINE * 10.0 ** k, FEW * first) for k in range(4)] + aims
    return aims


def _finer(setting, result, found, aims):
    """{name: Mesh} for the next round, None if nothing is left to do."""
    if found.why:
        meshes, error = _next(setting, result.x, TOLERANCE)
        return meshes if error > TOLERANCE and _total(meshes) <= aims[-1][1] else None
    for aim, most in aims:
        if found.worst <= aim:
            return None
        parts = np.split(found.parts(_AIM * aim, setting.scheme.K + 1), setting.elements.starts[1:])
        meshes = {name: split(mesh, m) for name, mesh, m in zip(setting.names, setting.meshes, parts)}
        if _total(meshes) <= most:
            return meshes
    return None


def _total(meshes):
    return sum(mesh.elements for mesh in meshes.values())


def _longest(meshes):
    return max(mesh.elements for mesh in meshes.values())


def _next(setting, x, tolerance):
    """({name: Mesh}, largest error); where inputs jump there stays a boundary."""
    found, meshes = curves(setting, x), {}
    errors, items = _errors(setting, found), dict(zip(setting.names, setting.data))
    for name, c in found.items():
        order = c.scheme.K if c.others else c.scheme.K + 1
        keep = jumps(items[name], c.mesh.times[[0, -1]])
        meshes[name] = refine(c.mesh, errors[name], tolerance, order, keep)
    return meshes, max(float(error.max()) for error in errors.values())


def _errors(setting, found):
    """{name: (elements,)}, relative to the sizes of the variables."""
    values = [curve.variables_at_nodes for curve in found.values()]
    scale = np.array([max(np.abs(v[name]).max() for v in values) or 1.0 for name in values[0]])
    return {name: worst(_estimate(c, breaks(item, FEWEST)), scale)
            for (name, c), item in zip(found.items(), setting.data)}


def _estimate(c, inner):
    """`error_estimate` of a curve with breaks; one element alone is compared with a constant."""
    parts = c.start, c.slots, c.algebraic
    if c.mesh.elements > 1:
        return error_estimate(c.scheme, c.mesh, *parts, inner)
    times = np.append(c.mesh.times, 2.0 * c.mesh.times[1] - c.mesh.times[0])
    return error_estimate(c.scheme, Mesh(times), *(np.concatenate([part, np.zeros_like(part)])
                                                   for part in parts))[:1]
