"""Factors and constants that laws can exchange unnoticed by any equation, as in a(x) b(y) or a(x) + b(y).

At random points the equations, paths and observables r(z, p) are asked which fields

    z_k → z_k + ε (α_k + β_k z_k),      p_j → p_j + ε (α_j + β_j p_j)

with the same α, β at all points leave r as it is: null vectors of the columns ∂r/∂z_k, z_k ∂r/∂z_k. A
law that is bounded on one side can only be multiplied, one between two bounds neither multiplied nor
shifted.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import qr

from pcl.dae.laws.output_range import output_range
from pcl.dae.program.equations import equations_of, path_of, reading_of
from pcl.dae.structure.check import samples

_SEEDS = range(6)
_ZERO, _PRESENT = 1e-9, 1e-6        # singular values, relative; entries of a null vector


@dataclass(frozen=True, eq=False)
class _Field:
    """One column: what a change of a name does, by α (`base` None) or by β of its distance from it."""

    name: str
    base: float | None
    column: Any
    law: bool

    def words(self, weight):
        """The finite change, with c the common constant or factor."""
        if self.base is None:
            sign = "+" if weight > 0.0 else "−"
            return f"{self.name} {sign} {_factor(abs(weight))}c"
        what = self.name if self.base == 0.0 else f"({self.name} − {self.base:g})"
        power = "" if abs(abs(weight) - 1.0) < _PRESENT else f"^{abs(weight):.3g}"
        return f"{what} {'·' if weight > 0.0 else '/'} c{power}"


def freedoms(model, laws, read=(), parameters=True):
    """[a sentence] on every exchange that what is `read` (names of outputs) does not see.

    parameters : whether those of the model may take part
    """
    fields = _fields(model, laws, read, parameters) if laws else []
    if not fields or not fields[0].column.size:         # or nothing can be evaluated
        return []
    M = np.stack([field.column for field in fields], axis=1)
    size = np.abs(M).max(axis=0)
    fields = [field for field, s in zip(fields, size) if s > 0.0]
    M, size = M[:, size > 0.0], size[size > 0.0]
    if not fields:
        return []
    _, s, V = np.linalg.svd(np.linalg.qr(M / size, mode="r"))
    null = V[np.count_nonzero(s > _ZERO * s[0]):].T / size[:, None]
    if not null.shape[1]:
        return []
    _, _, pivots = qr(null.T, pivoting=True)
    basis = null @ np.linalg.inv(null[pivots[:null.shape[1]]])
    return [text for text in (_sentence(fields, v) for v in basis.T) if text]


def _fields(model, laws, read, parameters):
    """The columns of every law's outputs, summed over its places, and of parameters without priors."""
    rows = [equations_of(model), *([path_of(model)] if model.path is not None else []),
            *(reading_of(model, name) for name in model.observed)]
    a, u, t = (np.concatenate(each) for each in zip(*(samples(model, rows[0], s) for s in _SEEDS)))
    J = np.concatenate([r.jacobian(a, u, t).transpose(1, 0, 2).reshape(-1, a.shape[1]) for r in rows])
    points = np.tile(a, (sum(len(r.names) for r in rows), 1))
    at, found = equations_of(model).arguments, []
    for law in laws:
        for k, (name, lower, upper) in enumerate(zip(law.outputs, *output_range(law))):
            columns = [at.outputs.start + model.outputs.index(outputs[k]) for _, outputs in law.places]
            if not any(outputs[k] in read for _, outputs in law.places):
                found += _of(name, points[:, columns], J[:, columns], lower, upper, True)
    for j, name in enumerate(model.parameters if parameters else (), at.parameters.start):
        if name not in model.priors:
            found += _of(name, points[:, [j]], J[:, [j]], -np.inf, np.inf, False)
    good = np.isfinite([field.column for field in found]).all(axis=0) if found else True
    return [_Field(f.name, f.base, f.column[good], f.law) for f in found]


def _of(name, z, J, lower, upper, law):
    """Its fields: shift and factor, a factor alone with one bound, nothing between two."""
    ends = [end for end in (lower, upper) if np.isfinite(end)]
    if len(ends) == 2:
        return []
    base = float(ends[0]) if ends else 0.0
    factor = _Field(name, base, ((z - base) * J).sum(axis=1), law)
    return [factor] if ends else [_Field(name, None, J.sum(axis=1), law), factor]


def _sentence(fields, v):
    chosen = [(field, w) for field, w in zip(fields, v / np.abs(v).max()) if abs(w) > _PRESENT]
    names = list(dict.fromkeys(field.name for field, _ in chosen))
    if not any(field.law for field, _ in chosen) or len(names) < 2:
        return ""
    unit = min(abs(w) for _, w in chosen)
    kinds = {field.base is None for field, _ in chosen}
    if len(kinds) == 1:
        how = ", ".join(f"{field.name} → {field.words(w / unit)}" for field, w in chosen)
    else:
        how = "a constant or factor of one made good by the others"
    return (f"{', '.join(names)} share what no equation and no reading tells apart: {how} changes "
            "nothing. The weight decay decides it; to fix it bound one of them, or read it")


def _factor(weight):
    return "" if abs(weight - 1.0) < _PRESENT else f"{weight:.3g} "
