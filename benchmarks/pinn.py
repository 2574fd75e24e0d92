"""A coefficient from readings of the state: a physics-informed network of DeepXDE, and ours.

    −∇·(κ∇u) = 1 in (0, 1)²,  u = 0 on the boundary,  κ(x) = 1 + 1/(1 + |x|²) to be found

from u at 100 places with noise of 0.1 % and of 1 % of the largest u. Both have the same network for κ,
[2, 20, 20, 1], tanh, κ = 0.1 + softplus. The physics-informed network has one more of the same size for
u, which is zero on the boundary by construction; its loss is the mean square of the equation at 1,000
points plus w times that of the misfit, trained by ADAM, then by L-BFGS, as DeepXDE does it. Processor
seconds of one thread; the error of κ is the root mean square over the square, relative to that of κ.

    pip install deepxde        (run with DDE_BACKEND=tensorflow)
    OPENBLAS_NUM_THREADS=1 python -m benchmarks.pinn [--iterations 20000] [--lbfgs 5000] [--weights 1,100]
"""
import argparse
import os
import time
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

import fem
import pcl
from pcl.uncertainty import noise, prior

WIDTHS = [2, 20, 20, 1]
CENTRES = (np.arange(50) + 0.5) / 50
EVERYWHERE = np.stack(np.meshgrid(CENTRES, CENTRES), axis=-1).reshape(-1, 2)


def truth(x):
    """κ at points (q, 2)."""
    return 1.0 + 1.0 / (1.0 + np.sum(x ** 2, axis=1))


@dataclass(frozen=True)
class Readings:
    """u (m,) at places (m, 2), with the standard deviation of its noise."""

    places: np.ndarray
    values: np.ndarray
    sigma: float


def readings(noise_share, count=100, cells=40, seed=0):
    """Readings of the P2 solution on a finer mesh than that of any fit."""
    rng = np.random.default_rng(seed)
    V = fem.Space(fem.unit_square(cells), "P2")
    u = fem.solve(V.laplace(truth(V.quadrature_points)), V.load(1.0), 0.0).numpy()
    places = rng.uniform(0.02, 0.98, (count, 2))
    sigma = noise_share * u.max()
    return Readings(places, (V.observe(places) @ u).numpy() + sigma * rng.normal(size=count), sigma)


def error(kappa):
    """Root mean square error of κ at EVERYWHERE, relative."""
    exact = truth(EVERYWHERE)
    return float(np.linalg.norm(kappa - exact) / np.linalg.norm(exact))


@dataclass(frozen=True)
class Outcome:
    """One row of the table; the misfit is √(Σ (u − reading)²/m), relative to the largest reading."""

    name: str
    iterations: str
    seconds: float
    kappa_error: float
    misfit: float

    def __str__(self):
        return (f"| {self.name} | {self.iterations} | {self.seconds:.0f} | "
                f"{100 * self.kappa_error:.2g} % | {100 * self.misfit:.2g} % |")


def _misfit(u, data):
    return float(np.sqrt(np.mean((u - data.values) ** 2)) / np.abs(data.values).max())


def ours(data, cells=12, seed=0):
    """Finite elements, standard normal priors of the weights, Levenberg and Marquardt's method."""
    start = time.process_time()
    V = fem.Space(fem.unit_square(cells), "P2")
    net, sensors = pcl.MLP(WIDTHS, output=pcl.softplus(floor=0.1)), V.observe(data.places)

    def predict(theta):
        kappa = net(theta["kappa"], V.quadrature_points)[:, 0]
        return sensors @ fem.solve(V.laplace(kappa), V.load(1.0), 0.0)
    problem = pcl.Problem.from_data(predict, data.values, noise.Gaussian(data.sigma),
                                    {"kappa": net.init(seed)}, {"kappa": prior.Normal(0.0, 1.0)})
    result = pcl.minimize(problem, progress=False)
    seconds = time.process_time() - start
    u = predict({name: tf.constant(value) for name, value in result.theta.items()}).numpy()
    kappa = net(result.theta["kappa"], EVERYWHERE).numpy()[:, 0]
    return Outcome("ours", f"{result.nit} LM", seconds, error(kappa), _misfit(u, data))


def physics_informed(data, weight, iterations, lbfgs, seed=0):
    """The same by DeepXDE: collocation, ADAM, then L-BFGS, if `lbfgs` (iterations) is above 0."""
    os.environ.setdefault("DDE_BACKEND", "tensorflow")
    import deepxde as dde

    dde.config.set_default_float("float64")
    dde.config.set_random_seed(seed)
    start = time.process_time()
    square = dde.geometry.Rectangle([0.0, 0.0], [1.0, 1.0])
    observed = dde.icbc.PointSetBC(data.places, data.values[:, None], component=0)
    points = dde.data.PDE(square, _residual(dde), [observed], num_domain=1000, anchors=data.places)
    model = dde.Model(points, _two_networks(dde))
    model.compile("adam", lr=1e-3, loss_weights=[1.0, weight], verbose=0)
    model.train(iterations=iterations, display_every=iterations, verbose=0)
    if lbfgs:
        dde.optimizers.set_LBFGS_options(maxiter=lbfgs)
        model.compile("L-BFGS", loss_weights=[1.0, weight], verbose=0)
        model.train(display_every=iterations, verbose=0)
    seconds = time.process_time() - start
    kappa, u = model.predict(EVERYWHERE)[:, 1], model.predict(data.places)[:, 0]
    return Outcome(f"DeepXDE, w = {weight:g}", f"{iterations} ADAM, up to {lbfgs} L-BFGS",
                   seconds, error(kappa), _misfit(u, data))


def _residual(dde):
    """κΔu + ∇κ·∇u + 1 of the pair y = (u, κ)."""
    def residual(x, y):
        slopes = [[dde.grad.jacobian(y, x, i=i, j=j) for j in range(2)] for i in range(2)]
        laplacian = sum(dde.grad.hessian(y, x, component=0, i=j, j=j) for j in range(2))
        return y[:, 1:] * laplacian + sum(a * b for a, b in zip(*slopes)) + 1.0
    return residual


def _two_networks(dde):
    """(u, κ): u vanishes on the boundary, κ > 0.1."""
    net = dde.nn.PFNN([2, [20, 20], [20, 20], 2], "tanh", "Glorot normal")

    def bounded(x, y):
        bubble = x[:, :1] * (1.0 - x[:, :1]) * x[:, 1:] * (1.0 - x[:, 1:])
        return tf.concat([bubble * y[:, :1], 0.1 + tf.nn.softplus(y[:, 1:])], axis=1)
    net.apply_output_transform(bounded)
    return net


def main():
    """Print one table a level of noise."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--iterations", type=int, default=20_000)
    parser.add_argument("--lbfgs", type=int, default=5_000)
    parser.add_argument("--weights", default="1,100")
    arguments = parser.parse_args()
    for share in (0.001, 0.01):
        data = readings(share)
        print(f"\nnoise {100 * share:g} %\n\n| | iterations | seconds | error of κ | misfit |")
        print("| --- " * 5 + "|")
        print(ours(data), flush=True)
        for weight in map(float, arguments.weights.split(",")):
            print(physics_informed(data, weight, arguments.iterations, arguments.lbfgs), flush=True)


if __name__ == "__main__":
    main()
