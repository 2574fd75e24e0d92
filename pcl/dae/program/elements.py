"""The finite elements of all trajectories, stacked: constant maps from unknowns to points.

The unknowns of element e are u_e = (x₀, w₁ … w_K, p): the states at its start, for each node the slots
w_j = (x slot, y, z) of a collocation scheme, and the static parameters, which all elements share. The
arguments a = (x', x, y, z, p) of the pointwise equations are linear in u_e,

    a_ej = S_e G_j u_e,     S_e = diag(1/h_e for x', 1 else),

with G the same for all elements.
"""

import numpy as np

from pcl.collocation import interpolation
from pcl.dae.program.parameters import Parameters
from pcl.dae.program.pointwise import Arguments


class Elements:
    """The elements of several trajectories on one scheme.

    Parameters
    ----------
    model : Model
    scheme : collocation.Scheme
    meshes : list of collocation.Mesh, one a trajectory
    experiments : (numbers (trajectories,), count), whose local parameters a trajectory has; its own by
        default

    Attributes
    ----------
    E, K, n_x, n_w, n_p, width : elements, nodes, states, slots a node, parameters, length of u_e
    parameters : `parameters.Parameters` of all experiments
    lengths (E,), times (E, K)
    trajectory (E,), first (E,) : number of the trajectory; whether the element is its first
    gather : (K, n_a, width), G
    end : (n_x, width), the states at the end of an element
    """

    def __init__(self, model, scheme, meshes, experiments=None):
        self.model, self.scheme, self.meshes = model, scheme, list(meshes)
        self.arguments = Arguments(model)
        self.K, self.n_x = len(scheme.points), len(model.states)
        self.n_y, self.n_z, self.n_p = (len(g) for g in (model.algebraic, model.outputs,
                                                         model.parameters))
        self.n_w = self.n_x + self.n_y + self.n_z
        self.width = self.n_x + self.K * self.n_w + self.n_p
        counts = [len(mesh.lengths) for mesh in self.meshes]
        self.E, self.starts = int(np.sum(counts)), np.cumsum([0, *counts])[:-1]
        self.trajectory = np.repeat(np.arange(len(counts)), counts)
        numbers, count = (np.arange(len(counts)), len(counts)) if experiments is None else experiments
        self.parameters, self.experiment = Parameters(model, count), np.asarray(numbers)[self.trajectory]
        self._p_places = self.parameters.places[self.experiment]                         # (E, n_p)
        self.first = np.zeros(self.E, dtype=bool)
        self.first[self.starts] = True
        self.lengths = np.concatenate([mesh.lengths for mesh in self.meshes])
        self.times = np.concatenate([mesh.points(scheme) for mesh in self.meshes])
        self.gather, self.end = self._gather(), self._differential(scheme.end[None])[0]
        self._at_points = self.gather.reshape(-1, self.width).T.copy()
        self._at_ends = self._arguments(scheme.end_derivative[None], scheme.end[None],
                                        scheme.end_algebraic[None])[0]
        self._at_starts = self._arguments(scheme.derivative_at(0.0), np.eye(1, scheme.K + 1),
                                          np.eye(1, scheme.K))[0]

    @property
    def n(self):
        """Unknowns of the trajectories and parameters, without those of the laws."""
        return self.E * (self.n_x + self.K * self.n_w) + self.parameters.n

    def split(self, x):
        """(x₀ (E, n_x), w (E, K, n_w), P), views of a vector (n,)."""
        a, b = self.E * self.n_x, self.E * (self.n_x + self.K * self.n_w)
        return (x[:a].reshape(self.E, self.n_x), x[a:b].reshape(self.E, self.K, self.n_w),
                x[b:self.n])

    def join(self, x0, w, p):
        """The vector (n,) of its parts."""
        return np.concatenate([x0.ravel(), w.ravel(), p])

    def local(self, x):
        """u (E, width) of a vector (n,)."""
        x0, w, P = self.split(x)
        u = np.empty((self.E, self.width))
        u[:, :self.n_x] = x0
        u[:, self.n_x:self.width - self.n_p] = w.reshape(self.E, -1)
        u[:, self.width - self.n_p:] = P[self._p_places]
        return u

    def scatter(self, u):
        """The transpose of `local`: (n,) of u (E, width)."""
        cut = self.width - self.n_p
        return np.concatenate([u[:, :self.n_x].ravel(), u[:, self.n_x:cut].ravel(),
                               self.gathered(u[:, cut:])])

    def gathered(self, values):
        """Sums (n_P, …) of values (E, n_p, …) over the elements that share a parameter."""
        if not self.model.local:
            return values.sum(axis=0)
        out = np.zeros((self.parameters.n, *values.shape[2:]))
        return self.parameters.added(values, self.experiment, out)

    def columns(self):
        """Where each entry of u stands in the vector, int (E, width)."""
        return self.local(np.arange(self.n, dtype=float)).astype(int)

    def at_points(self, u):
        """a (E·K, n_a) of u (E, width)."""
        a = (u @ self._at_points).reshape(self.E, self.K, -1)
        self.scaled(a)
        return a.reshape(self.E * self.K, -1)

    def scaled(self, a):
        """Multiply x' in arrays (E, …, n_a) by 1/h, in place."""
        a[..., self.arguments.derivatives] /= self.lengths.reshape(-1, *(1,) * (a.ndim - 1))
        return a

    def arguments_at(self, start):
        """(n_a, width): G of the end of an element, or of its `start`, where y and z are those of the
        first node."""
        return self._at_starts if start else self._at_ends

    def pull(self, J):
        """Rows (E, K, r, n_a) of derivatives with respect to arguments → (E, K·r, width), to u."""
        rows = np.matmul(self.scaled(J), self.gather)
        return rows.reshape(self.E, -1, self.width)

    def observation(self, name, weights):
        """Row (width,) of a variable: weights at [x₀; slots] of a state, at the nodes of another."""
        model = self.model
        if name in model.states:
            return self._differential(weights[None])[0][model.states.index(name)]
        place = (*model.algebraic, *model.outputs).index(name)
        row = np.zeros(self.width)
        row[self.n_x + self.n_x + place:self.width - self.n_p:self.n_w] = weights
        return row

    def rows_at(self, k, times, columns):
        """Elements (m,) and rows (m, c, width) that give arguments a at times (m,) of trajectory k, those
        of whole numbers `columns` (c,), from the collocation polynomials."""
        at, cut = self.arguments, self.width - self.n_p
        found = [interpolation(self.scheme, self.meshes[k], times, kind)
                 for kind in ("derivative", "differential", "algebraic")]
        (element, slopes), (_, values), (_, others) = found
        rows = np.zeros((len(element), len(columns), self.width))
        for row, column in zip(rows.transpose(1, 0, 2), columns):
            if column < at.algebraic.start:
                i, weights = column % self.n_x, slopes if column < at.states.start else values
                row[:, i], row[:, self.n_x + i:cut:self.n_w] = weights[:, 0], weights[:, 1:]
            elif column < at.parameters.start:
                row[:, self.n_x + column - at.states.start:cut:self.n_w] = others
            else:
                row[:, cut + column - at.parameters.start] = 1.0
        return self.starts[k] + element, rows

    def _differential(self, weights):
        """(r, n_x, width): rows of weights (r, K + 1) acting on [x₀; slots] of every state."""
        r = np.zeros((len(weights), self.n_x, self.width))
        for i in range(self.n_x):
            r[:, i, i] = weights[:, 0]
            r[:, i, self.n_x + i:self.width - self.n_p:self.n_w] = weights[:, 1:]
        return r

    def _gather(self):
        return self._arguments(self.scheme.derivative, self.scheme.value, np.eye(self.K))

    def _arguments(self, derivative, value, algebraic):
        """(r, n_a, width) of rows (r, K + 1) on [x₀; slots], and (r, K) on the nodes."""
        at = self.arguments
        G = np.zeros((len(value), len(at), self.width))
        G[:, at.derivatives] = self._differential(derivative)
        G[:, at.states] = self._differential(value)
        for i in range(self.n_y + self.n_z):
            place = self.n_x + self.n_x + i
            G[:, at.algebraic.start + i, place:self.width - self.n_p:self.n_w] = algebraic
        for i in range(self.n_p):
            G[:, at.parameters.start + i, self.width - self.n_p + i] = 1.0
        return G
