"""Networks in words: what a file says of one, and the network made from it again."""

import dataclasses
from typing import Any

from pcl.networks.field import Field
from pcl.networks.icnn import ICNN
from pcl.networks.mlp import MLP
from pcl.networks.monotone import MonotoneMLP
from pcl.networks.transform import Transform

_KINDS = {"MLP": MLP, "ICNN": ICNN, "MonotoneMLP": MonotoneMLP}


def words_of(name: str, net: Any) -> dict:
    """A network without its parameters, in words that JSON takes.

    TypeError for a network that is none of the package's: its definition cannot be written down.
    """
    kind = type(net).__name__
    if type(net) is Field:
        return {"kind": kind, "net": words_of(name, net.net), "scale": net.scale.tolist(),
                "shift": net.shift.tolist()}
    if _KINDS.get(kind) is not type(net):
        raise TypeError(f"{name} has a network of type {kind}; only {', '.join(_KINDS)} and Field can be "
                        "saved.")
    return {"kind": kind, **dataclasses.asdict(net)}


def network_of(words: dict) -> Any:
    """The network described by `words_of`."""
    given = dict(words)
    if given["kind"] == "Field":
        return Field(network_of(given["net"]), scale=given["scale"], shift=given["shift"])
    made = _KINDS[given.pop("kind")]
    if given.get("output") is not None:
        given["output"] = Transform(**given["output"])
    return made(**given)
