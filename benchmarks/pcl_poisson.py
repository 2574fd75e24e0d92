"""Our side of the Poisson benchmark: the problem of `jax_poisson`, stated for `pcl` and `fem`."""
import tensorflow as tf

import fem
import pcl
from benchmarks import square


class Poisson:
    """The problem on an n × n × 2 mesh; `loss`, `gradient`, `hvp`, `hessian` of a flat θ."""

    def __init__(self, n, widths=square.WIDTHS):
        space = fem.Space(square.mesh(n), "P1")
        net = pcl.MLP(widths)
        load = space.load(1.0)
        truth = square.kappa_true(space.quadrature_points)
        data = fem.solve(space.laplace(truth), load, dirichlet=0.0).numpy()

        def loss(theta):
            kappa = net(theta["kappa"], space.quadrature_points)[..., 0] + 0.5
            u = fem.solve(space.laplace(kappa), load, dirichlet=0.0)
            return tf.reduce_sum(tf.square(u - data))

        self.problem = pcl.Problem(loss, {"kappa": net.init(seed=square.SEED)})
        self.loss = self.problem.value
        self.gradient = self.problem.gradient
        self.hvp = self.problem.hvp
        self.hessian = self.problem.hessian
