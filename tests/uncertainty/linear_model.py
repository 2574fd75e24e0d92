"""A linear model with normal noise and prior, and its posterior in closed form."""
import numpy as np
import tensorflow as tf
from scipy.stats import multivariate_normal

import pcl
from pcl.uncertainty import noise, prior


class LinearModel:
    """y = A x + ε, ε ~ N(0, σ²), x ~ N(mean, τ²); `mean`, `covariance`, `log_evidence` of x given y."""

    def __init__(self, readings=8, unknowns=3, sigma=0.1, seed=0):
        rng = np.random.default_rng(seed)
        self.A, self.sigma = rng.normal(size=(readings, unknowns)), sigma
        self.before, self.tau = rng.normal(size=unknowns), rng.uniform(0.5, 2.0, size=unknowns)
        x = self.before + self.tau * rng.normal(size=unknowns)
        self.y = self.A @ x + sigma * rng.normal(size=readings)
        P = self.A.T @ self.A / sigma ** 2 + np.diag(self.tau ** -2)
        self.covariance = np.linalg.inv(P)
        self.mean = self.covariance @ (self.A.T @ self.y / sigma ** 2 + self.before / self.tau ** 2)
        S = (self.A * self.tau ** 2) @ self.A.T + sigma ** 2 * np.eye(readings)
        self.log_evidence = multivariate_normal(self.A @ self.before, S).logpdf(self.y)

    def predict(self, theta):
        return tf.linalg.matvec(tf.constant(self.A), theta["x"])

    def problem(self, model=None):
        return pcl.Problem.from_data(
            self.predict, self.y, model or noise.Gaussian(self.sigma), {"x": np.zeros(len(self.mean))},
            {"x": prior.Normal(self.before, self.tau)})
