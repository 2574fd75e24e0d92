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
    parser.add_argument("--quick", action="store_true",
                        help="a third of the steps of trust-exact, a tenth of those of BFGS: one minute")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import numpy as np

import fem
import pcl

WIDTHS = (2, 20, 20, 20, 1)
METHODS = {"trust-exact": 100, "BFGS": 500, "L-BFGS-B": 500, "least-squares": 100}
QUICK = {"trust-exact": 30, "BFGS": 50, "L-BFGS-B": 500, "least-squares": 100}


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


@pcl.style()
def plot(outcome, other, directory):
    """Convergence, κ and its error, Hessian spectra; returns the paths written."""
    from matplotlib import pyplot as plt

    setting, runs = outcome["setting"], outcome["runs"]
    paths = [directory / f"poisson_{name}.png" for name in ("convergence", "kappa", "spectrum")]
    plt.switch_backend("agg")
    _plot_convergence(runs, other["runs"]).savefig(paths[0])
    _plot_kappa(setting, runs).savefig(paths[1])
    _plot_spectra(setting, runs).savefig(paths[2])
    plt.close("all")
    return paths


def _plot_convergence(runs, positive_runs):
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(7.1, 2.7), sharey=True)
    for ax, title, group, against in (
            (axes[0], "net + ½", runs, "iterations"), (axes[1], "net + ½", runs, "seconds"),
            (axes[2], "½ + softplus(net)", positive_runs, "iterations")):
        for name, result in group.items():
            history = result.history
            x = np.arange(len(history)) if against == "iterations" else history.seconds
            ax.semilogy(x, np.minimum.accumulate(history.loss), label=name)
        ax.set(xlabel=against, yscale="log")
        ax.set_title(f"κ = {title}", fontsize=7.5)
    axes[0].set_ylabel("least Σ (u − u_obs)² so far")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=len(runs))
    return figure


def _plot_kappa(setting, runs):
    from matplotlib import pyplot as plt

    mesh, points = setting.space.mesh, setting.space.dof_points
    true = kappa_true(points)
    figure, axes = plt.subplots(2, len(runs), figsize=(7.1, 3.9),
                                squeeze=False, sharex=True, sharey=True)
    found = {name: setting.kappa({"kappa": result.x}, points).numpy() for name, result in runs.items()}
    limits = {"vmin": true.min(), "vmax": true.max()}
    errors = {"norm": "log", "vmin": 1e-6, "vmax": max(run.kappa_error for run in runs.values())}
    for (top, bottom), (name, kappa) in zip(axes.T, found.items()):
        upper = _colours(top, mesh, kappa, cmap="viridis", **limits)
        lower = _colours(bottom, mesh, np.maximum(np.abs(kappa - true), 1e-6), cmap="cividis", **errors)
        top.set_title(name, fontsize=7.5)
        bottom.set(xlabel="x")
    figure.colorbar(upper, ax=axes[0], label="κ", shrink=0.9)
    figure.colorbar(lower, ax=axes[1], label="|error of κ|", shrink=0.9)
    for ax in axes[:, 0]:
        ax.set(ylabel="y")
    return figure


def _colours(ax, mesh, field, **scale):
    ax.grid(False)
    ax.set(aspect="equal", xticks=[0.0, 0.5, 1.0], yticks=[0.0, 0.5, 1.0])
    return ax.tripcolor(*mesh.p, mesh.t.T, field, shading="gouraud", rasterized=True, **scale)


def _plot_spectra(setting, runs):
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(5.2, 2.8), sharey=True)
    problem = setting.problem(seed=0)
    for k, (name, result) in enumerate(runs.items()):
        eigenvalues = np.linalg.eigvalsh(problem.hessian(result.x))
        for ax, size in zip(axes, (eigenvalues[eigenvalues > 0][::-1], -eigenvalues[eigenvalues < 0])):
            ax.semilogy(np.arange(1, size.size + 1), size, color=f"C{k}", label=name)
        for ax in axes:
            ax.axhline(1e-6 * eigenvalues[-1], color=f"C{k}", lw=0.5)
    for ax, sign in zip(axes, ("positive", "negative")):
        ax.set(xlabel=f"number of the {sign} eigenvalue")
    axes[0].set(ylabel="|eigenvalue|, 1e-6 λ_max thin")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=len(runs))
    return figure


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    methods = QUICK if arguments.quick else METHODS
    seed_form = main(seed=arguments.seed, methods=methods)
    print(seed_form["check"], "\n")
    print("κ = net + ½, as in the seed\n" + table(seed_form["runs"]), "\n")
    positive_form = main(seed=arguments.seed, methods=methods, positive=True)
    print("κ = ½ + softplus(net), positive by construction\n" + table(positive_form["runs"]), "\n")
    for path in plot(seed_form, positive_form, arguments.output):
        print("figure:", path.resolve())
