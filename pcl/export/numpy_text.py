"""A law as source that needs NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from pcl.export.layers import Layers, layers_of
from pcl.export.names import identifier
from pcl.support.types import ArrayLike

_FUNCTIONS = {
    "tanh": "tanh = np.tanh",
    "sin": "sin = np.sin",
    "exp": "exp = np.exp",
    "sigmoid": """def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0.0, 1.0, e) / (1.0 + e)""",
    "softplus": """def softplus(z):
    return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))""",
    "swish": """def swish(z):
    e = np.exp(-np.abs(z))
    return z * np.where(z >= 0.0, 1.0, e) / (1.0 + e)""",
}


def numpy_source(law: Any, params: ArrayLike | None = None, *, name: str = "law") -> str:
    """The text of a module with one function, `name(a)`, from inputs (n, d) to outputs (n, m).

    Parameters
    ----------
    law : a law of a fit, of a loaded file, or a network with `params`
    params : (size,), of a network
    name : str, a Python identifier

    Raises
    ------
    TypeError
        What is no law, or one whose network cannot be written down.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np, pcl
    >>> from pcl import export
    >>> net = pcl.MLP([1, 2, 1])
    >>> space = {}
    >>> exec(export.numpy_source(net, net.init(0), name="conductivity"), space)
    >>> a = np.array([[0.3], [0.7]])
    >>> bool(np.allclose(space["conductivity"](a), net(net.init(0), a), rtol=1e-14))
    True
    """
    layers, name = layers_of(law, params), identifier(name)
    parts = [f'"""{", ".join(layers.outputs)} as a function of {", ".join(layers.inputs)}."""',
             "import numpy as np", *(_FUNCTIONS[f] for f in layers.functions), _constants(layers),
             _function(layers, name)]
    return "\n\n".join(parts) + "\n"


def _constants(layers):
    """Every number with all its digits."""
    named = {"INPUT_SHIFT": layers.input_shift, "INPUT_SCALE": layers.input_scale, "SHIFT": layers.shift,
             "SCALE": layers.scale}
    for k, (W, V, b) in enumerate(layers.layers, 1):
        named |= {f"W{k}": W, **({f"V{k}": V} if V.size else {}), f"b{k}": b}
    return "\n".join(f"{name} = np.array({_literal(value)})" for name, value in named.items())


def _literal(value):
    return repr(np.asarray(value, dtype=np.float64).tolist())


def _function(layers: Layers, name):
    lines = [f"def {name}(a):",
             f'    """({", ".join(layers.outputs)}) (n, {len(layers.outputs)}) at a (n, '
             f'{len(layers.inputs)}), columns {", ".join(layers.inputs)}."""',
             f"    a = np.asarray(a, dtype=np.float64).reshape(-1, {len(layers.inputs)})",
             "    x = h = (a - INPUT_SHIFT) / INPUT_SCALE"]
    last = len(layers.layers)
    for k, (_, V, _) in enumerate(layers.layers, 1):
        z = f"h @ W{k}" + (f" + x @ V{k}" if V.size else "") + f" + b{k}"
        function = layers.hidden if k < last else layers.output
        lines.append(f"    h = {z}" if function == "identity" else f"    h = {function}({z})")
    return "\n".join([*lines, "    return SHIFT + SCALE * h"])
