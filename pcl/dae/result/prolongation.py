"""A solution of a collocated program on other elements: trajectories, multipliers, or both."""

import numpy as np

from pcl.collocation import Mesh, interpolation
from pcl.dae.result.curve import curves, vector


def carried(setting, program, x, meshes):
    """(setting, program, x) on other meshes {name: Mesh}; trajectories are read off their polynomials."""
    found = curves(setting, x)
    finer = setting.with_meshes(meshes[name] for name in setting.names)
    trajectories = vector(finer.elements, [found[name].on(meshes[name]) for name in setting.names],
                          program.elements.split(x)[2])
    return (finer, finer.transcription(program.laws, program.penalties),
            np.concatenate([trajectories, x[program.elements.n:]]))


def prolonged(setting, program, result, meshes):
    """(setting, program, result) on other meshes, with multipliers.

    A multiplier of a row at a node stands for a function of time, λ_ej = h_e b_j μ(t_ej) with b the
    quadrature weights, and so do those of bounds; μ is read off between the nodes as algebraic
    variables are. Joints keep theirs, which do not depend on the elements; between the old ones they are
    linear, so that their multipliers do not enter second derivatives and are left 0.
    """
    finer, fine, x = carried(setting, program, result.x, meshes)
    move = _Moved(setting, finer)
    local, joints, path = program.rows.split(result.lam)
    joints = _joints(program, fine, joints)
    lam = np.concatenate([move(local), joints, np.maximum(move(path), 0.0)])
    found = type(result)(result)
    found.update(x=np.clip(x, fine.x_lower, fine.x_upper), lam=lam,
                 z_lower=_bound(program, fine, move, result.z_lower),
                 z_upper=_bound(program, fine, move, result.z_upper))
    return finer, fine, found


def halved(mesh):
    """The mesh with every element cut in two."""
    return split(mesh, np.full(mesh.elements, 2))


def split(mesh, parts):
    """The mesh with element e cut into parts[e] equal ones."""
    cuts = [np.linspace(a, b, m + 1)[:-1] for a, b, m in zip(mesh.times, mesh.times[1:], parts)]
    return Mesh(np.append(np.concatenate(cuts), mesh.times[-1]))


class _Moved:
    """Multipliers at nodes (E, K·r) → (E'·K·r,) on the elements of another setting."""

    def __init__(self, setting, finer):
        self._K = setting.scheme.K
        places, found = [], []
        for start, mesh, new in zip(setting.elements.starts, setting.meshes, finer.meshes):
            e, rows = interpolation(setting.scheme, mesh, new.points(setting.scheme).ravel(), "algebraic")
            places.append(start + e)
            found.append(rows)
        self._places, self._rows = np.concatenate(places), np.concatenate(found)
        self._weights = [np.outer(s.elements.lengths, s.scheme.weights) for s in (setting, finer)]

    def __call__(self, lam):
        old, new = self._weights
        mu = lam.reshape(*old.shape, -1) / old[:, :, None]
        return (np.einsum("nk,nkr->nr", self._rows, mu[self._places]) * new.reshape(-1, 1)).ravel()


def _joints(program, fine, lam):
    """Multipliers of the joints that nonlinear jumps and starts are in; the others 0."""
    old, new = np.zeros(program.handover.jointed.shape), np.zeros(fine.handover.jointed.shape)
    old.ravel()[program.handover.places] = lam
    for leap, finer in zip(program.handover.leaps, fine.handover.leaps):
        new[finer.elements[:, None], finer.states] = old[leap.elements[:, None], leap.states]
    return new.ravel()[fine.handover.places]


def _bound(program, fine, move, z):
    """Multipliers of bounds; those of free starts stay in the first elements."""
    old, new = program.elements, fine.elements
    start, slots, p = old.split(z)
    starts = np.zeros((new.E, new.n_x))
    starts[new.starts] = start[old.starts]
    slots = np.maximum(move(slots.reshape(old.E, -1)), 0.0)
    return np.concatenate([new.join(starts, slots, p), z[old.n:]])
