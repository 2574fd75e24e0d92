"""What a law computes, as matrices and names of functions: read by all writers.

    a₀ = x = (a − s_in) / c_in,   z_l = a_{l−1} W_l + x V_l + b_l,   a_l = φ(z_l) for l < L,
    z = s_out + c_out f(z_L)
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.dae.laws.law import Law, TrainedLaw
from pcl.networks.field import Field
from pcl.networks.icnn import ICNN
from pcl.networks.layered import Layered
from pcl.networks.mlp import MLP
from pcl.networks.monotone import MonotoneMLP
from pcl.networks.transform import of_output
from pcl.saved.solution import SavedLaw
from pcl.support.types import Array, ArrayLike


@dataclass(frozen=True, eq=False)
class Layers:
    """A law of d inputs and m outputs.

    Attributes
    ----------
    inputs, outputs : names
    input_shift, input_scale : (d,), s_in and c_in
    layers : [(W_l (w_{l−1}, w_l), V_l (d, w_l) or without rows, b_l (w_l,)), …]
    hidden, output : names of φ and f, see `pcl.networks.activations`
    shift, scale : (m,), s_out and c_out
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    input_shift: Array
    input_scale: Array
    layers: list[tuple[Array, Array, Array]]
    hidden: str
    output: str
    shift: Array
    scale: Array

    @property
    def normalised(self) -> bool:
        """Whether inputs are shifted or scaled."""
        return bool(self.input_shift.any() or (self.input_scale != 1.0).any())

    @property
    def shifted(self) -> bool:
        """Whether outputs are shifted or scaled."""
        return bool(self.shift.any() or (self.scale != 1.0).any())

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions that occur, each once."""
        used = {self.hidden} if len(self.layers) > 1 else set()
        return tuple(sorted((used | {self.output}) - {"identity"}))


def layers_of(law: Any, params: ArrayLike | None = None) -> Layers:
    """The `Layers` of a trained law, a saved law, or a network with its parameters.

    Raises
    ------
    TypeError
        Something else, or a network that is no `MLP`, `MonotoneMLP` or `ICNN`, by its name.
    ValueError
        A network without parameters, or of another size.
    """
    return _law(law, params)


@functools.singledispatch
def _law(law, params):
    raise TypeError(f"law is a {type(law).__name__}; expected a law of a fit, a law of a loaded file, or "
                    "an MLP or ICNN with its parameters.")


@_law.register
def _(law: TrainedLaw, params):
    return _named(law.law, law.theta)


@_law.register
def _(law: Law, params):
    return _named(law, _given(params))


@_law.register
def _(law: SavedLaw, params):
    return _plain(law.net, law.params)


@_law.register
def _(law: Layered, params):
    return _plain(law, _given(params))


@_law.register
def _(law: Field, params):
    return _plain(law, _given(params))


def _given(params):
    if params is None:
        raise ValueError("params is None; expected the parameters (size,) of the network.")
    return params


@functools.singledispatch
def _plain(net, params):
    pieces = _pieces(net, params)
    return Layers(tuple(f"x{i}" for i in range(net.n_in)), tuple(f"y{i}" for i in range(net.n_out)),
                  np.zeros(net.n_in), np.ones(net.n_in), pieces, net.activation, *_output(net))


@_plain.register
def _(net: Field, params):
    return dataclasses.replace(_plain(net.net, params), input_shift=net.shift, input_scale=net.scale)


def _named(law, theta):
    net = law.net
    pieces = _pieces(net, theta)
    function, shift, scale = _output(net)
    return Layers(law.inputs, law.outputs, law.input_shift, law.input_scale, pieces, net.activation,
                  function, law.output_shift + law.output_scale * shift, law.output_scale * scale)


def _output(net):
    """(f, shift (m,), scale (m,)) of a network."""
    output = of_output(net.output)
    return output.function, np.full(net.n_out, output.shift), np.full(net.n_out, output.scale)


@functools.singledispatch
def _pieces(net, params):
    raise TypeError(f"the law has a network of type {type(net).__name__}; only MLP, MonotoneMLP and ICNN "
                    "can be exported.")


@_pieces.register
def _(net: MLP, params):
    return [(W, np.zeros((0, b.size)), b) for W, b in net.unravel(params)]


@_pieces.register
def _(net: MonotoneMLP, params):
    return [(W, np.zeros((0, b.size)), b) for W, b in net.unravel(params)]


@_pieces.register
def _(net: ICNN, params):
    return net.unravel(params)
