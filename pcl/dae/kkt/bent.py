"""The curvature of a collocated program along its trajectories."""

import numpy as np

from pcl.dae.program.law_curvature import dense


def bent(W, U, places):
    """H = (S; I)ᵀ W (S; I) (q, q), with S the trajectories' part of the tangents U along q.

    Parameters
    ----------
    W : StructuredHessian
    U : (E, width, q), see `Chain.tangents`
    places : list of slice or None, where the weights of each law stand in q; None for fixed ones
    """
    flat = U.reshape(-1, U.shape[2])
    H = flat.T @ np.matmul(W.local, U).reshape(flat.shape)
    for X, A, B, place in zip(W.mixed, W.inputs, W.theta, places):
        if place is None:
            continue
        cross = np.tensordot(np.matmul(A, U), X, ((0, 1), (0, 1)))
        H[:, place] += cross
        H[place] += cross.T
        H[place, place] += dense(B)
    return H
