"""Networks in the rates: multilayer perceptrons of PEtab SciML in the place of parameters of a model.

    p(t) = N(inputs; θ),   inputs states or the time

Source: the specification of PEtab SciML (format of networks, mapping, hybridization, array data).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pcl.dae.petab.expression import Node
from pcl.dae.petab.sbml_math import Reader
from pcl.dae.petab.unsupported import Unsupported
from pcl.networks.mlp import MLP
from pcl.support.optional import of_extra
from pcl.support.types import Array

EXTENSIONS = ("petab_sciml", "sciml")
_HIDDEN = {"tanh": "tanh", "sigmoid": "sigmoid", "softplus": "softplus", "silu": "swish", "sin": "sin"}
_MODULES = {"Tanh": "tanh", "Sigmoid": "sigmoid", "Softplus": "softplus", "SiLU": "silu"}
_PLACE = re.compile(r"^(\w+)\.(inputs|outputs)\[0\]\[(\d+)\]$")


@dataclass(frozen=True, eq=False)
class Part:
    """One network of a problem.

    Attributes
    ----------
    name : str; net : MLP
    inputs : tuple of trees; outputs : parameters of the model that it gives
    weights : (net.size,) of the array files, None where there are none
    """

    name: str
    net: MLP
    inputs: tuple[Node, ...]
    outputs: tuple[str, ...]
    weights: Array | None


def parts_of(folder: Path, extension: Mapping[str, Any], mapping: Mapping[str, str],
             fixed: frozenset[str]) -> tuple[Part, ...]:
    """The networks of a problem.

    Parameters
    ----------
    extension : section of the problem file
    mapping : {name in the tables: part of a network}
    fixed : names of parameters of networks that are not estimated

    Raises
    ------
    Unsupported
        Networks before the simulation or of other formats, other layers than linear ones with one
        activation between them, known weights, inputs or outputs that are not assigned.
    """
    if fixed:
        raise Unsupported(f"{sorted(fixed)[0]!r} are known weights of a network, which is not "
                          "supported.")
    pandas = of_extra("pandas", "read_petab", "petab")
    targets = {str(row["targetId"]): row["targetValue"] for name in extension["hybridization_files"]
               for row in pandas.read_csv(folder / name, sep="\t").to_dict("records")}
    arrays = [folder / name for name in extension.get("array_files") or []]
    return tuple(_part(folder, name, each, mapping, targets, arrays)
                 for name, each in extension["neural_networks"].items())


def _part(folder, name, given, mapping, targets, arrays):
    if str(given.get("format", "yaml")).lower() != "yaml" or given.get("static"):
        kind = "static" if given.get("static") else given["format"]
        raise Unsupported(f"the network {name!r} is {kind}; expected a dynamic one of the format yaml.")
    petab = of_extra("petab.v1", "read_petab", "petab")
    net, layers = network_of(name, petab.yaml.load_yaml(str(folder / given["location"])))
    places = {found[1:]: entity for entity, part in mapping.items()
              for found in _PLACE.findall(part) if found[0] == name}
    inputs = []
    for k in range(net.n_in):
        entity = places.get(("inputs", str(k)))
        if entity not in targets:
            raise Unsupported(f"input {k} of the network {name!r} has no value in the table of "
                              "hybridization.")
        inputs.append(Reader().formula(targets[entity], f"input {k} of {name}"))
    given_by = {value: target for target, value in targets.items()}
    outputs = [given_by.get(places.get(("outputs", str(k)), ""), "") for k in range(net.n_out)]
    if "" in outputs:
        raise Unsupported(f"output {outputs.index('')} of the network {name!r} stands for no "
                          "parameter of the model.")
    return Part(name, net, tuple(inputs), tuple(outputs), _weights(name, layers, arrays))


def network_of(name: str, content: Mapping[str, Any]) -> tuple[MLP, list[str]]:
    """(MLP, ids of its linear layers) of a network's file: linear layers with activations between them.

    Raises
    ------
    Unsupported
        What a layer, a function or the order of the calls is otherwise.
    """
    kinds = {layer["layer_id"]: layer for layer in content["layers"]}
    steps, last = [], None
    for node in content["forward"]:
        if node["op"] == "placeholder" and last is None:
            last = node["name"]
            continue
        args = node.get("args") or []
        args = args[0] if args and isinstance(args[0], list) else args
        if not args or args[0] != last:
            raise Unsupported(f"the network {name!r} is no chain of layers, at {node['name']!r}.")
        if node["op"] == "output":
            break
        layer = kinds.get(node["target"])
        steps.append((layer["layer_type"], layer) if layer else (str(node["target"]), None))
        last = node["name"]
    return _chain(name, steps)


def _chain(name, steps):
    widths: list[int] = []
    layers, used = [], []
    for k, (kind, layer) in enumerate(steps):
        function = _MODULES.get(kind, kind)
        if kind == "Linear" and k % 2 == 0:
            args = layer["args"]
            if args.get("bias") is False:
                raise Unsupported(f"the layer {layer['layer_id']!r} of {name!r} has no bias, which is "
                                  "not supported.")
            widths += [args["in_features"]] if not widths else []
            widths.append(args["out_features"])
            layers.append(layer["layer_id"])
        elif k % 2 == 1 and function in _HIDDEN and k < len(steps) - 1:
            used.append(_HIDDEN[function])
        else:
            raise Unsupported(f"step {k + 1} of the network {name!r} is {kind!r}; expected linear layers "
                              f"with one of {', '.join(_HIDDEN)} between them.")
    if len(set(used)) > 1:
        raise Unsupported(f"the network {name!r} has the activations {', '.join(used)}; expected one.")
    return MLP(tuple(widths), *used[:1]), layers


def _weights(name, layers, arrays):
    """θ of the array files, as `MLP` has it; None where no file has any."""
    h5py = of_extra("h5py", "read_petab", "petab")
    for path in arrays:
        with h5py.File(path) as file:
            group = file.get(f"parameters/{name}")
            if group is not None:
                parts = [(np.array(group[layer]["weight"]).T, np.array(group[layer]["bias"]))
                         for layer in layers]
                theta = np.concatenate([each.ravel() for pair in parts for each in pair])
                return theta.astype(np.float64)
    return None
