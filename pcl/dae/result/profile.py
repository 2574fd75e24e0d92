"""Profile likelihood of the parameters of a fit: each held in turn, everything else trained again."""

from __future__ import annotations

from typing import Any

import numpy as np

from pcl.dae import solver
from pcl.dae.program.log_scale import natural, slopes
from pcl.dae.result.uncertainty import Undetermined
from pcl.support.validate import known
from pcl.uncertainty.profiles import Profile
from pcl.uncertainty.walk import Walk, chi_root, end

_NEAR = {"initial_barrier": 1e-6, "bound_push": 1e-7, "maxiter": 200, "tol": 1e-7}
_STEP = 0.1         # of its size (at least 1): the first step where there is no standard error


def profiles(fit: Any, names: Any, level: float, known_variance: bool | None) -> dict[str, Profile]:
    """{name: Profile}; see `Fit.profile`."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level!r}; expected a probability between 0 and 1.")
    if not fit.result.success:
        raise ValueError(f"the fit is not solved ({fit.result.message}), so there is no peak to go out "
                         "from.")
    labels = fit.setting.labels
    for name in names:
        known("name", name, tuple(fit.parameters))
    return {name: _profiled(fit, name, labels.index(name), level, known_variance) for name in names}


def _profiled(fit, name, k, level, known_variance):
    elements, x = fit.setting.elements, fit.result.x
    n_P = elements.parameters.n
    i = elements.n - n_P + k
    deviation, tangent, scale = _laplace(fit, k, i, known_variance)

    def told(q):
        """The parameter itself of the unknown q that is solved for."""
        every = elements.split(x)[2].copy()
        every[k] = q
        return float(natural(elements, every)[k]) if np.isfinite(q) else float(q)
    program = fit.setting.transcription(list(fit.program.laws), fit.program.penalties)
    sides = program.x_lower[i], program.x_upper[i]
    walk = Walk(x[i], x, _Held(program, fit.result, i, tangent, scale))
    step = deviation if np.isfinite(deviation) else _STEP * max(1.0, abs(x[i]))
    ends = [end(walk, sign * step, chi_root(level), sides[sign > 0], told) for sign in (-1, 1)]
    points, drop, xs = walk.ascending()
    words = tuple(word for _, word in ends if word) + walk.words(name, told)
    theta = np.array([natural(elements, elements.split(each)[2])[:len(fit.parameters)] for each in xs])
    slope = float(slopes(elements, elements.split(x)[2])[k])
    return Profile(name, told(x[i]), deviation * slope, np.array([told(q) for q in points]), drop, theta,
                   (told(ends[0][0]), told(ends[1][0])), (not ends[0][1], not ends[1][1]), level, words)


def _laplace(fit, k, i, known_variance):
    """(standard error of the unknown, dx/dq (n,), s²); without curvature (∞, the unit vector, …)."""
    found = fit.uncertainty(known_variance)
    unit = np.zeros(fit.program.n)
    unit[i] = 1.0
    try:
        along = found.columns([i])[0]
        return float(np.sqrt(found.variances([unit])[0])), along / along[i], found.scale
    except Undetermined:
        room = fit.program.misfit.size - fit.setting.elements.parameters.n
        return np.inf, unit, 1.0 if found.known else found.misfit / max(1, room)


class _Held:
    """(x, drop, whether it converged) with x_i moved by a step: the program solved again from the
    tangent, with the multipliers of the nearest point before."""

    def __init__(self, program, peak, i, tangent, scale):
        self._program, self._peak, self._i, self._scale = program, peak.fun, i, scale
        self._tangent, self._found = tangent, [peak]

    def __call__(self, x, step):
        i, program, x = self._i, self._program, x + step * self._tangent
        program.x_lower[i] = program.x_upper[i] = x[i]
        near = min(self._found, key=lambda result: abs(result.x[i] - x[i]))
        result = solver.solve(program, x, warm_start=near, **_NEAR)
        if not result.success:
            result = min((solver.solve(program, x, **_NEAR), result), key=lambda each: not each.success)
        if not np.isfinite(result.fun):
            raise ArithmeticError(result.message)
        if result.success:
            self._found.append(result)
        return result.x, 0.5 * (result.fun - self._peak) / self._scale, result.success
