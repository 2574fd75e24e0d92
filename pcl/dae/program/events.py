"""Doses and jumps of one trajectory on its elements."""

import numpy as np

from pcl.dae.data.event_times import boundary
from pcl.dae.program.equations import jump_of, starts_of
from pcl.dae.program.leap import Leap
from pcl.dae.program.steady import Steady


def amounts(doses, mesh, states):
    """(elements, n_x): what doses add to the states where elements begin; later ones are left out."""
    found = np.zeros((mesh.elements, len(states)))
    for dose in doses:
        e = boundary(mesh.times, dose.time) if dose.time <= mesh.times[-1] else None
        if e is not None and e < mesh.elements:
            found[e, states.index(dose.state)] += dose.amount
    return found


def leaps(model, jumps, mesh, first, signals):
    """[`Leap`] of the jump conditions {name: times}; `first` is the number of the first element.

    Raises
    ------
    ValueError
        Two conditions for one state at one time.
    """
    found, taken = [], dict[tuple[float, str], str]()
    for name, times in jumps.items():
        places = [boundary(mesh.times, t) for t in times if t < mesh.times[-1]]
        places = np.array([e for e in places if e is not None and e < mesh.elements], dtype=int)
        if not places.size:
            continue
        rows = jump_of(model, name)
        _require_one(taken, name, rows.names, mesh.times[places])
        t = np.nextafter(mesh.times[places], -np.inf)
        states = np.array([model.states.index(state) for state in rows.names])
        found.append(Leap(rows, states, first + places, _inputs(model, signals, t), t))
    return found


def first_leap(model, item, mesh, first):
    """[the `Leap` of the starts of a Trajectory that follow from parameters], empty if there are none.

    Raises
    ------
    ValueError
        A start at rest of a model with outputs, or beside a start that is free.
    """
    if not item.computed and not item.steady:
        return []
    rows = _at_rest(model, item) if item.steady else starts_of(model, tuple(item.computed.items()))
    t = mesh.times[:1]
    states = np.array([model.states.index(state) for state in rows.names])
    return [Leap(rows, states, np.array([first]), _inputs(model, item.inputs, t), t, first=True)]


def _at_rest(model, item):
    require_lawless(model, f"trajectory {item.name!r}", item.steady)
    free = [name for name in model.states if name not in (*item.initial, *item.computed, *item.steady)]
    if free:
        raise ValueError(f"trajectory {item.name!r} begins at rest ({', '.join(item.steady)}) while "
                         f"{', '.join(free)} starts free: give all other states, or let them rest, too.")
    return Steady(model, item.steady, item.initial, item.computed, item.span[1] - item.span[0])


def require_lawless(model, what, steady):
    """ValueError for a start at rest of a model with outputs."""
    if model.outputs:
        raise ValueError(f"{what} begins at rest ({', '.join(steady)}), and the model has outputs: a "
                         "state of rest that depends on laws is not supported. Let these states start "
                         "free, with readings of them, or give numbers.")


def _inputs(model, signals, t):
    """u (m, n_u) at times t (m,)."""
    columns = [signals[name](t) for name in model.inputs]
    return np.array(columns).reshape(len(columns), len(t)).T


def _require_one(taken, name, states, times):
    for time in times:
        for state in states:
            other = taken.setdefault((time, state), name)
            if other != name:
                raise ValueError(f"the jumps {other!r} and {name!r} both give {state!r} a value at "
                                 f"t = {time:g}; write what happens at once as one condition.")
