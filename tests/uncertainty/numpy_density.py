"""A density by NumPy, in place of a problem: cheap, and without TensorFlow."""
import numpy as np

from pcl.errors import NotFinite
from pcl.uncertainty import Posterior
from pcl.uncertainty.laplace.gaussian import Factored


class Density:
    """log p(x) and its gradient by a function, where `domain` is True; no value elsewhere."""

    slices, statement = {}, None

    def __init__(self, function, size, domain=lambda x: True):
        self.function, self.size, self.domain, self.calls = function, size, domain, 0

    def unravel(self, theta):
        return {"x": theta}

    def log_density_and_gradient(self, x):
        self.calls += 1
        if not self.domain(x):
            raise NotFinite("x is outside")
        return self.function(x)

    def log_density(self, x):
        return self.log_density_and_gradient(x)[0]

    def around(self, center, covariance):
        """A normal posterior of it."""
        return Posterior(self, np.array(center), Factored(np.linalg.cholesky(covariance)), 1.0)
