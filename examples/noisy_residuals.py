"""How stiff is a cable whose shape was measured everywhere? What noise does to residuals, and the cure.

    −b w''' + T w' = V(x),   0 < x < 1 m

w [m] is the deflection, V [N] the shear force, b [N m²] the flexural rigidity, T [N] the tension.
Measured: w at 81 points, to σ = 1e-6 m, a ten-thousandth of the sag of 1 cm; V halfway between them, to
τ = 1e-4 N of 0.04 N (from the weights that hang on the cable). The truth is V = V₁ cos πx + V₃ cos 3πx,
so that w = Σ V_k/(b(kπ)³ + T kπ) sin kπx, with b = 0.01 N m², T = 1 N and sines of 1 cm and 0.5 mm.

First the equation itself as residual, r = −b w''' + T w' − V with the measured w. It is linear in b and
T: a regression of V on w' and w'''. But third differences over six nodes turn the noise into
6 σ/h³ = 3.1 m⁻² (more at the ends), where w''' is 0.35 m⁻²: the regressor is mostly noise. The estimate
of b shrinks by the share of the signal in its square, 1/80 or less, and more where w' can stand in for
w''' (regression dilution). Its standard error knows nothing of that.

Then the cure: w at the nodes is unknown like b and T, every residual is divided by its own error,

    minimise  Σ (w(x_i) − w_i)²/σ²  +  Σ (−b w''' + T w' − V_j)²/τ²   over (w, b, T)

σ is the error of a measurement and τ that of the equation: of V, of what the equation leaves out, of the
differences. The sum is χ² with 81 + 80 − 83 degrees of freedom, which tells whether σ and τ are right.

Numbers to expect: the regression gives b around 5e-5 N m² with a standard error of 8e-5; the
joint fit 0.01 ± 6e-5 N m² and T = 1 ± 8e-4 N, right within two standard errors in 19 of 20 draws, with
χ² = 78 ± 12.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=5, help="number of noise draws")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figures")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import math

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

import pcl
from pcl.uncertainty.covariance import determined

TRUE = {"b": 0.01, "T": 1.0}        # N m², N
SHAPE = {1: 0.01, 3: 0.0005}        # m, amplitudes of sin kπx
SIGMA, TAU = 1e-6, 1e-4             # m, N: errors of the deflection and of the shear force
GUESS = {"b": 1.0, "T": 0.0}


def deflection(x, order=0):
    """The derivative of w of that order at x."""
    phase = order * np.pi / 2
    return sum(a * (k * np.pi) ** order * np.sin(k * np.pi * x + phase) for k, a in SHAPE.items())


def shear(x):
    """V = −b w''' + T w' [N]."""
    return TRUE["T"] * deflection(x, 1) - TRUE["b"] * deflection(x, 3)


def differences(n, order, points):
    """The derivative halfway between nodes, from the nearest `points` nodes: sparse (n, n + 1).

    Weights c_j solve Σ c_j s_jᵏ = k! δ_{k,order}, s_j the distances of the nodes in cells of length 1/n.
    """
    matrix = sp.lil_array((n, n + 1))
    for i in range(n):
        first = np.clip(i + 1 - points // 2, 0, n + 1 - points)
        s = first + np.arange(points) - (i + 0.5)
        matrix[i, first:first + points] = math.factorial(order) * np.linalg.solve(
            np.vander(s, increasing=True).T, np.eye(points)[order])
    return matrix.tocsr() * float(n) ** order


class Cable:
    """Measurements on n equal cells, and the two ways to read b and T from them."""

    def __init__(self, seed=0, n=80, sigma=SIGMA, tau=TAU):
        self.sigma, self.tau, self.n = sigma, tau, n
        self.x = np.linspace(0.0, 1.0, n + 1)
        self.middles = (self.x[1:] + self.x[:-1]) / 2
        draw = np.random.default_rng(seed)
        self.w = deflection(self.x) + sigma * draw.standard_normal(n + 1)
        self.V = shear(self.middles) + tau * draw.standard_normal(n)

    def equation(self, w, theta, points):
        """−b w''' + T w' − V at the middles of the cells, by differences over so many nodes."""
        third, first = (pcl.LinearMap(differences(self.n, order, points)) for order in (3, 1))
        return theta["T"] * (first @ w) - theta["b"] * (third @ w) - self.V

    def regression(self, points=6):
        """The equation at the measured w; θ = (b, T)."""
        return pcl.Problem.from_residuals(lambda theta: self.equation(self.w, theta, points), GUESS)

    def joint(self, points=6):
        """Data and equation, each over its error; θ = (w at the nodes, b, T).

        From a stiff cable, which starts w smooth: from b = 0 it may stay with the noise.
        """
        def residuals(theta):
            data = (theta["w"] - self.w) / self.sigma
            return tf.concat([data, self.equation(theta["w"], theta, points) / self.tau], axis=0)
        return pcl.Problem.from_residuals(residuals, {"w": self.w, **GUESS})


