"""One step on a finer level foretells where the minimum of that level lies, in standard errors."""

import functools

import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl

POINTS = np.array([[0.13], [0.31], [0.5], [0.68], [0.89]])
NOISE = 1e-4 * np.array([0.5, -1.2, 0.3, 1.1, -0.7])
START = {"log k": 0.1, "c": 0.9}


def line(cells, element="P1"):
    return fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, cells + 1)), element)


def sources(space):
    """1 + c sin 6x by its two parts."""
    return space.load(1.0), space.load(lambda x: 5.0 * np.sin(6.0 * x[:, 0]))


def rod(level):
    """−(k u')' = 1 + 5 c sin 6x, u(0) = u(1) = 0, u read at five points; θ = (ln k, c) near (0, 1).

    At c = 1, k = 1: u = x(1 − x)/2 + 5/36 (sin 6x − x sin 6).
    """
    V = line(*level) if isinstance(level, tuple) else line(level)
    x, (f, g) = POINTS[:, 0], sources(V)
    data = x * (1 - x) / 2 + 5 / 36 * (np.sin(6 * x) - x * np.sin(6)) + NOISE

    def residuals(theta):
        A = V.laplace(tf.exp(theta["log k"]) * np.ones(len(V.quadrature_points)))
        return V.observe(POINTS) @ fem.solve(A, f + theta["c"] * g, dirichlet=0.0) - data

    return pcl.Problem.from_residuals(residuals, START)


def heating(scheme):
    """u_t − (k u')' = 1 + 5 c sin 6x from 0, read five times at 0.3; θ = (ln k, c)."""
    V, times = line(8, "P2"), np.linspace(0.04, 0.2, 5)
    f, g = sources(V)

    def make(steps):
        def residuals(theta):
            K = V.laplace(tf.exp(theta["log k"]) * np.ones(len(V.quadrature_points)))
            system = pcl.FirstOrder(V.mass(), K, load=f + theta["c"] * g)
            u = fem.march(V, system, np.zeros(V.n), np.linspace(0.0, 0.2, steps + 1), scheme, at=times,
                          dirichlet=0.0)
            steady, rate = np.array([0.35, 0.17])[:, None], 9.0
            return tf.reshape(V.observe([[0.3], [0.8]]) @ u - steady * (1 - np.exp(-rate * times)), [-1])
        return pcl.Problem.from_residuals(residuals, START)
    return make


def grid(n):
    """−∇·(k ∇u) = 1 + 5 c sin 6x on a square of nodes, u read at nine points; θ = (ln k, c)."""
    G = fem.Grid.uniform((n + 1, n + 1))
    points = np.stack(np.meshgrid([0.25, 0.5, 0.75], [0.25, 0.5, 0.75]), axis=-1).reshape(-1, 2)
    f, g = sources(G)
    data = np.sin(np.pi * points[:, 1]) * (0.07 + 0.1 * np.sin(2 * np.pi * points[:, 0]))

    def residuals(theta):
        A = G.laplace(tf.exp(theta["log k"]) * np.ones(len(G.face_points)))
        return G.observe(points) @ fem.solve(A, f + theta["c"] * g, dirichlet=0.0) - data

    return pcl.Problem.from_residuals(residuals, START)


def minimum(make, level, start=None):
    return pcl.minimize(make(level), "newton-trust-region", x0=start, maxiter=30, gtol=1e-10, ftol=0.0,
                        progress=False).x


def flat(shift):
    return np.array([shift["log k"], shift["c"]])


def relative_error(make, levels):
    """Of the one-step shift, and the size of the shift."""
    make = functools.lru_cache(make)
    coarse = minimum(make, levels[0])
    true = minimum(make, levels[1], coarse) - coarse
    found = pcl.resolution(make, coarse, levels)
    return np.linalg.norm(flat(found.shift) - true) / np.linalg.norm(true), np.linalg.norm(true)


@pytest.mark.parametrize("make, rough, smooth", [
    (rod, (6, 12), (24, 48)),
    (rod, ((6, "P1"), (6, "P2")), ((24, "P1"), (24, "P2"))),
    (heating("backward-euler"), (40, 80), (80, 160)),
    (heating("bdf2"), (20, 40), (40, 80)),
    (grid, (4, 8), (8, 16))], ids=["mesh", "element order", "backward Euler", "bdf2", "grid"])
def test_one_step_is_the_shift_of_the_minimum_to_second_order(make, rough, smooth):
    """Error ∝ shift²: a shift that is smaller has a relative error that is smaller by as much."""
    error, shift = relative_error(make, rough)
    less, smaller = relative_error(make, smooth)
    assert smaller < 0.6 * shift
    assert error < 0.25 and less < 2.0 * error * smaller / shift
