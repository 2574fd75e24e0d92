"""What does a step of Levenberg–Marquardt cost where an SVD of the Jacobian would take minutes?

    minimise  Σ_i (net_θ(x_i) − y_i)²,    net = MLP(2, w, w, 1),  x_i in (−1, 1)², i = 1 … m,
    y = sin(3 x₁ x₂) + 0.01 × noise

w is chosen so that p is about the number asked for. `minimize(problem, "levenberg-marquardt")` with
default options runs a few iterations; its line tells which linear algebra it took, the seconds an
iteration (steps and their corrections) and of those one Jacobian. With --svd one
decomposition of that Jacobian is timed too. Run from the root of the project:

    python -m benchmarks.damped --shapes 10000x5000,5000x10000 --iterations 5
    python -m benchmarks.damped --shapes 4000x2000,2000x4000 --svd
"""
import argparse
import time

import numpy as np
import scipy.linalg

import pcl
from benchmarks import harness

SEED, NOISE = 233, 0.01


def width(p):
    """w with p ≈ w² + 5 w + 1, the number of parameters of MLP(2, w, w, 1)."""
    return max(1, round((np.sqrt(21.0 + 4.0 * p) - 5.0) / 2.0))


def problem(m, p):
    """m residuals and about p parameters."""
    rng = np.random.default_rng(SEED)
    x = rng.uniform(-1.0, 1.0, (m, 2))
    y = np.sin(3.0 * x[:, 0] * x[:, 1]) + NOISE * rng.normal(size=m)
    net = pcl.MLP((2, width(p), width(p), 1))
    return pcl.Problem.from_residuals(lambda theta: net(theta["net"], x)[:, 0] - y,
                                      {"net": net.init(SEED)})


def run(m, p, iterations, svd=False):
    """One line of the table, a dict."""
    stated = problem(m, p)
    seconds, J = _timed(stated.jacobian, stated.theta0)
    line = {"m": m, "p": stated.size, "Jacobian, s": seconds}
    if svd:
        line["SVD, s"] = _timed(scipy.linalg.svd, J, full_matrices=False)[0]
    del J
    whole, result = _timed(pcl.minimize, stated, "levenberg-marquardt", maxiter=iterations,
                           progress=False)
    return {**line, "by": result.linear_algebra, "iterations": result.nit,
            "s / iteration": whole / result.nit, "residuals": result.nfev,
            "loss at θ₀": result.history.loss[0], "loss": result.fun}


def _timed(function, *arguments, **named):
    start = time.perf_counter()
    answer = function(*arguments, **named)
    return time.perf_counter() - start, answer


def main(arguments=None):
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--shapes", default="10000x5000,5000x10000", help="rows x parameters")
    options.add_argument("--iterations", type=int, default=5)
    options.add_argument("--svd", action="store_true", help="also time one SVD")
    chosen = options.parse_args(arguments)
    shapes = [harness.numbers(shape.replace("x", ",")) for shape in chosen.shapes.split(",")]
    rows = [run(m, p, chosen.iterations, chosen.svd) for m, p in shapes]
    print(harness.table(rows))
    return rows


if __name__ == "__main__":
    main()
