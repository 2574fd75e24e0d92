"""The figures of the experiments, from finished runs {method: {seed: Run}} and nothing computed anew.

Curves are medians over the seeds, bands their range; methods have one colour throughout.
"""

import numpy as np
from matplotlib import pyplot as plt

import pcl
from pcl import diagnose

PAGE = 7.1      # width of a page [inches]
POINTS = 200    # of a curve
OFFSET = 0.12   # between methods at one place


def convergence(setting, runs):
    """Best loss so far against iterations, seconds and work; a run that has ended keeps its loss."""
    solved = any(run.history["factorisations"][-1] for each in runs.values() for run in each.values())
    work = "factorisations" if solved else "evaluations"
    figure, axes = plt.subplots(1, 3, figsize=(PAGE, 2.9), sharey=True)
    for ax, against in zip(axes, ("iterations", "seconds", work)):
        for number, each in enumerate(runs.values()):
            curves = [progress(run, against) for run in each.values()]
            x = np.geomspace(min(x[0] for x, _ in curves), max(x[-1] for x, _ in curves), POINTS)
            logs = [np.interp(np.log(x), np.log(one), np.log10(loss)) for one, loss in curves]
            _band(ax, x, 10.0 ** np.array(logs), number)
        ax.set(xscale="log", yscale="log", xlabel=against)
    axes[0].set(ylabel="best loss so far")
    _methods(figure, runs)
    return figure


def progress(run, against):
    """(x, loss) of a run, both (n,), x > 0."""
    x = np.arange(run.best.size) if against == "iterations" else run.history[against]
    return np.maximum(x, 1e-2 if against == "seconds" else 0.5), np.maximum(run.best, 1e-300)


def outcomes(setting, runs):
    """Loss, error of κ and number of positive eigenvalues at the end: a dot a seed, medians as bars."""
    figure, axes = plt.subplots(1, 3, figsize=(PAGE, 2.3), sharey=True)
    for row, each in enumerate(runs.values()):
        ends = [(run.loss, run.kappa_error, run.spectrum().positive) for run in each.values()]
        for ax, values in zip(axes, np.transpose(ends)):
            ax.plot(values, np.full(len(values), row), "o", ms=3, mfc="none", color=f"C{row}")
            ax.plot(np.median(values), row, "|", ms=11, mew=2, color=f"C{row}")
    labels = "loss at the end", "largest error of κ", "positive eigenvalues"
    for ax, label, scale in zip(axes, labels, ("log", "log", "linear")):
        ax.set(xlabel=label, xscale=scale, yticks=range(len(runs)), yticklabels=list(runs))
    axes[0].invert_yaxis()
    return figure


def spectra(setting, runs):
    """Positive eigenvalues by rank: of the loss, and of the network fitted to the true κ alone."""
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.9), sharey=True)
    for ax, alone in zip(axes, (False, True)):
        for number, each in enumerate(runs.values()):
            sizes = [np.sort(run.spectrum(alone).eigenvalues)[::-1] for run in each.values()]
            shared = min(np.count_nonzero(size > 0.0) for size in sizes)
            relative = np.array([size[:shared] / size[0] for size in sizes])
            _band(ax, np.arange(1, shared + 1), relative, number)
        ax.axhline(1e-6, color="0.45", lw=0.8, ls="--")
        ax.set(yscale="log", xlabel="rank, of the network alone" if alone else "rank, of the loss")
    axes[0].set(ylabel="eigenvalue / largest; 1e-6 dashed")
    _methods(figure, runs)
    return figure


def weights(setting, runs):
    """Distribution of the magnitudes of weights and biases."""
    figure, ax = plt.subplots(figsize=(PAGE / 2, 3.0))
    for number, each in enumerate(runs.values()):
        found = [diagnose.weights(setting.net, run.x).cumulative() for run in each.values()]
        magnitudes = np.array([magnitude for magnitude, _ in found])
        ax.fill_betweenx(found[0][1], magnitudes.min(axis=0), magnitudes.max(axis=0), color=f"C{number}",
                         alpha=0.15, lw=0)
        ax.plot(np.median(magnitudes, axis=0), found[0][1], color=f"C{number}")
    ax.set(xscale="log", xlim=(1e-3, None), xlabel="magnitude of a weight or bias",
           ylabel="share not above it")
    _methods(figure, runs, columns=2)
    return figure


def activations(setting, runs):
    """Share of the units of each hidden layer that are saturated at the middle of the domain."""
    figure, ax = plt.subplots(figsize=(PAGE / 2, 2.8))
    for number, each in enumerate(runs.values()):
        shares = np.array([diagnose.saturation(setting.net, run.x, setting.middle).fraction
                           for run in each.values()])
        layer = np.arange(1, shares.shape[1] + 1) + OFFSET * (number - (len(runs) - 1) / 2)
        middle = np.median(shares, axis=0)
        reach = np.abs([shares.min(axis=0) - middle, shares.max(axis=0) - middle])
        ax.errorbar(layer, 100 * middle, 100 * reach, fmt="o", color=f"C{number}")
    ax.set(xlabel="hidden layer", ylabel="saturated units (%)", ylim=(-4, 104),
           xticks=range(1, shares.shape[1] + 1))
    _methods(figure, runs, columns=2)
    return figure


