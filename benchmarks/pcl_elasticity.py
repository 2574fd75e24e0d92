"""Our side of the elasticity benchmark: the problem of `jax_elasticity`, stated for `pcl` and `fem`."""
import numpy as np
import tensorflow as tf

import fem
import pcl
from benchmarks import square

LAM, MU = 1.0, 0.8                  # Lamé's constants for E = 1
PULL = np.array([0.0, -0.1])        # traction on the right


def mesh(n):
    """The mesh of `square`, with its left and right side named."""
    return square.mesh(n).with_boundaries({"left": lambda x: x[0] == 0.0, "right": lambda x: x[0] == 1.0})


class Elasticity:
    """The problem on an n × n × 2 mesh; `loss`, `gradient`, `hvp`, `hessian` of a flat θ."""

    def __init__(self, n, widths=square.WIDTHS):
        self.space = fem.Space(mesh(n), fem.vector("P2"))
        net = pcl.MLP(widths)
        x = self.space.quadrature_points
        data = self._solve(square.kappa_true(x)).numpy()

        def loss(theta):
            u = self._solve(net(theta["E"], x)[:, 0] + 0.5)
            return tf.reduce_sum(tf.square(u - data))

        self.problem = pcl.Problem(loss, {"E": net.init(seed=square.SEED)})
        self.loss, self.gradient = self.problem.value, self.problem.gradient
        self.hvp, self.hessian = self.problem.hvp, self.problem.hessian

    def _solve(self, E):
        """u (n,) for Young's modulus E at the points (q,)."""
        def form(u, x):
            stress = LAM * u.divergence[:, None, None] * np.eye(2) + 2.0 * MU * fem.sym(u.gradient)
            return {"u": {"gradient": E[:, None, None] * stress}}
        A, b = self.space.system(form, {"right": lambda u, x, normal: {"u": {"value": -PULL}}})
        return fem.solve(A, b, dirichlet={"left": 0.0})
