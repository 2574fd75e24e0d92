"""Our side of the nonlinear equation: `benchmarks.nonlinear`, stated for `pcl` and `fem`."""
import numpy as np
import tensorflow as tf

import fem
import pcl
from benchmarks import nonlinear, square


class Nonlinear:
    """The problem on an n × n × 2 mesh; `loss`, `gradient`, `hvp`, `hessian` of a flat θ (901,)."""

    def __init__(self, n):
        space = fem.Space(square.mesh(n), "P1")
        net = pcl.MLP(nonlinear.WIDTHS, output=pcl.softplus(floor=nonlinear.FLOOR))
        free, load = space.partition(space.boundary_dofs()), space.load(nonlinear.SOURCE)
        start = np.zeros(len(free.free))
        observe = space.observe_nodes(free.free[nonlinear.observed(start.size)])

        def predict(kappa):
            def equation(inner):
                u = free.put_free @ inner
                return free.take_free @ (space.laplace(kappa(space.interpolate(u))) @ u - load)
            inner = pcl.solve_nonlinear(equation, start, tolerance=nonlinear.TOLERANCE,
                                        maxiter=nonlinear.MAXITER)
            return observe @ (free.put_free @ inner)

        data = predict(nonlinear.kappa_true).numpy()

        def loss(theta):
            predicted = predict(lambda u: net(theta["kappa"], u[:, None])[:, 0])
            return tf.reduce_sum(tf.square(predicted - data))

        self.problem = pcl.Problem(loss, {"kappa": net.init(seed=square.SEED)})
        self.loss = self.problem.value
        self.gradient = self.problem.gradient
        self.hvp = self.problem.hvp
        self.hessian = self.problem.hessian
