"""Networks in words: what a file says of one, and the network made from it again."""

import dataclasses
from typing import Any

from pcl.networks.icnn import ICNN
from pcl.networks.mlp import MLP
from pcl.networks.transform import Transform

_KINDS = {"MLP": MLP, "ICNN": ICNN}


def words_of(name: str, net: Any) -> dict:
    """A network without its parameters, in words that JSON takes.

    TypeError for a network that is no `MLP` or `ICNN`: its definition cannot be written down.
    """
    kind = type(net).__name__
    if _KINDS.get(kind) is not type(net):
        raise TypeError(f"the network of {name} is a {kind}; expected one of {', '.join(_KINDS)}, whose "
                        "definition can be saved.")
    return {"kind": kind, **dataclasses.asdict(net)}


def network_of(words: dict) -> Any:
    """The network described by `words_of`; files from before ICNN name no kind."""
    given = dict(words)
    made = _KINDS[given.pop("kind", "MLP")]
    if given.get("output") is not None:
        given["output"] = Transform(**given["output"])
    return made(**given)
