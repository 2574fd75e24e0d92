"""How does a conductivity depend on temperature? From a tenth of the nodes, with noise.

    −∇·(κ(u) ∇u) = f in the disk r < R,   u = 700 K on its edge,   R = 4.1 mm

Cross-section of a fuel pellet of uranium dioxide. u [K] is the temperature, f = q/(π R²) the heat set
free, q = 60 kW/m. Data: u at 54 of the 545 nodes of linear elements, drawn at random, with noise of 10 K
(the whole rise is 1793 K). No formula for κ [W/(m K)] is given but its size,

    κ(u) = 3 exp(net(ξ)),   ξ = (u − 1600 K) / 900 K,   net = MLP(1, 8, 1)

with 25 weights under a normal prior of width 3. Minimised is
χ² = Σ ((u − u_obs)/10 K)² + Σ (w/3)².

The data are made without a mesh: by Kirchhoff's transform the integral of κ from 700 K to u(r) is
f (R² − r²)/4, whatever κ is.

Numbers to expect: from the edge to the centre κ integrates to q/4π = 4775 W/m whatever it is; the fitted
κ and its temperature keep this to 0.3 %, the error of the mesh (0.9 % on one twice as coarse). The centre
is at 2493 K. κ falls from 4.61 at 700 K to 2.06 W/(m K) at 2030 K and rises again. The fit is right to
within two standard errors (Laplace) at nine of ten temperatures, with standard errors of 1.5 % in the
middle of the range, 3 to 5 % at the edge and 6 to 15 % at the centre, where few nodes are. χ² of the data
is 54 ± 10, less the five to seven numbers that they determine.

Source of κ: J. K. Fink, Thermophysical properties of uranium dioxide, J. Nucl. Mater. 279 (2000): with
τ = u/1000 K, κ = 100/(7.5408 + 17.692 τ + 3.6142 τ²) + 6400 τ^(−5/2) exp(−16.35/τ), 95 % dense.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="seed of places, noise and initial weights")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figure")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import numpy as np
import scipy.integrate
import skfem
import tensorflow as tf

import fem
import pcl
from pcl import diagnose

RADIUS, EDGE, POWER = 4.1e-3, 700.0, 60e3       # m, K, W/m
SOURCE = POWER / (np.pi * RADIUS ** 2)          # W/m³
SIGMA, SHARE, WIDTH = 10.0, 0.1, 3.0            # K, share of the nodes, width of the prior


def true_kappa(u):
    """κ of uranium dioxide at u [K], W/(m K)."""
    t = u / 1000.0
    phonons = 100.0 / (7.5408 + 17.692 * t + 3.6142 * t ** 2)
    return phonons + 6400.0 * t ** -2.5 * np.exp(-16.35 / t)


def exact_temperature(r):
    """u(r) [K]: ∫ κ du from the edge = f (R² − r²)/4."""
    u = np.linspace(EDGE, 3100.0, 4001)
    integral = scipy.integrate.cumulative_simpson(true_kappa(u), x=u, initial=0.0)
    return np.interp(SOURCE * (RADIUS ** 2 - r ** 2) / 4.0, integral, u)


class Pellet:
    """Linear elements on a polygon that has the area of the disk, and a network for κ.

    Attributes
    ----------
    numbers : (m,) the nodes that are measured;  observed : (m,) K
    """

    def __init__(self, n, seed):
        mesh = skfem.MeshTri.init_circle(n)
        sides = len(mesh.boundary_facets())
        equal = np.sqrt(2.0 * np.pi / (sides * np.sin(2.0 * np.pi / sides)))
        self.space = fem.Space(mesh.scaled(RADIUS * equal), "P1")
        self.net = pcl.MLP([1, 8, 1])
        draw, r = np.random.RandomState(seed), np.linalg.norm(self.space.dof_points, axis=1)
        inner = np.setdiff1d(np.arange(self.space.n), self.space.boundary_dofs())
        self.numbers = np.sort(draw.choice(inner, round(SHARE * self.space.n), replace=False))
        self.observed = exact_temperature(r[self.numbers]) + SIGMA * draw.randn(len(self.numbers))
        self.at_nodes = self.space.observe_nodes(self.numbers)

    def kappa(self, theta, u):
        """κ (q,) at temperatures u (q,)."""
        return 3.0 * tf.exp(self.net(theta["kappa"], ((u - 1600.0) / 900.0)[:, None])[:, 0])

    def temperature(self, theta):
        """u (n,), K."""
        def form(u, grad_u, x):
            return -SOURCE, self.kappa(theta, u)[:, None] * grad_u
        return fem.solve_nonlinear(self.space, form, dirichlet=EDGE, start=np.full(self.space.n, EDGE))

    def residuals(self, theta):
        """Misfits over their error, then weights over theirs."""
        misfit = pcl.misfit(self.at_nodes @ self.temperature(theta), self.observed)
        return tf.concat([misfit / SIGMA, theta["kappa"] / WIDTH], 0)


def main(n=4, seed=0, maxiter=60, progress=None):
    """Fit κ(u); the mesh has 4ⁿ⁺¹ cells.

    Returns
    -------
    dict with the `Pellet` as `setting` and the `result`; `u` (101,) K between the edge and the centre,
    and there `kappa`, its standard error `deviation`, `truth`; `integral` of κ, W/m; `field` (n,), the
    fitted temperature; `misfit`, the share of χ² of the data; `determined`, how many numbers are.
    """
    setting = Pellet(n, seed)
    problem = pcl.Problem.from_residuals(setting.residuals, {"kappa": setting.net.init(seed)})
    result = pcl.minimize(problem, "levenberg-marquardt", maxiter=maxiter, progress=progress)
    u = np.linspace(EDGE, exact_temperature(0.0), 101)
    known = diagnose.identifiability(problem, result.x, setting.kappa, u, sigma=1.0)
    m = len(setting.observed)
    misfits, J = problem.residuals(result.x)[:m], problem.jacobian(result.x)[:m]
    field = setting.temperature(result.theta).numpy()
    seen = np.linspace(EDGE, field.max(), 401)
    return {"setting": setting, "result": result, "problem": problem, "u": u, "kappa": known.value,
            "deviation": known.deviation, "truth": true_kappa(u), "field": field,
            "integral": np.trapezoid(setting.kappa(result.theta, seen), seen),
            "misfit": float(misfits @ misfits),
            "determined": determined(J)}


def determined(J):
    """tr J (JᵀJ + 1/WIDTH²)⁻¹ Jᵀ of the sensitivities of the data, how many numbers they determine."""
    return float(np.trace(J @ np.linalg.solve(J.T @ J + np.eye(J.shape[1]) / WIDTH ** 2, J.T)))


@pcl.style()
def plot(outcome, directory):
    """κ(u) with its band, and the temperatures along the radius; returns the path."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.1, 2.9))
    _plot_law(outcome, left)
    _plot_temperature(outcome, right)
    path = directory / "sparse_conductivity.png"
    figure.savefig(path)
    plt.close(figure)
    return path


