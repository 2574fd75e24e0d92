"""The two sides of the linear march of `benchmarks.march`: readings and their Jacobian in θ (5,)."""
import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

THETA = np.array([0.5, 0.8, 0.6, 1.0, 0.7])       # κ at five points
GAMMA = 1.0 - np.sqrt(0.5)
END, FIRST = 0.2, 5e-4                            # times


def hats(x):
    """φ_j(x) of equidistant points on (0, 1), (q, 5)."""
    points = np.linspace(0.0, 1.0, len(THETA))
    return np.stack([np.interp(x, points, row) for row in np.eye(len(THETA))], axis=1)


class Ours:
    """Stated for `pcl` and `fem`: `residuals(theta)` (9·steps,), `jacobian(theta)`."""

    def __init__(self, cells, steps):
        import skfem
        import tensorflow as tf

        import fem
        import pcl
        self.space = V = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, cells + 1)), "P1")
        self.observe = V.observe(np.linspace(0.1, 0.9, 9))
        self.times = pcl.geometric_times(0.0, END, steps, FIRST)
        basis = pcl.LinearMap(hats(V.quadrature_points[:, 0]))
        start = np.sin(np.pi * V.dof_points[:, 0])

        def residuals(theta):
            system = pcl.FirstOrder(V.mass(), V.laplace(basis @ theta["k"]), load=V.load(1.0))
            u = fem.march(V, system, start, self.times, "sdirk2", dirichlet=0.0, at=self.times[1:])
            return tf.reshape(tf.transpose(self.observe @ u), [-1])
        problem = pcl.Problem.from_residuals(residuals, {"k": THETA})
        self.residuals, self.jacobian = problem.residuals, problem.jacobian


class Loop:
    """The same in SciPy."""

    def __init__(self, ours, cells, steps):
        V, free = ours.space, np.arange(1, cells)
        values, slopes = (sp.csc_array(m.matrix)[:, free] for m in (V.value_map, V.gradient_map))
        w, phi = V.quadrature_weights, hats(V.quadrature_points[:, 0])
        self.mass = sp.csc_array(values.T @ sp.diags_array(w) @ values)
        self.parts = [sp.csc_array(slopes.T @ sp.diags_array(w * column) @ slopes) for column in phi.T]
        self.load, self.steps = values.T @ w, np.diff(ours.times)
        self.start = np.sin(np.pi * V.dof_points[free, 0])
        self.observe = sp.csr_array(ours.observe.matrix[:, free])

    def residuals(self, theta):
        K, u, readings = self._stiffness(theta), self.start, []
        for h in self.steps:
            u = self._step(splu(sp.csc_array(self.mass / (GAMMA * h) + K)), h, u)[1]
            readings.append(self.observe @ u)
        return np.concatenate(readings)

    def jacobian(self, theta):
        K, u, readings = self._stiffness(theta), self.start, []
        S = np.zeros((u.size, theta.size))
        for h in self.steps:
            F, a = splu(sp.csc_array(self.mass / (GAMMA * h) + K)), 1.0 / (GAMMA * h)
            U, u = self._step(F, h, u)
            S_U = F.solve(a * (self.mass @ S) - self._changes(U))
            mixed = (2.0 - 1.0 / GAMMA) * S + (1.0 / GAMMA - 1.0) * S_U
            S = F.solve(a * (self.mass @ mixed) - self._changes(u))
            readings.append(self.observe @ S)
        return np.concatenate(readings)

    def _stiffness(self, theta):
        return sum(value * part for value, part in zip(theta, self.parts))

    def _step(self, F, h, u):
        """(U, u₁) of sdirk2."""
        a = 1.0 / (GAMMA * h)
        U = F.solve(a * (self.mass @ u) + self.load)
        mixed = (2.0 - 1.0 / GAMMA) * u + (1.0 / GAMMA - 1.0) * U
        return U, F.solve(a * (self.mass @ mixed) + self.load)

    def _changes(self, u):
        """∂(K u)/∂θ."""
        return np.stack([part @ u for part in self.parts], axis=1)
