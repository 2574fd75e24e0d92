"""What is refused before a fit: systems that are not determined, starts that contradict constraints."""

import numpy as np

from pcl.dae.structure import StructureError, check
from pcl.dae.structure_initial import check_initial

_POINTS = 5


def require_structure(setting, laws, x):
    """The structural `Report`; StructureError with all problems if there are any.

    The Jacobian is looked at at random points within the bounds, or around the first guess x where
    the equations
    cannot be evaluated at random ones.
    """
    try:
        return check(setting.model, laws or None).require()
    except StructureError:
        raise
    except ValueError:
        return check(setting.model, laws or None, points=_around(setting, x)).require()


def require_start(setting):
    """InconsistentStart, naming the trajectory, if given starts violate constraints, hidden ones
    included."""
    model = setting.model
    if model.equations is None:
        return
    for item in setting.data:
        if not item.initial:
            continue
        found = check_initial(model, dict(item.initial), inputs=item.inputs, t=item.span[0],
                              guess=_first_seen(item))
        try:
            found.require()
        except ValueError as error:
            raise type(error)(f"trajectory {item.name!r}: {error}") from None


def _first_seen(item):
    return {name: float(s.values[0]) for name, s in item.observed.items()}


def _around(setting, x):
    """(a, u, t) at some nodes of the guess, moved a little."""
    elements, random = setting.elements, np.random.RandomState(0)
    a = elements.at_points(elements.local(x))
    chosen = np.unique(np.linspace(0, len(a) - 1, _POINTS).astype(int))
    a = a[chosen] * random.uniform(0.95, 1.05, (chosen.size, a.shape[1]))
    a[:, elements.arguments.derivatives] += random.standard_normal((chosen.size, elements.n_x)) * 1e-3
    return a, setting.inputs.reshape(-1, setting.inputs.shape[2])[chosen], elements.times.ravel()[chosen]
