"""A trained problem in one file: .npz with a JSON entry, no pickle, written whole or not at all."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from pcl.engine.blocks import Blocks
from pcl.networks.words import network_of, words_of
from pcl.saved.solution import SavedLaw, Solution
from pcl.support.types import Path
from pcl.support.validate import known
from pcl.training.checkpoint.file import CheckpointError, read_checkpoint, write
from pcl.training.run.history import ROWS, History
from pcl.uncertainty.laplace import Posterior
from pcl.uncertainty.laplace.gaussian import Factored

KIND = "trained problem"
_WORDS = ("success", "message", "method", "nit")


def save(path: Path, result: Any, blocks: Blocks, networks: Mapping[str, Any],
         posterior: Posterior | None) -> None:
    """Write a result; what was at `path` before stays as path.previous.

    Parameters
    ----------
    networks : {block: network} whose parameters the block is

    Raises
    ------
    OSError
        The file cannot be written; the old one is left as it is.
    TypeError
        A network whose definition cannot be written down.
    """
    for name, net in networks.items():
        known("network", name, blocks.slices)
        net.check_params(result.theta[name])
    meta = {"kind": KIND, "status": result.status.name,
            "shapes": {name: list(shape) for name, shape in blocks.shapes.items()},
            "networks": {name: words_of(name, net) for name, net in networks.items()},
            **{word: getattr(result, word) for word in _WORDS}}
    arrays = {"x": result.x, "fun": np.array(result.fun),
              **{f"history_{name}": getattr(result.history, name) for name in ROWS}}
    if posterior is not None:
        meta["sigma"] = posterior.sigma
        arrays["posterior_theta"] = posterior.theta
        arrays["posterior_factor"] = posterior.covariance_form.root(np.eye(posterior.theta.size))
    write(path, meta, arrays)


def load(path: Path) -> Solution:
    """The `Solution` that `result.save(path)` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : path

    Returns
    -------
    `pcl.saved.solution.Solution`
        x and θ by name, history, laws as functions with derivatives, the posterior if it was saved.

    Raises
    ------
    CheckpointError
        No such file, damaged, or of another kind, which is named.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> net, x = pcl.MLP([1, 3, 1]), np.linspace(0.0, 1.0, 6)[:, None]
    >>> problem = pcl.Problem.from_residuals(lambda t: net(t["law"], x)[:, 0] - x[:, 0]**2,
    ...                                      {"law": net.init(seed=0)})
    >>> result = pcl.minimize(problem, maxiter=20)
    >>> result.save("law.npz")
    >>> law = pcl.load("law.npz").laws["law"]
    >>> np.allclose(law(x), net(result.x, x)), law.jacobian(x).shape
    (True, (6, 1, 1))
    """
    found = read_checkpoint(path)
    meta, arrays = found.meta, found.arrays
    if meta.get("kind") != KIND:
        other = {"trained neural DAE": "trained neural DAE: read it by pcl.dae.load(path, model)"}
        holds = other.get(str(meta.get("kind")), "checkpoint of a run")
        raise CheckpointError(f"{found.path} holds a {holds}; expected a {KIND}.")
    blocks = Blocks({name: np.zeros(shape) for name, shape in meta["shapes"].items()})
    theta = blocks.unravel(arrays["x"])
    laws = {name: SavedLaw(network_of(words), theta[name])
            for name, words in meta["networks"].items()}
    posterior = None
    if "posterior_factor" in arrays:
        posterior = Posterior(_Layout(blocks), arrays["posterior_theta"],
                              Factored(arrays["posterior_factor"]), meta["sigma"])
    history = History.from_dict({name: arrays[f"history_{name}"] for name in ROWS})
    return Solution(arrays["x"], theta, laws, float(arrays["fun"]), status=meta["status"],
                    history=history, versions=meta["versions"], _posterior=posterior,
                    **{word: meta[word] for word in _WORDS})


@dataclasses.dataclass(frozen=True, eq=False)
class _Layout:
    """The blocks of a problem that is not there."""

    blocks: Blocks
    statement = None

    @property
    def slices(self):
        return self.blocks.slices

    @property
    def size(self):
        return self.blocks.size

    def unravel(self, theta):
        return self.blocks.unravel(theta)

    def log_density(self, theta):
        raise ValueError("a posterior from a file has no density: its problem is not there.")

    def from_residuals(self, *_):
        raise ValueError("a posterior from a file has no equations; take solution.band(block, x) of a "
                         "saved law, or a pair (values, Jacobian).")
