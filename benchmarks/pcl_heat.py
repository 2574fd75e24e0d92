"""Our side of the march: the problem of `benchmarks.heat`, stated for `pcl` and `fem`."""
import numpy as np
import tensorflow as tf

import fem
import pcl
from benchmarks import heat, square


def march(space, kappa, steps):
    """u at the observed times, (n, times), from u = 0 by backward Euler."""
    times = np.linspace(0.0, heat.FINAL_TIME, steps + 1)
    system = pcl.FirstOrder(space.mass(), space.laplace(kappa), load=space.load(1.0))
    return fem.march(space, system, 0.0, times, "backward-euler", dirichlet=0.0,
                     at=times[list(heat.observed_steps(steps))])


class Heat:
    """The problem on an n × n × 2 mesh; `loss`, `gradient`, `hvp`, `hessian` of a flat θ (921,)."""

    def __init__(self, n, steps):
        space = fem.Space(square.mesh(n), "P1")
        net = pcl.MLP(square.WIDTHS)
        points = space.quadrature_points
        data = march(space, square.kappa_true(points), steps).numpy()

        def loss(theta):
            kappa = net(theta["kappa"], points)[..., 0] + 0.5
            return tf.reduce_sum(tf.square(march(space, kappa, steps) - data))

        self.problem = pcl.Problem(loss, {"kappa": net.init(seed=square.SEED)})
        self.loss = self.problem.value
        self.gradient = self.problem.gradient
        self.hvp = self.problem.hvp
        self.hessian = self.problem.hessian
