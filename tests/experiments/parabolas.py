"""Experiments of NumPy alone, for workers that start at once: ℓ_i = |θ − c_i|²."""

import os
import signal
import time

import numpy as np

from pcl.errors import NotFinite


class Blocks:
    shapes = {"x": (2,)}


class Parabola:
    blocks, size, slices, statement, has_residuals = Blocks(), 2, {"x": slice(0, 2)}, None, True
    networks: dict = {}

    def __init__(self, centre):
        self.centre = np.asarray(centre, float)

    @property
    def theta0(self):
        return np.zeros(2)

    def unravel(self, theta):
        return {"x": theta}

    def residuals(self, theta):
        return theta - self.centre

    def jacobian(self, theta):
        return np.eye(2)

    def value(self, theta):
        return float(np.sum(self.residuals(theta) ** 2))

    def value_and_gradient(self, theta):
        return self.value(theta), 2.0 * self.residuals(theta)

    def hvp(self, theta, v):
        return 2.0 * v

    def hessian(self, theta, mode="auto", blocks=None):
        return 2.0 * np.eye(2)


def centres(count):
    return np.random.default_rng(0).normal(size=(count, 2))


class Dies(Parabola):
    """Its process is killed by what it computes while a file is there."""

    def __init__(self, item):
        super().__init__(item[0])
        self.file = item[1]

    def value_and_gradient(self, theta):
        if self.file and os.path.exists(self.file):
            if not self.file.endswith("for good"):
                os.remove(self.file)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().value_and_gradient(theta)


class Slow(Parabola):
    def __init__(self, item):
        super().__init__(item[0])
        self.seconds = item[1]

    def value_and_gradient(self, theta):
        time.sleep(self.seconds)
        return super().value_and_gradient(theta)


class Picky(Parabola):
    """No value beyond 0.5 at one centre, an error of the user's at another."""

    def residuals(self, theta):
        if self.centre[0] == 7.0 and theta[0] > 0.5:
            raise NotFinite("the loss is NaN")
        if self.centre[0] == 8.0:
            raise KeyError("no such sensor")
        return super().residuals(theta)


def where(item):
    """A parabola whose value is the process that computes it."""
    class Where(Parabola):
        def value(self, theta):
            return float(os.getpid())
    return Where(item)
