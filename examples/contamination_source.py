"""Where does the contamination come from, and how strong is the source? From six wells over a year.

    ∂c/∂t + v ∂c/∂x − ∇·(D ∇c) + λ c = m/(n_e H) δ_w(x − x_s),   c = 0 at t = 0 and upstream (x = 0)

c [g/m³] is the concentration averaged over the depth of an aquifer of 200 m × 100 m, thickness H = 5 m,
effective porosity n_e = 0.25; groundwater flows with v = 0.5 m/d along x. D = diag(α_L v, α_T v) with
dispersivities α_L = 5 m, α_T = 1 m; the half-life of the solute is one year, λ = ln 2/365 d. Nothing
diffuses through the other edges. Since t = 0 a source at x_s sets m [g/d] free. It is mollified:
δ_w = exp(−|x|²/2w²)/2πw² with w = 4 m.

Data: c at six wells every 30 days for a year, with noise of 0.02 g/m³; made by integrating the plume

    c = m/(n_e H) ∫₀ᵗ exp(−λτ) exp(−(x − vτ)²/2s_L² − y²/2s_T²) / (2π s_L s_T) dτ,   s² = w² + 2Dτ

of an aquifer without end, not on the mesh. Three numbers are asked for, θ = (x_s, y_s, ln m), from a
start at (60 m, 50 m) and 5 g/d.

Numbers to expect: the truth is x_s = (35, 62) m and m = 20 g/d; the standard errors are 0.5 m along the
flow, 0.06 m across it and 0.7 %. The place is known best across the flow, where the plume has its edges.
χ² of the 72 readings is 69 ± 12.

Parameters: orders of magnitude of a sandy aquifer, as in textbooks of hydrogeology (P. A. Domenico and
F. W. Schwartz, Physical and Chemical Hydrogeology, 1998).
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figure")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import numpy as np
import tensorflow as tf

import fem
import pcl

VELOCITY, THICKNESS, POROSITY = 0.5, 5.0, 0.25              # m/d, m, –
DISPERSION = np.array([5.0, 1.0]) * VELOCITY                # m²/d, along and across the flow
DECAY, WIDTH, SIGMA = np.log(2.0) / 365.0, 4.0, 0.02        # 1/d, m, g/m³
SIZE = (200.0, 100.0)                                       # m
TRUE = {"place": np.array([35.0, 62.0]), "ln m": np.log(20.0)}
START = {"place": np.array([60.0, 50.0]), "ln m": np.log(5.0)}
WELLS = np.array([[60.0, 70.0], [70.0, 50.0], [90.0, 64.0],
                  [100.0, 45.0], [125.0, 72.0], [130.0, 56.0]])           # m
READ_AT = np.arange(30.0, 361.0, 30.0)                      # d


def gaussian_plume(points, times, theta=TRUE, nodes=400):
    """c (points, times), g/m³, of an aquifer without end: Gauss–Legendre over √τ."""
    s, weight = np.polynomial.legendre.leggauss(nodes)
    away = points - theta["place"]
    found = []
    for t in times:
        root = np.sqrt(t) * (s + 1.0) / 2.0
        tau, dtau = root ** 2, weight * root * np.sqrt(t)
        variance = WIDTH ** 2 + 2.0 * DISPERSION * tau[:, None]         # (nodes, 2)
        x = away[:, :1] - VELOCITY * tau, away[:, 1:]
        exponent = -sum(x[d] ** 2 / (2.0 * variance[:, d]) for d in (0, 1)) - DECAY * tau
        found.append(np.exp(exponent) / (2.0 * np.pi * np.sqrt(variance.prod(axis=1))) @ dtau)
    return np.exp(theta["ln m"]) / (POROSITY * THICKNESS) * np.transpose(found)


class Aquifer:
    """Quadratic elements on 2n × n × 2 triangles, steps of `step` days."""

    def __init__(self, n, step):
        self.space = fem.Space(fem.rectangle(2 * n, n, upper=SIZE), "P2")
        self.times = pcl.uniform_times(0.0, READ_AT[-1], round(READ_AT[-1] / step))
        self.at_wells = self.space.observe(WELLS)

        def transport(c, x):
            return {"u": {"value": VELOCITY * c.gradient[:, 0] + DECAY * c.value,
                          "gradient": DISPERSION * c.gradient}}
        self.mass, self.transport = self.space.mass(), self.space.matrix(transport)

    def history(self, theta, at=READ_AT):
        """c (n, times), g/m³."""
        strength = tf.exp(theta["ln m"]) / (POROSITY * THICKNESS)
        load = self.space.load(fem.mollified(theta["place"], WIDTH, strength))
        system = pcl.FirstOrder(self.mass, self.transport, load=load)
        return fem.march(self.space, system, 0.0, self.times, at=at, dirichlet={"left": 0.0})

    def readings(self, theta):
        """c (wells, times) at the wells."""
        return self.at_wells @ self.history(theta)


def main(n=16, step=6.0, seed=0, maxiter=50, progress=None):
    """Fit place and strength of the source.

    Returns
    -------
    dict with the `Aquifer`, `observed` (wells, times), the `result` and its `problem`, `covariance`
    (3, 3) of (x_s, y_s, ln m) from the exact Hessian, their standard `errors`, `misfit`, χ² of the data.
    """
    aquifer = Aquifer(n, step)
    noise = SIGMA * np.random.RandomState(seed).randn(len(WELLS), len(READ_AT))
    observed = gaussian_plume(WELLS, READ_AT) + noise

    def residuals(theta):
        return tf.reshape(pcl.misfit(aquifer.readings(theta), observed) / SIGMA, [-1])
    problem = pcl.Problem.from_residuals(residuals, START)
    result = pcl.minimize(problem, "levenberg-marquardt", maxiter=maxiter, progress=progress)
    covariance = 2.0 * np.linalg.inv(problem.hessian(result.x))
    return {"aquifer": aquifer, "observed": observed, "result": result, "problem": problem,
            "covariance": covariance, "errors": np.sqrt(np.diag(covariance)), "misfit": result.fun}


@pcl.style()
def plot(outcome, directory):
    """The plume with wells and source, and the readings over time; returns the path."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.1, 3.0),
                                         width_ratios=[1.2, 1])
    _plot_plume(outcome, left)
    _plot_readings(outcome, right)
    path = directory / "contamination_source.png"
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def ellipse(outcome, points=100):
    """The 95 % region of the place, (2, points): χ² of two degrees of freedom is 5.99 on its edge."""
    angle = np.linspace(0.0, 2.0 * np.pi, points)
    root = np.linalg.cholesky(outcome["covariance"][:2, :2])
    return outcome["result"].x[:2, None] + np.sqrt(5.99) * root @ [np.cos(angle), np.sin(angle)]


