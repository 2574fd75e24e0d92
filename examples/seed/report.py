"""The page of one problem: claims, table of all runs, figures."""

import numpy as np

from examples.seed import claims

VERDICT = {True: "yes", False: "**no**", None: "too short to tell"}
HEAD = ("seed", "method", "loss at the start", "loss", "max κ error", "positive", "zero", "negative",
        "positive, network alone", "iterations", "seconds", "factorisations", "evaluations",
        "why it stopped")
SHOWN = {
    "convergence": "Best loss so far against iterations, seconds and work, medians and ranges of seeds",
    "outcomes": "Loss, error of κ and positive eigenvalues at the end, a dot a seed, medians as bars",
    "coefficient": "κ, or the size of its error, medians of the seeds",
    "spectra": "Positive eigenvalues of the Hessian by rank, of the loss and of the network alone",
    "weights": "Distribution of the magnitudes of weights and biases",
    "activations": "Share of saturated units in each hidden layer",
    "profiles": "Loss along the eigenvectors of the largest and the smallest eigenvalue",
    "counts": "Positive and negative eigenvalues along the runs of one seed",
    "angles": "Cosines of the steps' angles to −g and to Newton's direction, one seed"}
NOTES = """Positive, zero, negative: eigenvalues of the Hessian at the end, beyond 1e-6 of the largest.
Network alone: of the same network fitted to the true κ without the equation. Factorisations are sparse
ones."""


def page(setting, runs, case, figures):
    """Markdown text of a problem; `figures` is {what: path}, beside the page."""
    seeds = list(next(iter(runs.values())))
    rows = [row(run) for seed in seeds for run in (each[seed] for each in runs.values())]
    verdicts = [(claim, found, VERDICT[holds]) for claim, found, holds in
                claims.of(setting, runs, case)]
    command = f"python -m examples.seed.experiments --only {setting.name}"
    parts = [f"# {setting.title}", f"Made by `{command}`.",
             "## Claims", grid(("claim", "found", "holds"), verdicts), "## Medians over the seeds",
             grid(("method", "loss", "max κ error", "seconds"), medians(runs)), "## Runs", NOTES,
             grid(HEAD, rows), "## Figures",
             *(f"![{SHOWN[what]}]({path.name})" for what, path in figures.items())]
    return "\n\n".join(parts) + "\n"


def row(run):
    """One line of the table of runs."""
    found, last = run.spectrum(), {name: values[-1] for name, values in run.history.items()}
    return (run.seed, run.method, f"{run.best[0]:.2e}", f"{run.loss:.2e}", f"{run.kappa_error:.2e}",
            found.positive, found.zero, found.negative, run.spectrum(alone=True).positive,
            run.best.size - 1, f"{last['seconds']:.1f}", last["factorisations"], last["evaluations"],
            run.message.split(".")[0])


def medians(runs):
    """Lines of medians by method."""
    return [(method, *(f"{np.median(values):.2e}" for values in zip(
        *((run.loss, run.kappa_error, run.history["seconds"][-1]) for run in each.values()))))
        for method, each in runs.items()]


def grid(head, rows):
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