def _plot_law(outcome, ax):
    u, kappa, band = outcome["u"], outcome["kappa"], 2.0 * outcome["deviation"]
    ax.fill_between(u, kappa - band, kappa + band, color="C0", alpha=0.25, lw=0,
                    label="± 2 standard errors")
    ax.plot(u, kappa, color="C0", label=f"from {len(outcome['setting'].numbers)} readings")
    ax.plot(u, outcome["truth"], "k--", lw=1.0, label="true")
    observed = outcome["setting"].observed
    ax.plot(observed, np.full_like(observed, 1.15), "|", color="0.4", ms=7, label="readings")
    ax.set(xlabel="temperature u (K)", ylabel="conductivity κ (W/(m K))", ylim=(1.0, 5.0))
    ax.legend(ncols=2)


def _plot_temperature(outcome, ax):
    setting = outcome["setting"]
    r = 1e3 * np.linalg.norm(setting.space.dof_points, axis=1)
    order, line = np.argsort(r), np.linspace(0.0, RADIUS, 200)
    ax.plot(r[order], outcome["field"][order], color="C0", label="fitted")
    ax.plot(1e3 * line, exact_temperature(line), "k--", lw=1.0, label="true")
    ax.errorbar(r[setting.numbers], setting.observed, 2 * SIGMA, fmt="ko", ms=2.5, lw=0.8,
                label="measured ± 2σ")
    ax.set(xlabel="distance from the centre (mm)", ylabel="temperature u (K)")
    ax.legend(ncols=2)


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(seed=arguments.seed)
    error = outcome["kappa"] - outcome["truth"]
    print(outcome["result"].message)
    print(f"∫κ du = {outcome['integral']:.0f} W/m (q/4π = {POWER / (4 * np.pi):.0f}); χ² of the "
          f"{len(outcome['setting'].numbers)} data {outcome['misfit']:.1f}, {outcome['determined']:.1f} "
          f"numbers determined; largest error of κ {np.abs(error / outcome['truth']).max():.1%}; within "
          f"two standard errors at {np.mean(np.abs(error) <= 2 * outcome['deviation']):.0%} of the range")
    print("figure:", plot(outcome, arguments.output).resolve())
