"""Training runs kept in files: each is computed once, and goes on where it was interrupted."""

import contextlib
import dataclasses
import json
import os

import numpy as np

import pcl
from examples.seed.common import kappa_error, network_alone
from pcl import diagnose

_WORDS = ("problem", "method", "seed", "maxiter", "status", "message", "kappa_error", "loss",
          "sensitivities")


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A finished run.

    Attributes
    ----------
    words : dict
        problem, method, seed, maxiter, status, message, kappa_error, loss, sensitivities.
    x : ndarray (p,), the best point
    history : dict {name: array (n + 1,)}, the columns of `pcl`'s history
    eigenvalues, network_eigenvalues : ndarray (p,)
        Of the Hessian of the loss, and of that of the network fitted to the true κ alone, at x.
    """

    words: dict
    x: np.ndarray
    history: dict
    eigenvalues: np.ndarray
    network_eigenvalues: np.ndarray

    def __getattr__(self, name):
        if name in _WORDS:
            return self.words[name]
        raise AttributeError(f"Run has no {name!r}; it has {', '.join(_WORDS)}.")

    @property
    def best(self):
        """Lowest loss so far after each iteration, (n + 1,)."""
        return np.minimum.accumulate(self.history["loss"])

    def spectrum(self, alone=False):
        """The `HessianSpectrum` at x, eigenvectors left out."""
        values = self.network_eigenvalues if alone else self.eigenvalues
        return diagnose.HessianSpectrum(self.x, values, np.empty((self.x.size, 0)), threshold=1e-6)


def train(setting, method, seed, maxiter, folder, progress=None):
    """The `Run` of one method, from its file, from its checkpoint, or from the start.

    Raises
    ------
    KeyboardInterrupt
        The run was interrupted; its checkpoint is in the folder.
    """
    path = folder / f"{setting.name}-{method}-{seed}-{maxiter}.npz"
    if path.exists():
        return load(path)
    checkpoint = path.with_suffix(".checkpoint")
    result = pcl.minimize(setting.problem(seed), method, maxiter=maxiter, gtol=0.0, ftol=0.0,
                          progress=progress, checkpoint=checkpoint,
                          resume=checkpoint if checkpoint.exists() else None)
    if result.status is pcl.Status.INTERRUPTED:
        raise KeyboardInterrupt(result.message)
    _write(path, _contents(setting, method, seed, maxiter, result))
    for old in (checkpoint, checkpoint.with_name(checkpoint.name + ".previous")):
        old.unlink(missing_ok=True)
    return load(path)


def load(path):
    """The `Run` in a file that `train` wrote."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    words, start = json.loads(str(arrays.pop("words"))), "history_"
    history = {name.removeprefix(start): arrays.pop(name) for name in list(arrays)
               if name.startswith(start)}
    return Run(words, history=history, **arrays)


def _contents(setting, method, seed, maxiter, result):
    words = {"problem": setting.name, "method": method, "seed": seed, "maxiter": maxiter,
             "status": result.status.name, "message": result.message, "loss": result.fun,
             "kappa_error": kappa_error(setting, result.x),
             "sensitivities": result.counts.get("jacobians", 0)}
    spectra = [diagnose.spectrum(problem, result.x).eigenvalues
               for problem in (setting.problem(seed), network_alone(setting))]
    history = {f"history_{name}": values for name, values in result.history.as_dict().items()}
    return {"words": json.dumps(words), "x": result.x, "eigenvalues": spectra[0],
            "network_eigenvalues": spectra[1], **history}


def _write(path, arrays):
    """The file is there whole or not at all."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with open(beside, "wb") as file:
            np.savez_compressed(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()


class SpectrumRecorder:
    """A callback that counts eigenvalues every so many iterations: rows (iteration, +, 0, −)."""

    def __init__(self, problem, every):
        self._problem, self._every, self.rows = problem, every, []

    def __call__(self, snapshot):
        if snapshot.iteration % self._every == 0:
            found = diagnose.spectrum(self._problem, snapshot.theta)
            self.rows.append((snapshot.iteration, found.positive, found.zero, found.negative))


def record(setting, method, seed, maxiter, every, folder, progress=None):
    """Counts and angles along a run of its own, whose seconds nobody reads.

    Returns
    -------
    dict: counts (k, 4) as `SpectrumRecorder` has them, and iterations, to_gradient, to_newton of
    `diagnose.StepAngles`. From its file if that is there; an interrupted record begins again.
    """
    path = folder / f"{setting.name}-{method}-{seed}-{maxiter}-curvature.npz"
    if not path.exists():
        problem = setting.problem(seed)
        counts, angles = SpectrumRecorder(problem, every), diagnose.AngleRecorder(problem, every=every)
        result = pcl.minimize(setting.problem(seed), method, maxiter=maxiter, gtol=0.0, ftol=0.0,
                              progress=progress, callback=[angles, counts])
        if result.status is pcl.Status.INTERRUPTED:
            raise KeyboardInterrupt(result.message)
        found = angles.angles
        _write(path, {"counts": np.array(counts.rows, dtype=int).reshape(-1, 4),
                      "iterations": found.iterations, "to_gradient": found.to_gradient,
                      "to_newton": found.to_newton})
    with np.load(path) as file:
        return {name: file[name] for name in file.files}
