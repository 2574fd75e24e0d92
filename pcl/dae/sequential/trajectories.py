"""Trajectories that fulfil the collocated equations at given weights, parameters and free starts.

    r(u) = 0,   u = (x₀, slots) of every element,

square, with the Jacobian of a chain of elements (`pcl.dae.kkt.chain`), by the damped Newton's method that
solves all equations of the library (`pcl.nodes.equation.newton`). It works in units of its own, u by the
sizes of the variables and r by those of the terms of each row: what is a small step, or a small residual,
does not depend on the units of the model.
"""

from dataclasses import dataclass

import numpy as np

from pcl.collocation import Mesh
from pcl.dae.kkt.chain import Chain
from pcl.dae.program.elements import Elements
from pcl.dae.program.misfit import Misfit
from pcl.dae.program.scaled import RESIZED, Scaled, VANISHED
from pcl.dae.program.transcription import Transcription
from pcl.errors import TrialFailure
from pcl.nodes.equation.newton import Newton, newton

# The step that is still taken: Newton's error is its square, rounding.
_NEWTON = Newton(tolerance=1e-9, maxiter=30)
_ADVICE = ("These are the collocated equations of the trajectories, over the sizes of their terms: "
           "begin from other weights, parameters or trajectories.")


@dataclass(frozen=True, eq=False)
class Units:
    """Sizes, powers of two: of the unknowns of an element (width,), of its rows (K·n_w,)."""

    unknowns: np.ndarray
    rows: np.ndarray

    @classmethod
    def at(cls, program, x):
        """Those of the trajectories x (n,), see `Scaled`."""
        scaled = Scaled(program, x)
        return cls(scaled.local, 1.0 / scaled.row)

    def renewed(self, program, x):
        """(units at x, whether any unknown changed its size by `RESIZED`); what vanishes there keeps its
        size, since it is rounding."""
        new = Units.at(program, x)
        ratio = new.unknowns / self.unknowns
        kept = np.where(ratio > VANISHED, ratio, 1.0)
        return Units(kept * self.unknowns, new.rows), bool(np.abs(np.log(kept)).max() > np.log(RESIZED))


def found(program, chain, x, units):
    """The trajectories (n,) at the q that stands in x, from those of x; where that fails, element by
    element from the starts.

    Raises
    ------
    NotConverged, SingularMatrix
    """
    try:
        return _solved(program, chain, x, units)
    except TrialFailure:
        return _marched(program, chain, x, units)


def first(program, chain, x, units):
    """(the same, units there): solved once more where the units at the guess x are not those."""
    return _anew(program, chain, found(program, chain, x, units), units)


def _anew(program, chain, x, units):
    units, changed = units.renewed(program, x)
    return (_solved(program, chain, x, units) if changed else x), units


def marched(program, x):
    """The trajectories (n,) at the q that stands in x, element by element from their starts.

    Raises
    ------
    NotConverged, SingularMatrix
    """
    chain, units = Chain(program.rows), Units.at(program, x)
    return _anew(program, chain, _marched(program, chain, x, units), units)[0]


def _marched(program, chain, x, units):
    elements, x = program.elements, x.copy()
    x0, w, p = elements.split(x)
    u = elements.local(x[:elements.n])
    for e in chain.steps:
        free = elements.first[e, None] & ~program.rows.jointed[e]
        x0[e] = np.where(free, x0[e], program.handover.begins(u, e))
        values = elements.scheme.points > 0.0
        w[e] = np.where(np.arange(elements.n_w) < elements.n_x, 0.0, w[e])
        w[np.ix_(e, values, np.arange(elements.n_x))] = x0[e, None]         # constant: a guess
        piece = _piece(program, e, x0[e])
        inner, theta = piece.elements, x[elements.n:]
        solved = _solved(piece, Chain(piece.rows), np.concatenate([inner.join(x0[e], w[e], p), theta]),
                         units)
        w[e], u[e] = inner.split(solved)[1], inner.local(solved[:inner.n])
    return _solved(program, chain, np.concatenate([elements.join(x0, w, p), x[elements.n:]]), units)


def _piece(program, place, x0):
    """The program of the elements `place` alone, each of a trajectory of its own, begun at x0."""
    elements = program.elements
    number, e = elements.trajectory[place], place - elements.starts[elements.trajectory[place]]
    meshes = [Mesh(elements.meshes[k].times[i:i + 2]) for k, i in zip(number, e)]
    alone = Elements(program.model, elements.scheme, meshes,
                     (elements.experiment[place], len(elements.parameters.places)))
    u = program._u.reshape(elements.E, elements.K, -1)[place]
    return Transcription(program.model, program.laws, alone, u, np.ones(x0.shape, dtype=bool), x0,
                         Misfit.of(alone, []), program.penalties)


def _solved(program, chain, x, units):
    """x (n,) with the equations fulfilled, by Newton's method from x in these units."""
    elements = program.elements
    cut = elements.width - elements.n_p
    size, p = units.unknowns[:cut], elements.split(x)[2]

    def at(u):
        u = u * size
        return Equations(program, chain, units, np.concatenate([
            elements.join(u[:, :elements.n_x], u[:, elements.n_x:], p), x[elements.n:]]))
    return newton(_NEWTON, elements.local(x[:elements.n])[:, :cut] / size, at, _ADVICE)[1].x


class Equations:
    """r at the trajectories x (n,): equations and laws at the nodes, then joints, in units."""

    def __init__(self, program, chain, units, x):
        self._program, self._chain, self.x = program, chain, x
        self._rows = units.rows
        self._size = units.unknowns[:program.elements.width - program.elements.n_p]
        local, joints, _ = program.rows.split(program.constraints(x))
        self._split = local.size
        self.residual = np.concatenate([(local / self._rows).ravel(),
                                        (self._jumps(joints) / self._states).ravel()])

    @property
    def _states(self):
        return self._size[:self._program.elements.n_x]

    @property
    def factor(self):
        """What solves with r_u."""
        return self

    def solve(self, r):
        """r_u⁻¹ r (E, n_x + K·n_w), along the chains."""
        elements = self._program.elements
        local = r[:self._split].reshape(elements.E, -1) * self._rows
        jumps = r[self._split:].reshape(elements.E, -1) * self._states
        blocks = self._chain.blocks(self._program.jacobian(self.x))
        u = self._chain.forward(blocks, local[:, :, None], jumps[:, :, None])[:, :, 0]
        return u[:, :self._size.size] / self._size

    def _jumps(self, joints):
        """x₀ less what it follows from (E, n_x); 0 at free starts."""
        elements, jumps = self._program.elements, np.zeros((self._program.elements.E,
                                                            self._program.elements.n_x))
        inner = ~elements.first
        count = int(inner.sum()) * elements.n_x
        jumps[inner] = joints[:count].reshape(-1, elements.n_x)
        jumps[elements.first[:, None] & self._program.rows.jointed] = joints[count:]
        return jumps
