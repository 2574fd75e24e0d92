"""Jacobian and Hessian of a collocated program: small blocks for each element, dense ones for θ."""

import numpy as np
import scipy.sparse as sp

from pcl.dae.blocks import along, summed
from pcl.dae.program.law_curvature import sparse


class StructuredJacobian:
    """The Jacobian of the constraints; rows: equations and laws at the nodes, joints, paths.

    Parameters
    ----------
    rows : RowLayout
    local : (E, K·n_w, width), equations and laws of each element with respect to u
    path : (E, K·n_g, width)
    weights : list of arrays (E, K·m_l, p_l): −∂z/∂θ of each law, in the law's rows of `local`
    joints : `handover.Slopes`
    """

    def __init__(self, rows, local, path, weights, joints):
        self.rows, self.local, self.path, self.weights = rows, local, path, weights
        self.joints = joints
        self.shape = (rows.m, rows.n)

    @property
    def T(self):
        """The transpose, for products alone."""
        return _Transposed(self)

    def __matmul__(self, dx):
        rows, elements = self.rows, self.rows.elements
        u = elements.local(dx[:elements.n])
        local = np.matmul(self.local, u[:, :, None])[:, :, 0]
        for law, N, theta in zip(rows.laws, self.weights, rows.parameters(dx)):
            local[:, law] += along(N, theta)
        path = np.matmul(self.path, u[:, :, None])
        return np.concatenate([local.ravel(), self.joints.rows @ dx[:elements.n], path.ravel()])

    def transposed_product(self, lam):
        """Jᵀλ."""
        rows = self.rows
        local, joints, path = rows.split(lam)
        u = np.matmul(local[:, None], self.local)[:, 0]
        if path.size:
            u += np.matmul(path[:, None], self.path)[:, 0]
        out = [rows.elements.scatter(u) + self.joints.transposed @ joints]
        out += [summed(local[:, law], N) for law, N in zip(rows.laws, self.weights)]
        return np.concatenate(out)

    def row_maxima(self):
        """Largest magnitude in every row, (m,)."""
        rows = self.rows
        local = np.abs(self.local).max(axis=2)
        for law, N in zip(rows.laws, self.weights):
            if N.size:
                local[:, law] = np.maximum(local[:, law], np.abs(N).max(axis=2))
        path = np.abs(self.path).max(axis=2)
        joints = np.abs(self.joints.rows).max(axis=1).toarray().ravel()
        return np.concatenate([local.ravel(), joints, path.ravel()])

    def tocsc(self):
        """The same as one sparse matrix."""
        rows, elements = self.rows, self.rows.elements
        columns = elements.columns()
        local = placed(self.local, columns, elements.n)
        pieces = [local, self.joints.rows, placed(self.path, columns, elements.n)]
        trajectories = sp.vstack([p for p in pieces if p.shape[0]])
        blocks = []
        for law, N in zip(rows.laws, self.weights):
            place = (np.arange(elements.E)[:, None] * self.local.shape[1] + law).ravel()
            dense = sp.coo_array(N.reshape(len(place), -1))
            blocks.append(sp.coo_array((dense.data, (place[dense.row], dense.col)),
                                       shape=(rows.m, N.shape[2])))
        return sp.hstack([trajectories, *blocks], format="csc")


class _Transposed:
    def __init__(self, J):
        self._J, self.shape = J, J.shape[::-1]

    def __matmul__(self, lam):
        return self._J.transposed_product(lam)


class StructuredHessian:
    """The Hessian of the Lagrangian.

    Parameters
    ----------
    rows : RowLayout
    local : (E, width, width), with respect to u
    mixed : list of (E, K·d_l, p_l), with respect to the inputs a of each law and its θ
    inputs : list of (K·d_l, width), a of an element in terms of u
    theta : list of (p_l, p_l), arrays or `LawCurvature`
    """

    def __init__(self, rows, local, mixed, inputs, theta):
        self.rows, self.local, self.mixed, self.inputs, self.theta = rows, local, mixed, inputs, theta
        self.shape = (rows.n, rows.n)

    def __matmul__(self, dx):
        elements = self.rows.elements
        u = elements.local(dx[:elements.n])
        out = np.matmul(self.local, u[:, :, None])[:, :, 0]
        parts = []
        for X, A, B, theta in zip(self.mixed, self.inputs, self.theta, self.rows.parameters(dx)):
            part = B @ theta
            if X.size:
                out += along(X, theta) @ A
                part = part + summed(u @ A.T, X)
            parts.append(part)
        return np.concatenate([elements.scatter(out), *parts])

    def tocsc(self):
        """The same as one sparse matrix."""
        elements = self.rows.elements
        columns = elements.columns()
        i = np.broadcast_to(columns[:, :, None], self.local.shape).ravel()
        j = np.broadcast_to(columns[:, None, :], self.local.shape).ravel()
        blocks = [[sp.coo_array((self.local.ravel(), (i, j)), shape=(elements.n, elements.n)).tocsc()]]
        for k, (X, A, B) in enumerate(zip(self.mixed, self.inputs, self.theta)):
            cross = np.zeros((elements.n, B.shape[0]))
            if X.any():
                np.add.at(cross, columns, np.matmul(A.T, X))
            blocks[0].append(sp.csc_array(cross))
            blocks.append([sp.csc_array(cross.T), *[None] * k, sparse(B),
                           *[None] * (len(self.theta) - 1 - k)])
        return sp.block_array(blocks, format="csc")


class RowLayout:
    """Where constraints and unknowns stand.

    Unknowns: those of `elements`, then θ of each law. Rows: (E, K·n_w) equations and laws, joints, (E,
    K·n_g) paths.

    Parameters
    ----------
    elements : Elements
    laws : list of int arrays, the rows of each law among the K·n_w of an element
    handover : Handover, which has the joints
    paths : int, n_g
    sizes : list of int, parameters of each law
    """

    def __init__(self, elements, laws, handover, paths, sizes):
        self.elements, self.laws, self.handover, self.sizes = elements, laws, handover, sizes
        self.joints, self.jointed = handover.linear, handover.jointed
        self.paths = paths
        self.n_local = elements.K * elements.n_w
        self.m = elements.E * (self.n_local + elements.K * paths) + self.joints.shape[0]
        self.n = elements.n + sum(sizes)
        ends = elements.n + np.cumsum([0, *sizes])
        self._places = [slice(int(a), int(b)) for a, b in zip(ends, ends[1:])]

    def split(self, lam):
        """(local (E, K·n_w), joints, path (E, K·n_g)), views of a vector (m,)."""
        E = self.elements.E
        a, b = E * self.n_local, E * self.n_local + self.joints.shape[0]
        return lam[:a].reshape(E, -1), lam[a:b], lam[b:].reshape(E, -1)

    def parameters(self, x):
        """[θ_l …], views of a vector (n,)."""
        return [x[place] for place in self._places]


def placed(blocks, columns, n):
    """Blocks (E, r, width) as a sparse matrix (E·r, n)."""
    E, r, width = blocks.shape
    i = np.broadcast_to(np.arange(E * r).reshape(E, r, 1), blocks.shape).ravel()
    j = np.broadcast_to(columns[:, None], blocks.shape).ravel()
    return sp.csc_array((blocks.ravel(), (i, j)), shape=(E * r, n))
