"""Where has a steel bar lost its stiffness? The answer from its natural frequencies alone.

    −(E(x) u')' = ω² ρ u on 0 < x < L,   f = ω / 2π,   L = 1 m, ρ = 7850 kg/m³
    clamped at x = 0, and at x = L once free (E u' = 0), once clamped too

Longitudinal vibrations. E = 210 GPa, but 30 % less about x = 0.62 m, over a width of 8 cm. Measured are
the first ten frequencies of either set-up, with a relative noise of 2·10⁻⁴; no shapes. One spectrum of a
bar held alike at both ends could not tell x from L − x; two spectra determine E(x) (Borg 1946), up to
the details that ten frequencies do not resolve.

The law: E/E₀ = MLP(1, 12, 1) with softplus at 2x/L − 1, E₀ = 210 GPa, 37 weights under a normal prior
of width 4 (6 in the first layer). Minimised is χ² = Σ ((ln f − ln f_obs)/σ)² + Σ (w/width)².

Numbers to expect: first frequency of the sound bar √(E₀/ρ)/4L = 1293.0 Hz clamped–free, twice that
clamped–clamped; E(x) within 2 % of E₀ everywhere, its minimum at (0.62 ± 0.02) m, and the truth within
two standard deviations (Laplace) at some nine of ten points. χ² of the frequencies is about 2, not 20:
so many combinations of the weights are determined by them.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="seed of noise and initial weights")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figure")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import numpy as np
import skfem
import tensorflow as tf

import fem
import pcl
from pcl import diagnose

E0, DENSITY, LENGTH = 210e9, 7850.0, 1.0        # Pa, kg/m³, m
SPEED = np.sqrt(E0 / DENSITY)                   # 5172 m/s
SIGMA = 2e-4
SETUPS = {"clamped–free": ("left",), "clamped–clamped": ("left", "right")}


def true_ratio(x):
    """E/E₀ at x/L (m,)."""
    return 1.0 - 0.3 * np.exp(-((x - 0.62) / 0.08) ** 2)


class Bar:
    """Frequencies from E/E₀ at the quadrature points of n quadratic elements."""

    def __init__(self, n, modes):
        mesh = skfem.MeshLine(np.linspace(0.0, 1.0, n + 1)).with_boundaries(
            {"left": lambda x: x[0] == 0.0, "right": lambda x: x[0] == 1.0})
        self.space, self.modes = fem.Space(mesh, "P2"), modes
        self.points = self.space.quadrature_points

    def frequencies(self, ratio):
        """f (2·modes,) in Hz, √λ/2π √(E₀/ρ)/L."""
        K, M = self.space.laplace(ratio), self.space.mass(1.0)
        found = [fem.eigenvalues(K, M, self.modes, dirichlet={side: 0.0 for side in sides})
                 for sides in SETUPS.values()]
        return tf.sqrt(tf.concat(found, 0)) * (SPEED / LENGTH / (2.0 * np.pi))


def network():
    """(network, width (p,) of the prior of its weights)."""
    net = pcl.MLP([1, 12, 1], output=pcl.softplus(floor=0.05))
    return net, np.where(np.arange(net.size) < 24, 6.0, 4.0)


def main(n=60, modes=10, seed=1, maxiter=300, progress=None):
    """Fit E(x) to frequencies made on a mesh of another kind.

    Returns
    -------
    dict with `result`, `x` (m,), `ratio`, `deviation` and `truth` (m,) of E/E₀ there; `observed` and
    `fitted` frequencies in Hz, `misfit` (the share of χ² of the data), `sound`: those of the sound bar.
    """
    bar, finer = Bar(n, modes), Bar(2 * n + 7, modes)
    rng, (net, width) = np.random.RandomState(seed), network()
    exact = finer.frequencies(true_ratio(finer.points[:, 0])).numpy()
    observed = exact * np.exp(SIGMA * rng.randn(len(exact)))

    def ratio(theta, points):
        return net(theta["E"], 2.0 * points - 1.0)[:, 0]

    def residuals(theta):
        f = bar.frequencies(ratio(theta, bar.points))
        return tf.concat([(tf.math.log(f) - np.log(observed)) / SIGMA, theta["E"] / width], 0)
    problem = pcl.Problem.from_residuals(residuals, {"E": net.init(seed)})
    result = pcl.minimize(problem, "levenberg-marquardt", maxiter=maxiter, progress=progress)
    x = np.linspace(0.0, 1.0, 101)
    known = diagnose.identifiability(problem, result.x, lambda theta, x: ratio(theta, x[:, None]), x,
                                     sigma=1.0)
    misfit = problem.residuals(result.x)[:len(observed)]
    return {"result": result, "problem": problem, "x": x, "truth": true_ratio(x),
            "ratio": ratio({"E": result.x}, x[:, None]).numpy(), "deviation": known.deviation,
            "observed": observed, "fitted": observed * np.exp(SIGMA * misfit),
            "misfit": float(np.sum(misfit ** 2)), "sound": bar.frequencies(1.0).numpy()}


@pcl.style()
def plot(outcome, directory):
    """E(x) with its band, and the frequencies against those of the sound bar; returns the path."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.1, 2.9))
    x, scale = outcome["x"] * LENGTH, E0 / 1e9
    middle, band = scale * outcome["ratio"], 2.0 * scale * outcome["deviation"]
    left.fill_between(x, middle - band, middle + band, color="C0", alpha=0.25, lw=0,
                      label="± 2 standard deviations")
    left.plot(x, middle, color="C0", label="from 20 frequencies")
    left.plot(x, scale * outcome["truth"], "k--", lw=1.0, label="true")
    left.set(xlabel="x (m)", ylabel="Young's modulus E (GPa)")
    left.legend(ncols=2)
    count = len(outcome["observed"]) // 2
    for k, name in enumerate(SETUPS):
        part = slice(k * count, (k + 1) * count)
        observed, fitted, sound = (outcome[key][part] for key in ("observed", "fitted", "sound"))
        number = np.arange(1, count + 1)
        right.errorbar(number, 100 * (observed / sound - 1), 200 * SIGMA, fmt="os"[k], color=f"C{k}",
                       ms=3, label=f"{name}, measured ± 2σ")
        right.plot(number, 100 * (fitted / sound - 1), color=f"C{k}", lw=1.0, label="fitted")
    right.set(xlabel="number of the mode", ylabel="shift of the frequency (%)")
    right.legend(ncols=2)
    path = directory / "natural_frequencies.png"
    figure.savefig(path)
    plt.close(figure)
    return path


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(seed=arguments.seed)
    error = outcome["ratio"] - outcome["truth"]
    print(outcome["result"].message)
    print(f"χ² of the 20 frequencies {outcome['misfit']:.1f}; largest error of E "
          f"{np.abs(error).max():.1%} of E₀; "
          f"dip at {outcome['x'][np.argmin(outcome['ratio'])]:.2f} m; within two standard deviations at "
          f"{np.mean(np.abs(error) <= 2 * outcome['deviation']):.0%} of the points")
    print("figure:", plot(outcome, arguments.output).resolve())
