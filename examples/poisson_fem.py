"""Which coefficient κ(x) explains a measured field u? Four optimizers, one exact derivative.

    −∇·(κ ∇u) = 1 in the unit square,   u = 0 on the boundary
    κ_θ(x) = MLP(2, 20, 20, 20, 1)(x) + ½,   minimise Σ_i (u_i − u_i^obs)²  over θ (921 numbers)

P1 elements on 10×10×2 triangles, diagonals from lower right to upper left, three quadrature points
a triangle; data at all nodes, made with κ = 1 + 1/(1 + x² + y²). Nothing has a unit.

Numbers to expect: max u^obs = 0.04464249; with the default seed 100 steps of trust-exact bring the
loss from 0.3 below 1e-8, least squares below 1e-16.

Problem: "Training Deep Neural Networks with Trust-Region Methods", ADCME documentation.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=233, help="seed of the initial weights")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figures")
    arguments = parser.parse_args()

import numpy as np

import fem
import pcl

WIDTHS = (2, 20, 20, 20, 1)
METHODS = {"trust-exact": 100, "BFGS": 500, "L-BFGS-B": 500, "least-squares": 100}


def kappa_true(x):
    """κ = 1 + 1/(1 + |x|²) at points (m, 2)."""
    return 1.0 + 1.0 / (1.0 + np.sum(x ** 2, axis=1))


class Setting:
    """Mesh, data and model; `positive` replaces the seed's net + ½ by ½ + softplus(net)."""

    def __init__(self, n=10, widths=WIDTHS, positive=False):
        self.space = fem.Space(fem.unit_square(n), "P1", quadrature_order=2)
        self.shift = 0.0 if positive else 0.5
        self.net = pcl.MLP(widths, output=pcl.softplus(floor=0.5) if positive else None)
        self.load = self.space.load(1.0)
        self.data = self.solve(kappa_true(self.space.quadrature_points)).numpy()

    def kappa(self, theta, points):
        """κ_θ at points (m, 2)."""
        return self.net(theta["kappa"], points)[:, 0] + self.shift

    def solve(self, kappa):
        """u with −∇·(κ∇u) = 1."""
        return fem.solve(self.space.laplace(kappa), self.load, dirichlet=0.0)

    def residuals(self, theta):
        """u_θ − u^obs at the nodes."""
        return pcl.misfit(self.solve(self.kappa(theta, self.space.quadrature_points)), self.data)

    def problem(self, seed):
        """ℓ(θ) = Σ residuals²."""
        return pcl.Problem.from_residuals(self.residuals, {"kappa": self.net.init(seed)})

    def kappa_error(self, x):
        """Largest |κ_θ − κ| over the nodes."""
        points = self.space.dof_points
        return np.abs(self.kappa({"kappa": x}, points).numpy() - kappa_true(points)).max()


def main(n=10, seed=233, methods=METHODS, widths=WIDTHS, positive=False, progress=None):
    """Train with each method from the same start.

    Parameters
    ----------
    methods : dict {name: maximum number of iterations}

    Returns
    -------
    dict with the `Setting`, the `pcl.check_hessian` report at the start, and `runs`, a dict
    {method: OptimizeResult} whose results carry `kappa_error`.
    """
    setting = Setting(n, widths, positive)
    report = pcl.check_hessian(setting.problem(seed))
    runs = {}
    for method, maxiter in methods.items():
        result = pcl.minimize(setting.problem(seed), method=method, maxiter=maxiter, gtol=0.0,
                              ftol=0.0, progress=progress)
        result.kappa_error = setting.kappa_error(result.x)
        runs[method] = result
    return {"setting": setting, "check": report, "runs": runs}


