"""What is refused before a fit: systems that are not determined, starts that contradict constraints."""

import warnings
from dataclasses import replace

import numpy as np

from pcl.dae.program.equations import equations_of, path_of, reading_of
from pcl.dae.program.prior_rows import priors_of
from pcl.dae.structure.check import check
from pcl.dae.structure.freedom import freedoms
from pcl.dae.structure.initial import check_initial, require_inside
from pcl.dae.structure.report import StructureError
from pcl.dae.structure.start import at_starts
from pcl.errors import TrialFailure

_POINTS = 5


def require_structure(setting, laws, x, of_noise=()):
    """The structural `Report`; StructureError with all problems if there are any.

    The Jacobian is looked at at random points within the bounds, or around the first guess x where the
    equations cannot be evaluated at random ones; then at the given starts with the inputs of the data,
    see `pcl.dae.structure.start`: what stays undetermined there is refused, what is 0/0 is warned of.
    `of_noise` are names of parameters that noise models contain.
    """
    report = _checked(setting, laws, x)
    problems, notes = at_starts(setting, [law.term for law in laws] or None, equations_of(setting.model))
    if problems:
        raise StructureError(" ".join(problems))
    notes = [*_unused(setting, of_noise), *notes]
    for sentence in notes:
        warnings.warn(sentence, UserWarning, stacklevel=3)
    exchanged = freedoms(setting.model, laws, setting.data.observed, not setting.leaps)
    return replace(report, notes=(*report.notes, *notes, *exchanged))


def _unused(setting, of_noise):
    """[a sentence] on parameters that no equation, path, jump or start contains, nor what is read."""
    model = setting.model
    rows = [equations_of(model)] + ([path_of(model)] if model.path is not None else [])
    rows += [leap.pointwise for leap in setting.leaps] + ([priors_of(model)] if model.priors else [])
    rows += [reading_of(model, name) for name in setting.data.observed if name in model.observed]
    seen = np.any([each.pattern[:, each.arguments.parameters].any(axis=0) for each in rows], axis=0)
    names = [name for name, found in zip(model.parameters, seen)
             if not found and name not in of_noise]
    return [f"parameters that appear in no equation stay where they begin: {', '.join(names)}. Remove "
            "them from the model, or use them."] if names else []


def _checked(setting, laws, x):
    try:
        return check(setting.model, laws or None).require()
    except StructureError:
        raise
    except ValueError:
        points = _around(setting, x)
    _require_evaluable(setting, *points)
    return check(setting.model, laws or None, points=points).require()


def _require_evaluable(setting, a, u, t):
    rows = equations_of(setting.model)
    r, J = rows.residual(a, u, t), rows.jacobian(a, u, t)
    for j, name in enumerate(rows.names):
        if not (np.isfinite(r[:, j]) & np.isfinite(J[:, j]).all(axis=1)).any():
            raise ValueError(f"Equation {name!r}, or its derivatives, cannot be evaluated: NaN or "
                             "infinite at all points looked at, random ones and around the data. Bound "
                             "its variables away from there, or give `start`.")


def require_start(setting, x):
    """ValueError for given starts outside bounds, or that do not follow from the parameters of the first
    guess x; InconsistentStart if they violate constraints, hidden ones included. All name the
    trajectory."""
    model = setting.model
    _require_following(setting, x)
    for item in setting.data:
        require_inside(model, item.start, f" in trajectory {item.name!r}")
    if model.equations is None:
        return
    for item in setting.data:
        if not item.initial:
            continue
        found = check_initial(model, dict(item.start), inputs=item.inputs, t=item.span[0],
                              guess=_first_seen(item))
        try:
            found.require()
        except ValueError as error:
            raise type(error)(f"trajectory {item.name!r}: {error}") from None


def _require_following(setting, x):
    u = setting.elements.local(x)
    for leap in setting.leaps:
        try:
            leap.values(setting.elements, u)
        except TrialFailure as error:
            name = setting.names[setting.elements.trajectory[leap.elements[0]]]
            raise ValueError(f"trajectory {name!r}, at the first guess: {error}") from None


def _first_seen(item):
    return {name: float(s.values[0]) for name, s in item.observed.items()}


def _around(setting, x):
    """(a, u, t) at some nodes of the guess, moved a little."""
    elements, random = setting.elements, np.random.RandomState(0)
    a = elements.at_points(elements.local(x))
    chosen = np.unique(np.linspace(0, len(a) - 1, _POINTS).astype(int))
    a = a[chosen] * random.uniform(0.95, 1.05, (chosen.size, a.shape[1]))
    a[:, elements.arguments.derivatives] += random.standard_normal((chosen.size, elements.n_x)) * 1e-3
    t = elements.times.ravel()
    return a, setting.inputs.reshape(t.size, -1)[chosen], t[chosen]
