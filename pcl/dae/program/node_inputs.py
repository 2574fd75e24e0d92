"""Known inputs at the nodes of elements, so that their integrals are represented.

Collocation sees an input at its nodes alone. Where a linear table has rows inside an element and the
nodes miss its integral, they hold the polynomial q of degree K − 1 with the same moments,

    ∫ (u − q) P_j dt = 0,   P_j Legendre's polynomials on the element, j = 0 … K − 1,

or the mean of u, if q leaves the range of the table: noise of a logged signal is averaged, and a short
pulse is counted. Elsewhere they hold u itself, on the side of a jump that belongs to the element.
"""

import numpy as np

UNSEEN = 1e-6       # part of the mean variation of an element that its nodes may miss
WARNED = 0.1        # of the same, from which a fit warns
_FINE = 32          # intervals in which a function is looked at in an element


def at_nodes(u, mesh, scheme, breaks=()):
    """u at the nodes (E, K); `breaks` are times at which a function jumps."""
    t = mesh.points(scheme, np.union1d(breaks, u.jumps))
    values = u(t.ravel()).reshape(t.shape)
    if not u.is_linear_table:
        return values
    first = np.searchsorted(u.times, mesh.times[:-1], side="right")
    last = np.searchsorted(u.times, mesh.times[1:])
    for e in np.flatnonzero((last > first) & (missed(u, mesh, scheme, values) > UNSEEN)):
        t = np.concatenate([mesh.times[[e]], u.times[first[e]:last[e]], mesh.times[[e + 1]]])
        values[e] = _averaged(u, t, scheme)
    return values


def missed(u, mesh, scheme, values):
    """|∫u − what the nodes give of it| (E,), relative to the mean over the elements of ∫ |u − mean u|."""
    integral, variation = _integrals(u, mesh)
    error = np.abs(integral - mesh.lengths * (values @ scheme.weights))
    return error / variation if variation > 0.0 else np.zeros(mesh.elements)


def unseen(error, item, mesh, name):
    """A sentence if the nodes of some element miss (E,) too much of an input of a trajectory, else ""."""
    e = int(error.argmax())
    if not error[e] > WARNED:
        return ""
    return (f"input {name!r} of trajectory {item.name!r} changes between the nodes of the element from "
            f"t = {mesh.times[e]:.6g} to {mesh.times[e + 1]:.6g}: of its integral they miss "
            f"{error[e]:.2g} of the mean variation in an element. Give more elements, boundaries where "
            "it changes, or breaks=[...] of the Trajectory.")


def _integrals(u, mesh):
    """∫u over each element (E,), and the mean of ∫ |u − mean| over them: by the trapezoidal rule, exact
    for tables, for functions on `_FINE` intervals an element."""
    fine = (mesh.times[:-1, None] + mesh.lengths[:, None] * np.linspace(0.0, 1.0, _FINE + 1)[:-1]).ravel()
    t = np.append(fine, mesh.times[-1])
    if u.function is None:
        t = np.unique(np.concatenate([t, u.times[(u.times > t[0]) & (u.times < t[-1])]]))
    step, right = np.diff(t), u(t)[1:]
    left = u(np.nextafter(t[:-1], np.inf))
    pieces, element = 0.5 * step * (left + right), mesh.locate(t[1:])[0]
    integral = np.bincount(element, weights=pieces, minlength=mesh.elements)
    mean = integral.sum() / mesh.lengths.sum()
    around = (0.5 * step * (np.abs(left - mean) + np.abs(right - mean))).sum()
    return integral, max(around / mesh.elements, 1e-12 * abs(mean) * mesh.lengths.mean())


def _averaged(u, t, scheme):
    """The values (K,) at the nodes of one element, t its ends and the rows between."""
    tau, K = (t - t[0]) / (t[-1] - t[0]), scheme.K
    x, w = np.polynomial.legendre.leggauss(K)        # exact to degree 2K − 1 ≥ 1 + (K − 1)
    width = np.diff(tau)[:, None]
    at = (tau[:-1, None] + width * (1.0 + x) / 2.0).ravel()
    weight = (width * w / 2.0).ravel()
    basis = np.polynomial.legendre.legvander(2.0 * at - 1.0, K - 1)
    moments = (weight * u(t[0] + at * (t[-1] - t[0]))) @ basis * (2.0 * np.arange(K) + 1.0)
    q = np.polynomial.legendre.legvander(2.0 * scheme.points - 1.0, K - 1) @ moments
    return q if u.values.min() <= q.min() and q.max() <= u.values.max() else np.full(K, moments[0])
