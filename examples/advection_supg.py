"""How strongly does a flume mix? And what a mesh without stabilisation makes of the answer.

    v ∂c/∂x − ∇·(D ∇c) = 0 for 0 < x < L, 0 < y < H;   c = c_s on the bed, c = 0 on the other three sides

c is the concentration of a solute that leaches from the bed (c_s = 1 g/m³), is stripped at the surface
and taken out by a screen at x = L. H = 1 m, L = 4 m, v = 0.2 m/s; the mixing D is unknown. The truth is
0.001 m²/s, as 0.067 H u* gives for a shear velocity u* of 0.015 m/s (Fischer et al., Mixing in Inland and
Coastal Waters, 1979). The layer in front of the screen is D/v = 5 mm thick; cells h = 0.2 m long do not
see it: their Péclet number v h/2D is 20.

Data: c at 40 places, 2 m < x < 3.9 m and y < 0.4 m, with noise of 0.02 g/m³; made with the solution

    c/c_s = 1 − y/H − Σ (2/kπ) sin(kπy/H) X_k(x),   v X_k' = D X_k'' − D (kπ/H)² X_k
    X_k(0) = X_k(L) = 1

Linear elements, once with the weak form as it stands (Galerkin), once with the streamline diffusion of
SUPG, which adds the advection tested along the flow,

    ∫ v ∂c/∂x φ + D ∇c·∇φ + τ v ∂c/∂x v ∂φ/∂x dx = 0,   τ = h/2v (coth P − 1/P),   P = v h/2D

(Brooks and Hughes 1982; the second derivatives in the residual vanish on linear elements.) τ depends on
D and is differentiated with it.

Numbers to expect: SUPG gives D = 0.001 m²/s within its standard error of 1.8 %, with χ² = 39 ± 9.
Galerkin's waves run from the screen up the flume. The fit takes some of them for mixing: D is 12 % too
large on average, six of the standard errors that the fit claims, and χ² is above 1000.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=5, help="number of noise draws")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figure")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import numpy as np
import tensorflow as tf

import fem
import pcl

LENGTH, HEIGHT, VELOCITY, SATURATION = 4.0, 1.0, 0.2, 1.0       # m, m, m/s, g/m³
TRUE, START, SIGMA = 1e-3, 3e-3, 0.02                           # m²/s, m²/s, g/m³


def exact(points, D=TRUE, terms=200):
    """c (m,) [g/m³] at points (m, 2), by the series in sin kπy/H."""
    x, y = points[:, :1], points[:, 1:] / HEIGHT
    k = np.arange(1, terms + 1)
    root = np.sqrt(VELOCITY ** 2 / 4.0 + (D * k * np.pi / HEIGHT) ** 2)
    fast, slow = (VELOCITY / 2.0 + root) / D, (VELOCITY / 2.0 - root) / D     # of exp(r x)
    back, decayed = np.exp(fast * (x - LENGTH)), np.exp(slow * LENGTH)
    X = np.exp(slow * x) * (1.0 - np.exp(-fast * LENGTH)) + back * (1.0 - decayed)
    X = X / (1.0 - decayed * np.exp(-fast * LENGTH))
    return SATURATION * (1.0 - y[:, 0] - np.sum(2.0 / (k * np.pi) * np.sin(k * np.pi * y) * X, 1))


def places(count=40):
    """Where c is measured, (count, 2): a sequence of low discrepancy over 2 m < x < 3.9 m, y < 0.4 m.

    Steps of 1/g and 1/g² with g³ = g + 1 (M. Roberts, The unreasonable effectiveness of quasirandom
    sequences, 2018).
    """
    steps = np.arange(1, count + 1)[:, None] * [0.7548776662466927, 0.5698402909980532] % 1.0
    return np.array([2.0, 0.03]) + steps * [1.9, 0.37]


class Flume:
    """2n × 3n × 2 triangles, with or without stabilisation."""

    def __init__(self, n, stabilised):
        self.space = fem.Space(fem.rectangle(2 * n, 3 * n, upper=(LENGTH, HEIGHT)), "P1")
        self.h, self.stabilised = LENGTH / (2 * n), stabilised
        self.at_places = self.space.observe(places())

    def tau(self, D):
        """τ [s]."""
        peclet = VELOCITY * self.h / (2.0 * D)
        return self.h / (2.0 * VELOCITY) * (1.0 / tf.tanh(peclet) - 1.0 / peclet) * self.stabilised

    def concentration(self, D):
        """c (n,), g/m³."""
        def form(c, x):
            advection = VELOCITY * c.gradient[:, 0]
            along = self.tau(D) * advection[:, None] * [VELOCITY, 0.0]
            return {"u": {"value": advection, "gradient": D * c.gradient + along}}
        A, b = self.space.system(form)
        return fem.solve(A, b, dirichlet=on_the_boundary)


def on_the_boundary(x):
    """c_s on the bed, 0 elsewhere and in the corners."""
    bed = (x[:, 1] == 0.0) & (x[:, 0] > 0.0) & (x[:, 0] < LENGTH)
    return SATURATION * bed.astype(np.float64)


def fit(flume, observed):
    """The result of least squares for ln D, with `D` and `error`, its relative standard error."""
    def residuals(theta):
        c = flume.at_places @ flume.concentration(tf.exp(theta["ln D"]))
        return pcl.misfit(c, observed) / SIGMA
    problem = pcl.Problem.from_residuals(residuals, {"ln D": np.log(START)})
    result = pcl.minimize(problem, "levenberg-marquardt", maxiter=50, progress=False)
    result.D, result.error = np.exp(result.x[0]), np.sqrt(2.0 / problem.hessian(result.x)[0, 0])
    return result


def main(n=10, draws=5):
    """Fit D with and without stabilisation for the noise of seeds 0 … draws − 1.

    Returns
    -------
    dict with {"SUPG", "Galerkin"} → dict of the `flume` and the `fits`, and `observed` (draws, m).
    """
    noise = np.array([np.random.RandomState(seed).randn(len(places())) for seed in range(draws)])
    observed = exact(places()) + SIGMA * noise
    outcome = {"observed": observed}
    for name, stabilised in (("SUPG", 1.0), ("Galerkin", 0.0)):
        flume = Flume(n, stabilised)
        outcome[name] = {"flume": flume, "fits": [fit(flume, data) for data in observed]}
    return outcome


def table(outcome):
    """A line a draw: D with its standard error, and χ²."""
    rows = [f"{'draw':<6}{'':<10}{'D [m²/s]':>12}{'±':>8}{'χ²':>9}"]
    for name in ("SUPG", "Galerkin"):
        for k, f in enumerate(outcome[name]["fits"]):
            rows.append(f"{k:<6}{name:<10}{f.D:>12.6f}{f.error:>8.1%}{f.fun:>9.1f}")
    return "\n".join(rows)


@pcl.style()
def plot(outcome, directory):
    """The plume, a section along the flow, and D of every draw; returns the path."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, axes = plt.subplots(1, 3, figsize=(7.1, 2.7), width_ratios=[1.2, 1, 1])
    _plot_plume(axes[0])
    _plot_section(outcome, axes[1])
    _plot_estimates(outcome, axes[2])
    path = directory / "advection_supg.png"
    figure.savefig(path)
    plt.close(figure)
    return path


