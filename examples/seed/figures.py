"""The figures of the experiments, from finished runs {method: {seed: Run}} and nothing computed anew."""

import numpy as np
from matplotlib import pyplot as plt

from pcl import diagnose

GRID = {"alpha": 0.3}


def _axes(rows, columns, width=4.2, height=3.4, **options):
    return plt.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False,
                        layout="constrained", **options)


def convergence(setting, runs):
    """Best loss so far, a row a seed, against iterations, seconds and work."""
    seeds = list(next(iter(runs.values())))
    solved = any(run.history["factorisations"][-1] for each in runs.values() for run in each.values())
    work = "factorisations" if solved else "evaluations"
    figure, axes = _axes(len(seeds), 3, height=2.8, sharey="row")
    for row, seed in zip(axes, seeds):
        for ax, against in zip(row, ("iterations", "seconds", work)):
            for method, each in runs.items():
                run = each[seed]
                x = np.arange(run.best.size) if against == "iterations" else run.history[against]
                ax.loglog(np.maximum(x, 0.5 if against != "seconds" else 1e-2), run.best, label=method)
            ax.set(xlabel=against)
            ax.grid(**GRID)
        row[0].set(ylabel=f"seed {seed}: best loss so far")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(runs))
    figure.suptitle(setting.title)
    return figure


def spectra(setting, runs, seed):
    """Eigenvalues at the end: of the loss above, of the network fitted to the true κ alone below."""
    figure, axes = _axes(2, len(runs), sharey="row")
    for column, (method, each) in zip(axes.T, runs.items()):
        for ax, alone in zip(column, (False, True)):
            found = each[seed].spectrum(alone)
            found.plot(ax)
            what = "network alone" if alone else "loss"
            ax.set_title(f"{method}, {what}: {found.positive} positive", fontsize="medium")
            ax.legend(fontsize=7)
    figure.suptitle(f"{setting.title}, seed {seed}: spectra of the Hessian at the end")
    return figure


def weights(setting, runs, seed):
    """Cumulative distribution of the magnitudes of weights and biases."""
    figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for method, each in runs.items():
        diagnose.weights(setting.net, each[seed].x).plot(ax, cumulative=True, label=method)
    ax.set_xscale("log")
    ax.set(title=f"{setting.title}, seed {seed}", xlim=(1e-3, None))
    return figure


def activations(setting, runs, seed):
    """Histograms of the activations at the middle of the domain."""
    figure, axes = _axes(1, len(runs))
    for ax, (method, each) in zip(axes[0], runs.items()):
        diagnose.saturation(setting.net, each[seed].x, setting.middle).plot(ax, bins=20)
        ax.set(title=method, xlim=(-1.05, 1.05))
    figure.suptitle(f"{setting.title}, seed {seed}: activations at {setting.middle[0].tolist()}")
    return figure


def profiles(setting, runs, seed):
    """The loss along the eigenvectors of the largest and the smallest eigenvalue at the end."""
    figure, axes = _axes(1, len(runs))
    for ax, (method, each) in zip(axes[0], runs.items()):
        diagnose.extreme_profiles(setting.problem(seed), each[seed].x, radius=0.5).plot(ax)
        ax.set(title=method)
        ax.legend(fontsize=7)
    figure.suptitle(f"{setting.title}, seed {seed}: loss along extreme eigenvectors")
    return figure


def coefficient(setting, runs, seed):
    """κ as a curve where it has one argument, its error as a map where it has two."""
    found = {method: setting.kappa({"kappa": each[seed].x}, setting.shown).numpy()
             for method, each in runs.items()}
    true = setting.truth(setting.shown)
    figure = (_curves if setting.net.n_in == 1 else _maps)(setting, found, true)
    figure.suptitle(f"{setting.title}, seed {seed}")
    return figure


def _curves(setting, found, true):
    figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for method, kappa in found.items():
        ax.plot(setting.shown[:, 0], kappa, label=method)
    ax.plot(setting.shown[:, 0], true, "k--", label="true")
    ax.set(xlabel="u", ylabel="κ", ylim=(true.min() - 0.5, true.max() + 0.5))
    ax.grid(**GRID)
    ax.legend()
    return figure


def _maps(setting, found, true):
    figure, axes = _axes(1, len(found), width=3.6, sharex=True, sharey=True)
    for ax, (method, kappa) in zip(axes[0], found.items()):
        error = kappa - true
        size = np.abs(error).max()
        image = ax.tripcolor(*setting.shown.T, error, shading="gouraud", cmap="RdBu", vmin=-size,
                             vmax=size)
        ax.set(title=f"{method}: error of κ", aspect="equal")
        figure.colorbar(image, ax=ax, shrink=0.8)
    return figure


def counts(setting, records, seed):
    """Positive and negative eigenvalues along the runs."""
    figure, axes = _axes(1, len(records), sharey=True)
    for ax, (method, record) in zip(axes[0], records.items()):
        iteration, positive, _, negative = record["counts"].T
        ax.plot(iteration, positive, label="positive")
        ax.plot(iteration, negative, label="negative")
        ax.set(xlabel="iteration", ylabel="number of eigenvalues", title=method)
        ax.grid(**GRID)
        ax.legend()
    figure.suptitle(f"{setting.title}, seed {seed}: beyond 1e-6 of the largest")
    return figure


def angles(setting, records, seed):
    """Cosines of the angles of the steps to −g and to Newton's direction."""
    figure, axes = _axes(1, len(records), sharey=True)
    for ax, (method, record) in zip(axes[0], records.items()):
        names = ("iterations", "to_gradient", "to_newton")
        diagnose.StepAngles(*(record[name] for name in names)).plot(ax)
        ax.set(title=method)
    figure.suptitle(f"{setting.title}, seed {seed}: where the steps point")
    return figure


def draw(setting, runs, records, seed, out):
    """All figures of one problem as `out`/{problem}_{what}.png; returns {what: path}."""
    plt.switch_backend("agg")
    made = {"convergence": convergence(setting, runs)}
    made |= {what.__name__: what(setting, runs, seed)
             for what in (coefficient, spectra, weights, activations, profiles)}
    if records:
        made |= {what.__name__: what(setting, records, seed) for what in (counts, angles)}
    paths = {what: out / f"{setting.name}_{what}.png" for what in made}
    for what, figure in made.items():
        figure.savefig(paths[what], dpi=110)
    plt.close("all")
    return paths
