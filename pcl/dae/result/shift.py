"""By how much a fit would move on finer elements, against its standard errors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pcl.dae.failures import FAILURES, said
from pcl.dae.result.prolongation import halved, prolonged
from pcl.dae.result.uncertainty import Uncertainty, weights_known

EXACT = 1e-4        # of the spread of the data: noise below this is taken for this
MOST_PARTS = 6      # into how many an element is cut at most in one round
_QUANTILES = 5      # points of a law's visited range, for each of its inputs


@dataclass(frozen=True, eq=False)
class Shift:
    """Estimated change of parameters and laws on halved elements, in standard errors.

    Attributes
    ----------
    parameters : {name: shift / standard error}, signed
    laws : {output: (points (k, d), shift / standard error (k,))}
    share : (E,), what each element contributes at most to any of them, ≥ 0; empty without an estimate
    exact : bool, whether the standard errors are those of a noise of `EXACT` of the data's spread
    why : str, why there is no estimate, or ""
    uncertainty : `Uncertainty` of the fit itself, where there is an estimate
    """

    parameters: dict = field(default_factory=dict)
    laws: dict = field(default_factory=dict)
    share: np.ndarray = field(default_factory=lambda: np.zeros(0))
    exact: bool = False
    why: str = ""
    uncertainty: Uncertainty | None = None

    @property
    def worst(self):
        """The largest of all, nan if there is no estimate."""
        every = [np.abs(list(self.parameters.values())), *(np.abs(s) for _, s in self.laws.values())]
        return float(np.concatenate(every).max(initial=0.0)) if not self.why else np.nan

    def parts(self, target, order):
        """Into how many equal parts (E,) elements are to be cut, at most `MOST_PARTS`.

        What they add up to shall be below `target`, with error ~ m^−order, and the elements be few:
        m ~ share^(1/(order + 1)).
        """
        total = max(self.share.sum(), np.finfo(float).tiny)
        share = self.share * max(1.0, self.worst / total)
        density = (share / share.max()) ** (1.0 / (order + 1))
        for most in np.linspace(1.0, MOST_PARTS, 8 * MOST_PARTS):
            parts = np.maximum(1, np.ceil(most * density)).astype(int)
            if (share / parts.astype(float) ** order).sum() <= target:
                break
        return parts

    def __str__(self):
        if self.why:
            return f"shift by halving the elements not estimated: {self.why}"
        found = [f"{name} {value:.2g}" for name, value in self.parameters.items()]
        found += [f"law of {name} {_largest(s):.2g}" for name, (_, s) in self.laws.items()]
        noise = f", for a noise of {EXACT:g} of the data's spread" if self.exact else ""
        return f"shift by halving the elements, in standard errors{noise}: {', '.join(found) or 'none'}"


def shift(setting, program, result):
    """The `Shift` of a solved program, by one Newton step of the program on halved elements.

    The step starts at the collocation polynomials with their multipliers,

        K [dx; λ] = −[∇f; c],      shift of gᵀx = gᵀdx,      error of gᵀx = √(2 s² gᵀ K⁻¹ g),

    with a variance for each variable where `pcl.dae.result.uncertainty` has them, so it is of the first
    order in the error of the elements, and still finer ones add some 2^−q of it.
    What element e contributes is the sum −Σ v_λ c over its rows, with the adjoint v = K⁻¹ g. s² is that
    of the misfit the step leaves, if that is the smaller one; where variances are not known it is at
    least (`EXACT`)² of the spread of a datum: of exact data the misfit is the error of the elements, and
    both would fall together for ever.

    Source: dual-weighted residuals, R. Becker and R. Rannacher, An optimal control approach to a
    posteriori error estimation in finite element methods, Acta Numerica 10 (2001), section 2.
    """
    meshes = dict(zip(setting.names, map(halved, setting.meshes)))
    try:
        with np.errstate(all="ignore"):
            _, fine, start = prolonged(setting, program, result, meshes)
            return _judged(setting, program, result, fine, start)
    except FAILURES as error:               # `Undetermined` among them
        return Shift(why=said(error))


def _judged(setting, program, result, fine, start):
    known = weights_known(setting)
    fresh = Uncertainty(fine, start, known)
    dx = fresh.newton_step()
    coarse = Uncertainty(program, result, known)
    left = fine.misfit.at(start.x + dx)
    s2, exact, more = (1.0, False, 0.0) if known else _variance(setting, coarse, left)
    points = _points(setting, program, result)
    G = np.concatenate([fresh.parameter_gradients(),
                        *(fresh.law_gradients(*law) for law in points.values())])
    solved = [fresh.solve(g) for g in G]
    variance = np.diag(fresh.combined(G, [v for v, _ in solved], s2, s2 * more))
    error = np.sqrt(np.maximum(variance, np.finfo(float).tiny))
    ratio = G @ dx / error
    if not np.isfinite(ratio).all():
        return Shift(why="the equations cannot be evaluated between the nodes.")
    c = fine.rows.split(fine.constraints(start.x))[0]
    share = np.zeros(program.elements.E)
    for (_, lam), size in zip(solved, error):
        each = (fine.rows.split(lam)[0] * c).sum(axis=1) / size             # of the halves
        share = np.maximum(share, np.abs(each.reshape(-1, 2).sum(axis=1)))
    ends = np.cumsum([fine.elements.parameters.n, *(len(a) for _, _, a in points.values())])
    laws = {name: (a, part) for (name, (_, _, a)), part in zip(points.items(), np.split(ratio, ends)[1:])}
    return Shift(dict(zip(setting.labels, ratio.tolist())), laws, share, exact,
                 uncertainty=coarse)


def _variance(setting, coarse, left):
    """(s² of a datum where the step leaves a misfit `left`, whether it is the least that is taken,
    (s_v² − s²)/s² of each datum)."""
    n = coarse.program.misfit.size
    s2 = coarse.scale * min(1.0, left / max(coarse.misfit, np.finfo(float).tiny))
    least = EXACT**2 * setting.spread / n
    return max(s2, least), s2 < least, coarse.excess / max(coarse.scale, np.finfo(float).tiny)


def _points(setting, program, result):
    """{output: (number of its law, place, points (k, d))}: nodes at quantiles of each input."""
    found = {}
    for number, law in enumerate(program.laws):
        a = setting.points_of(law, result.x)[0]
        places = np.linspace(0, len(a) - 1, _QUANTILES).astype(int)
        at = np.unique(np.argsort(a, axis=0, kind="stable")[places])
        found.update({name: (number, k, a[at]) for k, name in enumerate(law.outputs)})
    return found


def _largest(values):
    return values[np.abs(values).argmax()] if values.size else 0.0
