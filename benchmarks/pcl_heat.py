"""Our side of the march: the problem of `benchmarks.heat`, stated for `pcl` and `fem`."""
import numpy as np
import tensorflow as tf

import fem
import pcl
from benchmarks import heat, square


def march(space, kappa, steps):
    """u at the observed times, a list of tensors (n,), from u = 0 by backward Euler."""
    mass = space.mass(steps / heat.FINAL_TIME)
    matrix, load = mass + space.laplace(kappa), space.load(1.0)
    states = [np.zeros(space.n)]
    for _ in range(steps):
        states.append(fem.solve(matrix, load + mass @ states[-1], dirichlet=0.0))
    return [states[k] for k in heat.observed_steps(steps)]


class Heat:
    """The problem on an n × n × 2 mesh; `loss`, `gradient`, `hvp`, `hessian` of a flat θ (921,)."""

    def __init__(self, n, steps):
        space = fem.Space(square.mesh(n), "P1")
        net = pcl.MLP(square.WIDTHS)
        points = space.quadrature_points
        data = [u.numpy() for u in march(space, square.kappa_true(points), steps)]

        def loss(theta):
            kappa = net(theta["kappa"], points)[..., 0] + 0.5
            states = march(space, kappa, steps)
            return tf.add_n([tf.reduce_sum(tf.square(u - d)) for u, d in zip(states, data)])

        self.problem = pcl.Problem(loss, {"kappa": net.init(seed=square.SEED)})
        self.loss = self.problem.value
        self.gradient = self.problem.gradient
        self.hvp = self.problem.hvp
        self.hessian = self.problem.hessian