def table(runs):
    """One line a method: loss, largest error of κ, iterations, seconds, factorisations."""
    rows = [f"{'method':<14}{'loss':>10}{'max |κ error|':>15}{'iterations':>12}{'seconds':>9}"
            f"{'factorisations':>16}  why it stopped"]
    for name, r in runs.items():
        rows.append(f"{name:<14}{r.fun:>10.2e}{r.kappa_error:>15.2e}{r.nit:>12d}"
                    f"{r.history.seconds[-1]:>9.1f}{r.history.factorisations[-1]:>16d}  "
                    f"{r.message.split('.')[0]}")
    return "\n".join(rows)


def plot(outcome, other, directory):
    """Convergence, κ and its error, Hessian spectra; returns the paths written."""
    from matplotlib import pyplot as plt

    setting, runs = outcome["setting"], outcome["runs"]
    paths = [directory / f"poisson_{name}.png" for name in ("convergence", "kappa", "spectrum")]
    plt.switch_backend("agg")
    _plot_convergence(runs, other["runs"]).savefig(paths[0], dpi=130)
    _plot_kappa(setting, runs).savefig(paths[1], dpi=130)
    _plot_spectra(setting, runs).savefig(paths[2], dpi=130)
    plt.close("all")
    return paths


def _plot_convergence(runs, positive_runs):
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained", sharey=True)
    for ax, title, group, against in (
            (axes[0], "net + ½", runs, "iterations"), (axes[1], "net + ½", runs, "seconds"),
            (axes[2], "½ + softplus(net)", positive_runs, "iterations")):
        for name, result in group.items():
            history = result.history
            x = np.arange(len(history)) if against == "iterations" else history.seconds
            ax.semilogy(x, np.minimum.accumulate(history.loss), label=name)
        ax.set(xlabel=against, title=f"κ = {title}")
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("best loss so far  Σ (u − u_obs)²")
    axes[0].legend()
    return figure


def _plot_kappa(setting, runs):
    from matplotlib import pyplot as plt

    mesh, points = setting.space.mesh, setting.space.dof_points
    true = kappa_true(points)
    figure, axes = plt.subplots(2, len(runs), figsize=(3.6 * len(runs), 6.4), layout="constrained",
                                squeeze=False, sharex=True, sharey=True)
    for (top, bottom), (name, result) in zip(axes.T, runs.items()):
        kappa = setting.kappa({"kappa": result.x}, points).numpy()
        fields = (top, kappa, f"{name}: κ", "viridis", (true.min(), true.max())), (
            bottom, kappa - true, "error of κ", "RdBu", (-result.kappa_error, result.kappa_error))
        for ax, field, title, colours, limits in fields:
            image = ax.tripcolor(*mesh.p, mesh.t.T, field, shading="gouraud", cmap=colours,
                                 vmin=limits[0], vmax=limits[1])
            ax.set(title=title, aspect="equal")
            figure.colorbar(image, ax=ax, shrink=0.8)
    return figure


def _plot_spectra(setting, runs):
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    problem = setting.problem(seed=0)
    for name, result in runs.items():
        eigenvalues = np.linalg.eigvalsh(problem.hessian(result.x))[::-1]
        line, = ax.semilogy(np.where(eigenvalues > 0, eigenvalues, np.nan),
                            label=f"{name}, positive")
        ax.semilogy(np.where(eigenvalues < 0, -eigenvalues, np.nan), ":", color=line.get_color(),
                    label=f"{name}, negative")
        ax.axhline(1e-6 * eigenvalues[0], color=line.get_color(), lw=0.5)
    ax.set(xlabel="number", ylabel="|eigenvalue of the Hessian|",
           title="Hessian spectrum at the end (thin lines: 1e-6 of the largest)")
    ax.legend(fontsize=8, ncols=2)
    return figure


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    seed_form = main(seed=arguments.seed)
    print(seed_form["check"], "\n")
    print("κ = net + ½, as in the seed\n" + table(seed_form["runs"]), "\n")
    positive_form = main(seed=arguments.seed, positive=True)
    print("κ = ½ + softplus(net), positive by construction\n" + table(positive_form["runs"]), "\n")
    for path in plot(seed_form, positive_form, arguments.output):
        print("figure:", path.resolve())