def _plot_plume(outcome, ax):
    aquifer, theta = outcome["aquifer"], outcome["result"].theta
    last = aquifer.history(theta, at=READ_AT[-1:]).numpy()[:, 0]
    image = ax.tripcolor(*aquifer.space.dof_points.T, last, shading="gouraud", cmap="viridis")
    ax.figure.colorbar(image, ax=ax, label="c after 360 days (g/m³)", orientation="horizontal")
    ax.grid(False)
    for k, well in enumerate(WELLS):
        ax.plot(*well, "o", color=f"C{k}", mec="w", ms=5)
    ax.plot(*START["place"], "s", mfc="none", mec="0.7", ms=5, label="start")
    inset = ax.inset_axes([0.66, 0.14, 0.3, 0.22])
    for frame in (ax, inset):
        frame.plot(*TRUE["place"], "k+", ms=9, mew=1.5, label="true source")
        frame.plot(*theta["place"], "x", color="C1", ms=6, mew=1.5, label="found, 95 % region inset")
    inset.plot(*ellipse(outcome), color="C1")
    inset.set_title("source (m)", fontsize=7, color="w", pad=2)
    inset.tick_params(labelsize=6.5, colors="w")
    inset.grid(False)
    ax.set(xlabel="x (m), along the flow", ylabel="y (m)", aspect="equal", xlim=(0, SIZE[0]),
           ylim=(0, SIZE[1]))
    ax.legend(ncols=2)


def _plot_readings(outcome, ax):
    times = np.linspace(6.0, READ_AT[-1], 60)
    aquifer = outcome["aquifer"]
    fitted = aquifer.at_wells @ aquifer.history(outcome["result"].theta, at=times)
    for k, well in enumerate(WELLS):
        ax.errorbar(READ_AT, outcome["observed"][k], 2 * SIGMA, fmt="o", color=f"C{k}", ms=2.5)
        ax.plot(times, fitted[k], color=f"C{k}", label=f"({well[0]:.0f}, {well[1]:.0f}) m")
    ax.set(xlabel="time (days)", ylabel="c (g/m³), readings ± 2σ")
    ax.legend(ncols=3, handlelength=1.0, columnspacing=1.0)


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(seed=arguments.seed)
    (x, y, log_m), (dx, dy, dm) = outcome["result"].x, outcome["errors"]
    print(outcome["result"].message)
    print(f"source at ({x:.2f} ± {dx:.2f}, {y:.2f} ± {dy:.2f}) m, {np.exp(log_m):.2f} g/d ± {dm:.1%}; "
          f"χ² of the {outcome['observed'].size} readings {outcome['misfit']:.1f}")
    print("figure:", plot(outcome, arguments.output).resolve())
