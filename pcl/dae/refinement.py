"""Better elements for a fit: errors estimated at the solution, new meshes, the solution carried over."""

import warnings

import numpy as np

from pcl.collocation import error_estimate, refine, worst
from pcl.dae.curve import curves, vector

ROUNDS, MOST = 6, 2000      # refinements at most; elements of a trajectory at most
ROUGH = 0.05        # estimated error of collocation above which a fit warns
_BARRIER = 1e-6     # first barrier parameter of a solve that starts at the solution on other elements


def refined(setting, program, result, tolerance, solve, hessian, tol):
    """Yield (setting, program, result, words) of every round until the tolerance is met.

    solve : function (program, x, hessian, tol, initial_barrier=…) -> Result
    """
    for _ in range(ROUNDS):
        found = curves(setting, result.x)
        meshes, error = _next(found, tolerance)
        if error <= tolerance or max(mesh.elements for mesh in meshes.values()) > MOST:
            return
        setting = setting.with_meshes(meshes.values())
        x = vector(setting.elements, [found[name].on(meshes[name]) for name in setting.names],
                   program.elements.split(result.x)[2])
        x = np.concatenate([x, result.x[program.elements.n:]])
        program = setting.transcription(program.laws, program.penalties)
        result = solve(program, x, hessian, tol, initial_barrier=_BARRIER)
        yield setting, program, result, f"error {error:.2g}, now {setting.elements.E} elements; "


def unmet(setting, result, tolerance):
    """(words on the error of a fit, a sentence that the tolerance is not met, or "")."""
    error = _next(curves(setting, result.x), tolerance)[1]
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
    errors = _errors(found)
    name = max(errors, key=lambda name: errors[name].max())
    largest, e = float(errors[name].max()), int(errors[name].argmax())
    words = (f"estimated error of collocation {largest:.1e} of a variable's size, in the element from "
             f"t = {found[name].mesh.times[e]:.4g} of trajectory {name}")
    if largest > ROUGH:
        warnings.warn(f"{words}: the elements are too long for what was found. Give more of them, or "
                      "refine=1e-2.", UserWarning, stacklevel=4)
    return words


def _next(found, tolerance):
    """({name: Mesh}, largest error)."""
    meshes, errors = {}, _errors(found)
    for name, c in found.items():
        order = c.scheme.K if c.others else c.scheme.K + 1
        meshes[name] = refine(c.mesh, errors[name], tolerance, order)
    return meshes, max(float(error.max()) for error in errors.values())


def _errors(found):
    """{name: (elements,)}, relative to the sizes of the variables."""
    values = [curve.values for curve in found.values()]
    scale = np.array([max(np.abs(v[name]).max() for v in values) or 1.0 for name in values[0]])
    return {name: worst(error_estimate(c.scheme, c.mesh, c.start, c.slots, c.algebraic), scale)
            for name, c in found.items()}