def _plot_plume(ax):
    x, y = np.meshgrid(np.linspace(0.0, LENGTH, 201), np.linspace(0.0, HEIGHT, 101))
    c = exact(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
    image = ax.contourf(x, y, np.clip(c, 0.0, 1.0), np.linspace(0.0, 1.0, 11), cmap="viridis")
    ax.figure.colorbar(image, ax=ax, label="c (g/m³)", orientation="horizontal")
    ax.grid(False)
    ax.plot(*places().T, "o", ms=2.5, mfc="w", mec="k", mew=0.6, label="measured")
    ax.axhline(0.15, color="C1", lw=1.0, ls="--", label="section")
    ax.set(xlabel="x (m), along the flow", ylabel="y (m)")
    ax.legend(ncols=2, columnspacing=1.0)


def _plot_section(outcome, ax):
    x = np.linspace(0.01, LENGTH - 0.01, 400)
    line = np.column_stack([x, np.full_like(x, 0.15)])
    for name, colour in (("Galerkin", "C1"), ("SUPG", "C0")):
        flume, fitted = outcome[name]["flume"], outcome[name]["fits"][0]
        c = flume.space.observe(line) @ flume.concentration(tf.constant(fitted.D, tf.float64))
        ax.plot(x, c, color=colour, label=name)
    ax.plot(x, exact(line), "k--", lw=1.0, label="exact")
    ax.set(xlabel="x (m)", ylabel="c (g/m³) on the section", ylim=(-0.02, 1.0))
    ax.legend(ncols=2, columnspacing=1.0)


def _plot_estimates(outcome, ax):
    for name, colour, shift in (("Galerkin", "C1", -0.08), ("SUPG", "C0", 0.08)):
        fits = outcome[name]["fits"]
        D, error = np.array([f.D for f in fits]), np.array([f.error for f in fits])
        chi = np.mean([f.fun for f in fits])
        ax.errorbar(np.arange(len(D)) + shift, 1e3 * D, 2e3 * D * error, fmt="o", color=colour, ms=3,
                    label=f"{name} ± 2 s.e., χ² {chi:.0f}")
    ax.axhline(1e3 * TRUE, color="k", ls="--", lw=1.0, label="true")
    ax.set(xlabel="noise draw", ylabel="D (10⁻³ m²/s)",
           xticks=range(len(outcome["observed"])), ylim=(0.9, 1.25))
    ax.legend()


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(draws=arguments.draws)
    print(table(outcome))
    print("figure:", plot(outcome, arguments.output).resolve())
