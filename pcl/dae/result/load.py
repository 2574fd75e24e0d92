"""Trained laws and parameters read from a file, for the model they were trained with."""

from pcl.dae.laws.law import Law, TrainedLaw
from pcl.dae.model import Model
from pcl.dae.result.file import KIND, LAW_ARRAYS, require_same
from pcl.dae.result.trained import Trained
from pcl.networks.words import network_of
from pcl.support.types import Path
from pcl.training.checkpoint.file import CheckpointError, read_checkpoint


def load(path: Path, model: Model) -> Trained:
    """The `Trained` of a file, for the model it was trained with.

    Parameters
    ----------
    path : str or path, as given to `Fit.save` or `Trained.save`
    model : Model
        Functions are not in the file; names, bounds and parameters have to be those of the training.

    Returns
    -------
    Trained

    Raises
    ------
    CheckpointError
        No such file, damaged, not one of `save`, or of another model (what differs is named).

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
    ...                     sizes={"x": 1.0}, typical={"x": 1.0})
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "decay.pcl")
    ...     decay.save(path)
    ...     again = dae.load(path, model)
    >>> again.predict({"x": 2.0}, t=[0.0, 1.0])["x"].round(4).tolist()
    [2.0, 1.2131]
    """
    found = read_checkpoint(path)
    meta, arrays = found.meta, found.arrays
    if meta.get("kind") != KIND:
        raise CheckpointError(f"{found.path} does not hold a {KIND}.")
    require_same(found, model)
    laws = tuple(_law(words, arrays, k) for k, words in enumerate(meta["laws"]))
    return Trained(model, laws, meta["parameters"], tuple(meta["scheme"]), meta["element"], meta["sizes"],
                   meta["typical"], meta.get("noise", {}))


def _law(words, arrays, k):
    net = network_of(words["network"])
    shifts = {name: arrays[f"{name}_{k}"] for name in LAW_ARRAYS}
    law = Law(net, words["inputs"], words["outputs"], **shifts, places=words.get("places"))
    return TrainedLaw(law, arrays[f"theta_{k}"], arrays.get(f"seen_{k}"))
