"""A law as C source (C99, double precision, the standard library alone)."""

from __future__ import annotations

from typing import Any

import numpy as np

from pcl.export.layers import Layers, layers_of
from pcl.export.names import identifier
from pcl.support.types import ArrayLike

_FUNCTIONS = {
    "sigmoid": """static double sigmoid(double z)
{
    double e = exp(-fabs(z));
    return (z >= 0.0 ? 1.0 : e) / (1.0 + e);
}""",
    "softplus": """static double softplus(double z)
{
    return fmax(z, 0.0) + log1p(exp(-fabs(z)));
}""",
    "swish": """static double swish(double z)
{
    double e = exp(-fabs(z));
    return z * (z >= 0.0 ? 1.0 : e) / (1.0 + e);
}""",
}
_LINE = 8       # numbers a line


def c_source(law: Any, params: ArrayLike | None = None, *, name: str = "law") -> str:
    """C source of `void name(const double a[d], double z[m])`, the outputs at one point.

    Compile with `cc -O2 -c file.c` and link with -lm. It keeps no state, so that threads may share it.

    Parameters
    ----------
    law, params : as of `numpy_source`
    name : str, an identifier

    Raises
    ------
    TypeError
        What is no law, or one whose network cannot be written down.

    Returns
    -------
    str

    Examples
    --------
    >>> import pcl
    >>> from pcl import export
    >>> net = pcl.MLP([1, 2, 1])
    >>> source = export.c_source(net, net.init(0), name="conductivity")
    >>> [line for line in source.splitlines() if line.startswith("void")]
    ['void conductivity(const double a[1], double z[1])']
    """
    layers, name = layers_of(law, params), identifier(name)
    head = f"/* {', '.join(layers.outputs)} as a function of {', '.join(layers.inputs)}. */"
    functions = [_FUNCTIONS[f] for f in layers.functions if f in _FUNCTIONS]
    return "\n\n".join([f"{head}\n#include <math.h>", *functions, _constants(layers),
                        _function(layers, name)]) + "\n"


def _constants(layers):
    named = {"INPUT_SHIFT": layers.input_shift, "INPUT_SCALE": layers.input_scale, "SHIFT": layers.shift,
             "SCALE": layers.scale}
    for k, (W, V, b) in enumerate(layers.layers, 1):
        named |= {f"W{k}": W, **({f"V{k}": V} if V.size else {}), f"B{k}": b}
    return "\n".join(_array(name, value) for name, value in named.items())


def _array(name, value):
    """Row-major, with all digits."""
    numbers = [f"{x:.17g}" for x in np.ravel(value)]
    rows = [", ".join(numbers[i:i + _LINE]) for i in range(0, len(numbers), _LINE)]
    return f"static const double {name}[{len(numbers)}] = {{\n    " + ",\n    ".join(rows) + "};"


def _function(layers: Layers, name):
    d, m, last = len(layers.inputs), len(layers.outputs), len(layers.layers)
    lines = [f"/* a: {', '.join(layers.inputs)}; z: {', '.join(layers.outputs)} */",
             f"void {name}(const double a[{d}], double z[{m}])", "{", f"    double x[{d}];",
             *(f"    double h{k}[{b.size}];" for k, (_, _, b) in enumerate(layers.layers, 1)),
             f"    for (int i = 0; i < {d}; i++)",
             "        x[i] = (a[i] - INPUT_SHIFT[i]) / INPUT_SCALE[i];"]
    for k, (W, V, b) in enumerate(layers.layers, 1):
        function = layers.hidden if k < last else layers.output
        lines += _layer(k, W.shape[0], V.shape[0], b.size, function)
    return "\n".join([*lines, f"    for (int j = 0; j < {m}; j++)",
                      f"        z[j] = SHIFT[j] + SCALE[j] * h{last}[j];", "}"])


def _layer(k, before, skips, width, function):
    value = "s" if function == "identity" else f"{function}(s)"
    rows = [(before, "x" if k == 1 else f"h{k - 1}", "W"), (skips, "x", "V")]
    return [f"    for (int j = 0; j < {width}; j++) {{", f"        double s = B{k}[j];",
            *(f"        for (int i = 0; i < {n}; i++) s += {source}[i] * {matrix}{k}[i * {width} + j];"
              for n, source, matrix in rows if n),
            f"        h{k}[j] = {value};", "    }"]
