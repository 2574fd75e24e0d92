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

    Raises
    ------
    CheckpointError
        No such file, damaged, not one of `save`, or of another model (what differs is named).
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