def profiles(setting, runs):
    """The loss along the eigenvectors of the largest and the smallest eigenvalue at the end."""
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.9), sharey=True)
    for number, each in enumerate(runs.values()):
        found = [diagnose.extreme_profiles(setting.problem(seed), run.x, radius=0.5)
                 for seed, run in each.items()]
        for ax, losses in zip(axes, np.transpose([one.loss for one in found], (2, 0, 1))):
            _band(ax, found[0].steps, losses, number)
    for ax, which in zip(axes, ("largest", "smallest")):
        ax.set(yscale="log", xlabel=f"step along v of the {which} eigenvalue")
    axes[0].set(ylabel="loss")
    _methods(figure, runs)
    return figure


def coefficient(setting, runs):
    """κ as a curve where it has one argument, the size of its error as a map where it has two."""
    found = {method: np.array([setting.kappa({"kappa": run.x}, setting.shown).numpy()
                               for run in each.values()]) for method, each in runs.items()}
    true = setting.truth(setting.shown)
    return (_curves if setting.net.n_in == 1 else _maps)(setting, found, true)


def _curves(setting, found, true):
    figure, ax = plt.subplots(figsize=(PAGE / 2, 3.0))
    for number, kappa in enumerate(found.values()):
        ax.plot(setting.shown[:, 0], np.median(kappa, axis=0), color=f"C{number}", lw=1.0)
    ax.plot(setting.shown[:, 0], true, "k--", lw=1.0)
    ax.set(xlabel="u", ylabel="κ, medians; true dashed", ylim=(true.min() - 0.5, true.max() + 0.5))
    _methods(figure, found, columns=2)
    return figure


def _maps(setting, found, true):
    figure, axes = plt.subplots(1, len(found), figsize=(PAGE, 2.0), sharex=True, sharey=True)
    sizes = {method: np.median(np.abs(kappa - true), axis=0) for method, kappa in found.items()}
    most = max(size.max() for size in sizes.values())
    for ax, (method, size) in zip(axes, sizes.items()):
        ax.grid(False)
        image = ax.tripcolor(*setting.shown.T, np.maximum(size, 1e-8 * most), shading="gouraud",
                             cmap="cividis", norm="log", vmin=1e-8 * most, vmax=most, rasterized=True)
        ax.set(xlabel="x", aspect="equal")
        ax.set_title(method, fontsize=7.5)
    axes[0].set(ylabel="y")
    figure.colorbar(image, ax=axes, label="|error of κ|", shrink=0.8)
    return figure


def counts(setting, records):
    """Positive and negative eigenvalues beyond 1e-6 of the largest, along the runs of one seed."""
    figure, axes = plt.subplots(1, len(records), figsize=(PAGE, 2.6), sharey=True, squeeze=False)
    for ax, (method, record) in zip(axes[0], records.items()):
        iteration, positive, _, negative = record["counts"].T
        ax.plot(iteration, positive, label="positive")
        ax.plot(iteration, negative, "--", label="negative")
        ax.set(xlabel=f"iteration of {method}")
    axes[0, 0].set(ylabel="number of eigenvalues")
    axes[0, 0].legend(ncols=2)
    return figure


def angles(setting, records):
    """Cosines of the angles of the steps to −g and to Newton's direction, of one seed."""
    figure, axes = plt.subplots(1, len(records), figsize=(PAGE, 2.8), sharey=True, squeeze=False)
    for ax, (method, record) in zip(axes[0], records.items()):
        names = ("iterations", "to_gradient", "to_newton")
        diagnose.StepAngles(*(record[name] for name in names)).plot(ax)
        ax.set(xlabel=f"iteration of {method}")
    return figure


def _band(ax, x, values, number):
    """Median and range of values (seeds, n)."""
    ax.fill_between(x, np.nanmin(values, axis=0), np.nanmax(values, axis=0), color=f"C{number}",
                    alpha=0.15, lw=0)
    ax.plot(x, np.nanmedian(values, axis=0), color=f"C{number}")


def _methods(figure, methods, columns=None):
    """The key of the figure, above its panels."""
    lines = [plt.Line2D([], [], color=f"C{number}") for number in range(len(methods))]
    figure.legend(lines, list(methods), loc="outside upper left", ncols=columns or len(methods))


@pcl.style()
def draw(setting, runs, records, out):
    """All figures of one problem as `out`/{problem}_{what}.png; returns {what: path}."""
    plt.switch_backend("agg")
    drawn = (convergence, outcomes, coefficient, spectra, weights, activations, profiles)
    made = {what.__name__: what(setting, runs) for what in drawn}
    if records:
        made |= {what.__name__: what(setting, records) for what in (counts, angles)}
    paths = {what: out / f"{setting.name}_{what}.png" for what in made}
    for what, figure in made.items():
        figure.savefig(paths[what])
    plt.close("all")
    return paths
