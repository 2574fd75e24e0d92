"""A law as a CasADi function."""

from __future__ import annotations

from typing import Any

from pcl.export.layers import Layers, layers_of
from pcl.export.packages import package
from pcl.support.types import ArrayLike

_FAR, _BEYOND = 20.0, 40.0      # log(1 + e^z) is z + e^−z to rounding there; where the other branch rests


def casadi(law: Any, params: ArrayLike | None = None, *, name: str = "law") -> Any:
    """The `casadi.Function` of a law, z (m,) of a (d,), in double precision.

    Parameters
    ----------
    law, params : as of `numpy_source`
    name : str, of the function

    Raises
    ------
    ImportError
        CasADi is not there (extra `casadi`).
    TypeError
        What is no law, or one whose network cannot be written down.

    Returns
    -------
    casadi.Function

    Examples
    --------
    >>> import numpy as np, pcl
    >>> from pcl import export
    >>> net = pcl.MLP([1, 2, 1])
    >>> f = export.casadi(net, net.init(0))
    >>> bool(np.isclose(float(f(0.3)), net(net.init(0), np.array([[0.3]]))[0, 0]))
    True
    """
    layers, ca = layers_of(law, params), package("casadi", "casadi")
    a = ca.SX.sym("a", len(layers.inputs))
    return ca.Function(name, [a], [expression(ca, layers, a)], ["a"], ["z"])


def expression(ca: Any, layers: Layers, a: Any) -> Any:
    """The outputs (m, 1) as an expression of a (d, 1)."""
    x = h = (a - layers.input_shift) / layers.input_scale
    last = len(layers.layers)
    for k, (W, V, b) in enumerate(layers.layers, 1):
        z = ca.mtimes(ca.DM(W.T), h) + ca.DM(b)
        if V.size:
            z = z + ca.mtimes(ca.DM(V.T), x)
        h = FUNCTIONS[layers.hidden if k < last else layers.output](ca, z)
    return ca.DM(layers.shift) + ca.DM(layers.scale) * h


def softplus(ca: Any, z: Any) -> Any:
    """log(1 + e^z) with its derivatives, without overflow: both branches are evaluated everywhere."""
    above = z + ca.log1p(ca.exp(-ca.fmax(z, -_BEYOND)))
    return ca.if_else(z > _FAR, above, ca.log1p(ca.exp(ca.fmin(z, _BEYOND))))


def sigmoid(ca: Any, z: Any) -> Any:
    """1/(1 + e^−z), whose derivatives do not overflow either."""
    return 0.5 * (1.0 + ca.tanh(0.5 * z))


FUNCTIONS = {
    "tanh": lambda ca, z: ca.tanh(z),
    "sin": lambda ca, z: ca.sin(z),
    "exp": lambda ca, z: ca.exp(z),
    "identity": lambda ca, z: z,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "swish": lambda ca, z: z * sigmoid(ca, z),
}
