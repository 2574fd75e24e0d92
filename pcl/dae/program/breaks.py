"""Where known inputs jump or bend, and elements that end there.

A collocation polynomial is smooth inside an element, so a jump belongs on a boundary, and a bend too
where it matters: a change of slope Δ takes u some Δ h/8 away from a smooth curve over an element of
length h, which is compared with the range of u. A table of more bends than elements is a measured
signal: of it those corners count that are left when every row within `ROUGH` of its range is drawn
straight.
"""

import numpy as np

from pcl.collocation import Mesh
from pcl.dae.data.event_times import CLOSE, inside

BEND = 0.1          # Δ h relative to the range of an input, from which a bend counts
ROUGH = 0.05        # of the range: what is drawn straight in a measured signal
NOISY = 6.0         # standard deviations of the noise of such a signal, the same
TURN = 0.25         # of the range: how far a curve has to come back before it counts as a turn
FEWEST, MOST = 20, 200      # elements that a trajectory begins with
BETWEEN = 4         # of them from one jump of the states to the next
_SAMPLES = 2000     # of a function, to count its turns


def mesh_of(given, item):
    """The mesh of a trajectory: `given` elements shared out between the jumps and bends of its inputs.

    Parameters
    ----------
    given : int or "auto", or the Mesh or array of boundaries itself
    item : Trajectory

    Raises
    ------
    ValueError
        An input jumps inside an element of a mesh that was given; the mesh does not cover the span.
    """
    if isinstance(given, Mesh) or np.ndim(given) == 1:
        return _with_jumps(given if isinstance(given, Mesh) else Mesh(given), item)
    wanted = elements_for(item) if isinstance(given, str) else given
    return Mesh(shared(wanted, np.concatenate([item.span[:1], breaks(item, wanted), item.span[1:]])))


def shared(wanted, times):
    """Boundaries of about `wanted` elements, those of `times` among them, the rest at equal distances."""
    lengths = np.diff(times)
    parts = np.maximum(1, np.round(wanted * lengths / lengths.sum())).astype(int)
    cuts = [np.linspace(a, b, m + 1)[:-1] for a, b, m in zip(times, times[1:], parts)]
    return np.append(np.concatenate(cuts), times[-1])


def breaks(item, wanted):
    """Increasing times inside the span where elements have to end, `wanted` elements being asked for."""
    length = (item.span[1] - item.span[0]) / wanted
    return ends_of(item.inputs.values(), np.append(item.breaks, item.events), item.span, length, wanted)


def ends_of(signals, given, span, length, most):
    """Increasing times inside the span where elements of about `length` have to end: jumps of the inputs,
    times that were given, and the bends that count, at most `most` an input."""
    bends = [_corners(u, span, length, most) for u in signals]
    return inside(np.concatenate([given, *(u.jumps for u in signals), *bends]), span)


def jumps(item, span):
    """Increasing times inside the span where an input or a state jumps, and the `breaks` given."""
    inputs = [u.jumps for u in item.inputs.values()]
    return inside(np.concatenate([item.breaks, item.events, *inputs]), span)


def elements_for(item):
    """Elements to begin with: two for every turn of the data or of an input, `FEWEST` at least, and
    `BETWEEN` from one jump of the states to the next."""
    curves = [(s.times, s.values) for s in item.observed.values()]
    t0, t1 = item.span
    t = np.linspace(t0, t1, _SAMPLES)
    curves += [(t, u(t)) for u in item.inputs.values() if u.function is not None]
    curves += [(u.times, u.values) for u in item.inputs.values() if u.function is None]
    most = max((turns(values) for _, values in curves), default=0)
    return max(int(np.clip(2 * most, FEWEST, MOST)), BETWEEN * (1 + item.events.size))


def turns(values):
    """How often a curve (n,) turns round and comes back by `TURN` of its range; 0 if that happens every
    four values or fewer, which is noise."""
    if not len(values):
        return 0
    back, low, high, way, count = TURN * np.ptp(values), values[0], values[0], 0, 0
    for value in values:
        low, high = min(low, value), max(high, value)
        if way >= 0 and value < high - back:
            way, count, low = -1, count + 1, value
        elif way <= 0 and value > low + back:
            way, count, high = 1, count + 1, value
    return count - 1 if 1 < count <= len(values) / 4 + 1 else 0


def _corners(u, span, length, most):
    """Times of the bends of a linear table that count."""
    times, change = u.bends
    within = (times > span[0]) & (times < span[1])
    values = u.values[1:-1][within] if within.any() else np.zeros(0)
    size = np.ptp(np.append(values, u(np.array(span)))) if within.any() else 0.0
    found = times[within & (change * length > BEND * size)] if size > 0.0 else np.zeros(0)
    if len(found) <= most:
        return found
    noise = np.median(np.abs(np.diff(u.values, 2))) / (0.6745 * np.sqrt(6.0))   # standard deviation
    found = _straightened(u.times, u.values, max(ROUGH * size, NOISY * noise))
    return found if len(found) <= most else np.zeros(0)


def _straightened(t, u, tolerance):
    """The inner times of a broken line that stays within the tolerance of the table (t, u).

    Source: D. Douglas and T. Peucker, Algorithms for the reduction of the number of points required to
    represent a digitized line or its caricature (1973), with distances along u.
    """
    kept, open_ = [], [(0, len(t) - 1)]
    while open_:
        i, j = open_.pop()
        line = np.interp(t[i:j + 1], t[[i, j]], u[[i, j]])
        far = np.abs(u[i:j + 1] - line)
        k = i + int(far.argmax())
        if far[k - i] > tolerance:
            kept.append(t[k])
            open_ += [(i, k), (k, j)]
    return np.sort(kept)


def _with_jumps(mesh, item):
    """The mesh with boundaries moved by a hair onto jumps, refused if one is inside an element."""
    (t0, t1), times = item.span, mesh.times.copy()
    if times[0] > t0 or times[-1] < t1:
        raise ValueError(f"elements of trajectory {item.name!r} reach from {times[0]:g} to "
                         f"{times[-1]:g}; expected its span, {t0:g} to {t1:g}.")
    for time in jumps(item, times[[0, -1]]):
        k = int(np.abs(times - time).argmin())
        if abs(times[k] - time) > CLOSE * (times[-1] - times[0]):
            _refuse(mesh, item, time)
        times[k] = time
    return Mesh(times)


def _refuse(mesh, item, time):
    e = int(np.searchsorted(mesh.times, time)) - 1
    names = [f"input {name!r} jumps" for name, u in item.inputs.items() if time in u.jumps]
    names += ["a state jumps"] if time in item.events else []
    raise ValueError(f"{' and '.join(names) or 'a break'} at t = {time:.9g} of trajectory {item.name!r}, "
                     f"inside element {e} of those given, {mesh.times[e]:.9g} to "
                     f"{mesh.times[e + 1]:.9g}: a collocation polynomial cannot follow. Add this time to "
                     "the boundaries, or give a number of elements, which then end there.")


def fits(mesh, item):
    """Whether these elements span a trajectory and end where its inputs jump or bend and states jump."""
    if mesh is None or not np.array_equal(mesh.times[[0, -1]], item.span):
        return False
    return bool(np.isin([*breaks(item, FEWEST), *item.events], mesh.times).all())
