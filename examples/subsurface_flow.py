"""What do 50 wells tell of the conductivity of an aquifer that varies from place to place?

    −∇·(exp(m) ∇u) = f in the unit square,   u = 0 below, u = 1 above, no flow through the sides

u is the head of groundwater, f = 1 its recharge, exp(m) the transmissivity, all without units. Head is
read in 50 wells at random places with a normal error of 1 % of the largest reading. Before the data, m is
a Matérn field of mean 0, standard deviation 1 and length 0.5, stretched by two along the diagonal,

    m ~ N(0, Q⁻¹),     Q = A M⁻¹ A,     A of δ m − ∇·(γ Θ ∇m) with a Robin condition around

m is linear in each triangle, one unknown a node; u is quadratic. The truth is a draw of the prior on a
mesh half as fine again, on which the readings are made. After the problem of the tutorial of hIPPYlib
(U. Villa, N. Petra, O. Ghattas, 2021, ACM TOMS 47(2)), with other numbers; all of it is chosen.

The most probable m comes from Newton's method with conjugate gradients, preconditioned by the covariance
of the prior; then the curvature B of the data in the prior's own coordinates is taken apart,

    B = Gᵀ H_data G = V diag(λ) Vᵀ,   G Gᵀ = Q⁻¹,     C = G (I − V diag(λ/(1+λ)) Vᵀ) Gᵀ,

by some 60 products. Nothing is dense, and no count grows with the mesh.

Numbers to expect (64 × 64, seed 0): 10 iterations with 71 products in all; λ from 11 000 to 0.002, of
which 23 are above 1; the data take 72 % of the variance of m away, most of what is left is at the upper
left, where the head hardly changes; χ² of the 50 readings is 26 and the estimate off by 1.3 standard
deviations (root mean square). At 16 × 16 it is 10 iterations with 56 products.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, default=64, help="cells along each side")
    parser.add_argument("--seed", type=int, default=0, help="seed of truth, wells and noise")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figure")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import numpy as np
import tensorflow as tf

import fem
import pcl
from pcl.uncertainty import noise

LENGTH, DEVIATION = 0.5, 1.0            # of m
STRETCH = np.array([[1.25, 0.75], [0.75, 1.25]])        # 2 along the diagonal, ½ across
WELLS, ERROR = 50, 0.01                 # readings; of the largest
RANK = 50


class Aquifer:
    """Head in the wells from m at the nodes, n × n cells."""

    def __init__(self, n, wells):
        self.space = fem.Space(fem.unit_square(n), "P2")
        self.field = fem.Coefficient(self.space, "P1")
        self.prior = fem.Matern(self.field, LENGTH, DEVIATION, anisotropy=STRETCH)
        self.recharge, self.observe = self.space.load(1.0), self.space.observe(wells)

    def head(self, m):
        """u (n,) of m at the nodes."""
        A = self.space.laplace(tf.exp(self.field.at(m)))
        return fem.solve(A, self.recharge, dirichlet={"bottom": 0.0, "top": 1.0})

    def readings(self, m):
        """u in the wells (50,)."""
        return self.observe @ self.head(m)

    def problem(self, observed, sigma):
        """The most probable m under these readings and the prior."""
        return pcl.Problem.from_data(lambda theta: self.readings(theta["m"]), observed,
                                     noise.Gaussian(sigma), {"m": self.field.init(0.0)},
                                     {"m": self.prior})


def measured(n, seed):
    """(wells, readings, σ, the true m as a function of points) from an aquifer of finer cells."""
    rng = np.random.default_rng(seed)
    wells = rng.uniform(0.05, 0.95, size=(WELLS, 2))
    finer = Aquifer(n + n // 2 + 1, wells)
    truth = finer.prior.draws(1, seed=seed)[0]
    exact = finer.readings(truth).numpy()
    sigma = ERROR * np.abs(exact).max()
    return wells, exact + sigma * rng.normal(size=WELLS), sigma, finer.field.function(truth)


def main(n=64, seed=0, rank=RANK, progress=None):
    """The field m and how certain it is.

    Returns
    -------
    dict with `aquifer`, `problem`, `result`, `posterior`; at the nodes `estimate`, `truth`, `deviation`
    and `before`, the standard deviation of the prior; `eigenvalues` (rank,); `draws` (2, n); `wells`;
    `misfit`: χ² of the readings; `error`: of the estimate in units of `deviation`, root mean square;
    `explained`: the share of the variance of m, on average over the square, that the data took away.
    """
    wells, observed, sigma, true = measured(n, seed)
    aquifer = Aquifer(n, wells)
    problem = aquifer.problem(observed, sigma)
    result = pcl.minimize(problem, "newton-cg", progress=progress)
    posterior = result.posterior(rank=rank)
    truth, before = true(aquifer.field.points).numpy(), np.sqrt(aquifer.prior.variances())
    deviation = posterior.standard_errors()["m"]
    return {"aquifer": aquifer, "problem": problem, "result": result, "posterior": posterior,
            "estimate": result.x, "truth": truth, "deviation": deviation, "before": before,
            "eigenvalues": posterior.directions.pairs.values, "draws": posterior.draws(2, seed=seed),
            "wells": wells, "error": rms((result.x - truth) / deviation),
            "misfit": float(np.sum(problem.residuals(result.x)[:WELLS] ** 2)),
            "explained": float(1.0 - np.mean(deviation ** 2) / np.mean(before ** 2))}


def rms(x):
    """√ mean x²."""
    return float(np.sqrt(np.mean(np.square(x))))


@pcl.style()
def plot(outcome, directory):
    """Truth, estimate, standard deviation, eigenvalues and two draws; returns the path."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, axes = plt.subplots(2, 3, figsize=(7.1, 4.5))
    most = np.abs(outcome["truth"]).max()
    scale = {"cmap": "viridis", "vmin": -most, "vmax": most}
    draw(axes[0, 0], outcome, outcome["truth"], "true m, and the wells", **scale)
    axes[0, 0].plot(*outcome["wells"].T, "w.", ms=4, mew=0.5, markeredgecolor="k")
    draw(axes[0, 1], outcome, outcome["estimate"], "most probable m", **scale)
    draw(axes[0, 2], outcome, outcome["deviation"], "standard deviation of m", cmap="cividis", vmin=0.0)
    draw(axes[1, 0], outcome, outcome["draws"][0], "a draw given the readings", **scale)
    draw(axes[1, 1], outcome, outcome["draws"][1], "another draw", **scale)
    draw_eigenvalues(axes[1, 2], outcome["eigenvalues"])
    path = directory / "subsurface_flow.png"
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def draw(ax, outcome, field, title, **scale):
    """A field at the nodes as colours."""
    mesh = outcome["aquifer"].field.space.mesh
    image = ax.tripcolor(*mesh.p, mesh.t.T, field, shading="gouraud", rasterized=True, **scale)
    ax.figure.colorbar(image, ax=ax, shrink=0.8)
    ax.grid(False)
    ax.set(xlabel="x", ylabel="y", title=title, aspect="equal")


def draw_eigenvalues(ax, values):
    """λ over its number, and where data and prior weigh the same."""
    ax.semilogy(np.arange(1, len(values) + 1), values, "o", ms=2.5)
    ax.axhline(1.0, color="k", lw=1.0)
    ax.text(len(values), 20.0, "from the data", ha="right", fontsize=7.5)
    ax.text(1, 0.05, "from the prior", va="top", fontsize=7.5)
    ax.set(xlabel="direction", ylabel="curvature of data / prior, λ")


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(arguments.cells, arguments.seed)
    result, values = outcome["result"], outcome["eigenvalues"]
    print(result.message)
    print(f"{result.nit} iterations of Newton's method, {result.nhvp} products with the Hessian")
    print(outcome["posterior"])
    print(f"χ² of the {WELLS} readings {outcome['misfit']:.0f}; {np.sum(values > 1.0)} directions are "
          f"known better from the data than before, λ from {values[0]:.0f} to {values[-1]:.2g}; "
          f"{outcome['explained']:.0%} of the variance is gone; the estimate is off by "
          f"{outcome['error']:.2f} standard deviations")
    print("figure:", plot(outcome, arguments.output).resolve())