def fit(problem, sigma=None):
    """The result of least squares, with `errors`, standard errors by name.

    sigma : of a residual; None estimates it
    """
    result = pcl.minimize(problem, "levenberg-marquardt", maxiter=200, ftol=1e-9, progress=False)
    seen = determined(problem.jacobian(result.x), problem.slices.values())
    s = seen.noise(problem.residuals(result.x)) if sigma is None else sigma
    result.errors = problem.unravel(s * np.linalg.norm(seen.factor, axis=1))
    return result


def main(draws=5, n=80):
    """Fit both ways for the noise of seeds 0 … draws − 1.

    Returns
    -------
    dict with `cables`, `regressions`, `joints` (results of `fit`), and `resolution`, of the first
    joint fit by differences over two nodes more.
    """
    cables = [Cable(seed, n) for seed in range(draws)]
    regressions = [fit(cable.regression()) for cable in cables]
    joints = [fit(cable.joint(), sigma=1.0) for cable in cables]
    finer = pcl.resolution(cables[0].joint, joints[0].x, (6, 8), sigma=1.0)
    return {"cables": cables, "regressions": regressions, "joints": joints, "resolution": finer}


def table(outcome):
    """A line a draw: b and T by both ways with standard errors, and χ² of the joint fit."""
    rows = [f"{'draw':<6}{'regression: b':>16}{'±':>10}{'w unknown: b':>16}{'±':>10}{'T':>10}{'±':>10}"
            f"{'χ²':>8}"]
    for k, (line, joint) in enumerate(zip(outcome["regressions"], outcome["joints"])):
        rows.append(f"{k:<6}{line.theta['b']:>16.2e}{line.errors['b']:>10.1e}{joint.theta['b']:>16.6f}"
                    f"{joint.errors['b']:>10.1e}{joint.theta['T']:>10.5f}{joint.errors['T']:>10.1e}"
                    f"{joint.fun:>8.1f}")
    return "\n".join(rows)


@pcl.style()
def plot(outcome, directory):
    """w''' as differences of the data and of the fit, and b of every draw; returns the path written."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.1, 2.9))
    cable, joint = outcome["cables"][0], outcome["joints"][0]
    x, third = cable.middles, differences(cable.n, 3, 6)
    left.plot(x, third @ cable.w, ".", ms=3, color="0.55", label="differences of measured w")
    left.plot(x, third @ joint.theta["w"], label="w as unknown")
    left.plot(x, deflection(x, 3), "k--", lw=1.0, label="true")
    left.set(ylim=(-12, 12), xlabel="x (m)", ylabel="third derivative w''' (1/m²)")
    left.legend(ncols=2)
    for name, marker, colour, label in (("regressions", "s", "C1", "equation as residual"),
                                        ("joints", "o", "C0", "w as unknown")):
        fits = outcome[name]
        right.errorbar(np.arange(len(fits)), [r.theta["b"] for r in fits],
                       yerr=[2 * r.errors["b"] for r in fits], fmt=marker, color=colour, ms=3.5,
                       label=f"{label} ± 2 s.e.")
    right.axhline(TRUE["b"], color="k", ls="--", lw=1.0, label="true")
    right.set(xlabel="noise draw", ylabel="flexural rigidity b (N m²)",
              ylim=(-0.001, 0.0115), xticks=np.arange(len(fits)))
    right.legend()
    path = directory / "noisy_residuals.png"
    figure.savefig(path)
    plt.close("all")
    return path


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    found = main(arguments.draws)
    print(table(found), "\n")
    print("Differences over eight nodes in place of six\n" + str(found["resolution"]), "\n")
    print("figure:", plot(found, arguments.output).resolve())
