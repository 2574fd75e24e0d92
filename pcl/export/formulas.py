"""A formula in the place of a law: the shortest of a small library that follows it in a range."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import qmc

from pcl.dae.laws.law import TrainedLaw
from pcl.export.families import FAMILIES, Family
from pcl.export.layers import layers_of
from pcl.export.sampled import sampled
from pcl.support.nearest import nearest
from pcl.support.types import Array, ArrayLike
from pcl.support.validate import float64_array, positive_number

FEW = 3                 # inputs, at most
TOLERANCE = 0.01        # of the law's range, for the largest error
ROUNDING = 1e-9         # of the range: errors below are alike, and the form that is linear comes first
FITTED, CHECKED = 250, 2000     # points of the fit, and others at which its error is found


@dataclass(frozen=True, eq=False)
class Formula:
    """z ≈ Σ_j c_j φ_j(a; q), with its error in the range it was fitted on.

    Attributes
    ----------
    text : str, a Python expression of the inputs by their names, with exp and log
    family : its name
    inputs, output : names
    coefficients : (k,), c and then q
    max_error, rms_error : of z, at points of the range that were not fitted
    size : largest less smallest value of the law there
    range : (2, d), least and largest inputs

    Examples
    --------
    >>> import pcl
    >>> from pcl import export
    >>> found = export.formula(pcl.MLP([1, 1]), [2.0, 3.0], range={"x0": (0.0, 1.0)})
    >>> found.family, found.coefficients.round(6).tolist(), found.max_error < 1e-12
    ('polynomial of degree 1', [3.0, 2.0], True)
    """

    text: str
    family: str
    inputs: tuple[str, ...]
    output: str
    coefficients: Array
    max_error: float
    rms_error: float
    size: float
    range: Array

    def __call__(self, a: ArrayLike) -> Array:
        """z (n,) at inputs a (n, d)."""
        a = float64_array("a", a)
        a = a.reshape(-1, len(self.inputs))
        family = FAMILIES[len(self.inputs)][self.family]
        q = self.coefficients[len(self.coefficients) - family.nonlinear:]
        return family.columns(a, q) @ self.coefficients[:len(self.coefficients) - family.nonlinear]

    def __str__(self) -> str:
        where = ", ".join(f"{name} from {low:.4g} to {high:.4g}"
                          for name, low, high in zip(self.inputs, *self.range))
        return (f"{self.output} = {self.text}\n{self.family}; error at most {self.max_error:.2g}, rms "
                f"{self.rms_error:.2g}, of a law that varies by {self.size:.3g}; {where}")


def formula(law: Any, params: ArrayLike | None = None, *, output: str | None = None,
            range: Mapping[str, Sequence[float]] | None = None, tolerance: float = TOLERANCE) -> Formula:
    """The shortest formula whose largest error is below `tolerance` times the range of the law's values.

    Of one input: polynomials to degree 5, ratios of polynomials, Monod, Haldane, Hill, Arrhenius, powers,
    exponentials and logistic curves, with and without a constant; of two: polynomials to degree 4,
    products of two such rates, ratios of linear functions; of three: polynomials to degree 3. The formula
    with the fewest numbers is taken, of equally many the closest.

    Parameters
    ----------
    law, params : as of `numpy_source`
    output : its name, where there are several
    range : {input: (least, largest)}; by default what the law was trained on, if that is known
    tolerance : float

    Raises
    ------
    ValueError
        No formula is close enough: the message has the best and its error. More than three inputs, no
        range, an unknown name.
    TypeError
        What is no law.

    Notes
    -----
    Linear coefficients by linear least squares inside a nonlinear one (variable projection: G. Golub and
    V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413). A formula is a summary of the law in that range. That
    Monod's fits does not make the mechanism Monod's.

    Returns
    -------
    Formula

    Examples
    --------
    The line 2 a + 3, which is the network N(a) = w a + b with these weights:

    >>> import pcl
    >>> from pcl import export
    >>> found = export.formula(pcl.MLP([1, 1]), [2.0, 3.0], range={"x0": (0.0, 1.0)})
    >>> found.family, found.coefficients.round(6).tolist()
    ('polynomial of degree 1', [3.0, 2.0])
    """
    layers = layers_of(law, params)
    names, tolerance = layers.inputs, positive_number("tolerance", tolerance)
    if len(names) > FEW:
        raise ValueError(f"the law has {len(names)} inputs, {', '.join(names)}; formulas are looked for "
                         f"of at most {FEW}.")
    box = _box(law, names, range)
    place = _place(layers.outputs, output)
    a, more = (_spread(box, n, seed) for n, seed in ((FITTED, 0), (CHECKED, 1)))
    z, check = (sampled(layers, points)[:, place] for points in (a, more))
    size = max(float(np.ptp(check)), ROUNDING * float(np.abs(check).max()))      # of a constant: rounding
    found: list[Formula] = []
    families = [family for family in FAMILIES[len(names)].values() if family.applies(box)]
    for _, alike in itertools.groupby(sorted(families, key=_numbers), _numbers):
        tried = [_fitted(family, a, z, more, check, names, layers.outputs[place], box, size)
                 for family in alike]
        found += [each for each in tried if each is not None]
        good = [each for each in found if each.max_error <= tolerance * size]
        if good:
            return min(good, key=lambda each: max(each.rms_error, ROUNDING * size))
    best = min(found, key=lambda each: each.max_error)
    raise ValueError(f"no formula of the library follows the law of {layers.outputs[place]} to "
                     f"{tolerance:g} of its range; the closest, {best.family}, errs by up to "
                     f"{best.max_error:.3g}, {best.max_error / size:.2g} of the range. Take a smaller "
                     "range or a larger tolerance, or export the network itself.")


def _numbers(family):
    """How many numbers a formula of the family has."""
    return family.size


def _fitted(family: Family, a, z, more, check, names, output, box, size):
    """The `Formula` of one family; None where it cannot be evaluated."""
    scale = size or np.abs(z).max() or 1.0

    def projected(q):
        with np.errstate(all="ignore"):
            columns = family.columns(a, q)
        if not np.isfinite(columns).all():
            return np.full(z.size, 1e3), None
        c = np.linalg.lstsq(columns, z, rcond=None)[0]
        return (columns @ c - z) / scale, c

    best = None
    for start in family.starts(box):
        q = np.asarray(start, dtype=np.float64)
        if q.size:
            lower, upper = family.bounds(box)
            q = least_squares(lambda q: projected(q)[0], q, bounds=(lower, upper), x_scale="jac",
                              max_nfev=100).x
        r, c = projected(q)
        if c is not None and (best is None or r @ r < best[0]):
            best = r @ r, q, c
    if best is None:
        return None
    _, q, c = best
    with np.errstate(all="ignore"):
        errors = family.columns(more, q) @ c - check
    if not np.isfinite(errors).all():
        return None
    return Formula(family.text(names, c, q), family.name, names, output, np.concatenate([c, q]),
                   float(np.abs(errors).max()), float(np.sqrt(np.mean(errors ** 2))), size, box)


def _box(law, names, given):
    """(2, d): least and largest inputs."""
    seen = law.seen if isinstance(law, TrainedLaw) else None
    given = dict(given or {})
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"range has {unknown[0]!r}; expected some of {', '.join(names)}."
                         f"{nearest(unknown[0], names)}")
    absent = [name for name in names if name not in given]
    if seen is not None:
        given = dict(zip(names, seen.T)) | given
    elif absent:
        raise ValueError(f"range has no {absent[0]!r}, and what the law was trained on is not known; "
                         f"expected {{{absent[0]!r}: (least, largest)}}.")
    box = np.array([float64_array(f"range of {name!r}", given[name], shape=(2,)) for name in names]).T
    if not (box[1] > box[0]).all():
        raise ValueError(f"range is {box.T.tolist()}; expected (least, largest) of every input, not "
                         "alike.")
    return box


def _place(outputs, output):
    if output is None and len(outputs) == 1:
        return 0
    if output not in outputs:
        raise ValueError(f"output is {output!r}; expected one of {', '.join(outputs)}."
                         f"{nearest(output, outputs)}")
    return outputs.index(output)


def _spread(box, n, seed):
    """Points (n, d) that fill the box, its corners included."""
    d = box.shape[1]
    inside = qmc.Halton(d, seed=seed).random(n - 2 ** d)
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * d), axis=-1).reshape(-1, d)
    return box[0] + np.concatenate([corners, inside]) * (box[1] - box[0])
