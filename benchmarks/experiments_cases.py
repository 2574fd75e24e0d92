"""What the processes of benchmarks.experiments run: a module of its own, so that it is imported there."""
import os
import time

import numpy as np


class Flow:
    """−∇·(κ ∇u) = f_i, u = 0 on the left, read at 50 places."""

    def __init__(self, n, widths):
        self.n, self.widths = n, widths

    def __call__(self, item):
        import tensorflow as tf

        import fem
        import pcl

        number, readings = item
        V, net = fem.Space(fem.unit_square(self.n), "P1"), pcl.MLP(self.widths)
        load = V.load(lambda x: np.sin((1 + number % 8) * x[:, 0]) * np.cos((1 + number // 8) * x[:, 1]))
        sensors = V.observe(np.random.default_rng(0).uniform(0.1, 0.9, (len(readings), 2)))

        def residuals(theta):
            stiffness = V.laplace(lambda x: tf.exp(net(theta["kappa"], x)[:, 0]))
            return sensors @ fem.solve(stiffness, load, {"left": 0.0}) - readings

        return pcl.Problem.from_residuals(residuals, {"kappa": net.init(0)})


class Small:
    """Twenty readings of a curve by a network of 25 weights."""

    def __call__(self, number):
        import pcl

        x, net = np.linspace(0.0, 1.0, 20)[:, None], pcl.MLP([1, 8, 1])
        y = np.sin(x[:, 0] * (1.0 + 1e-4 * number))
        return pcl.Problem.from_residuals(lambda theta: net(theta["u"], x)[:, 0] - y, {"u": net.init(0)})


_HALF: dict = {}


def apart(task):
    """In a process of its own: one half of the experiments, one after the other; seconds."""
    make, half, method, theta = task
    if not _HALF:
        _HALF.update(enumerate(map(make, half)))
    begun = time.perf_counter()
    for problem in _HALF.values():
        getattr(problem, method)(theta)
    return time.perf_counter() - begun


def pid(item):
    return os.getpid()


def memory(item):
    """(MB now, MB at most) of this process."""
    import resource
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return now / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
