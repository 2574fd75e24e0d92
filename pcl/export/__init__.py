"""Trained laws and models for other programs: source in NumPy and C, ONNX, CasADi, a formula.

    numpy_source(law), c_source(law)    text that needs nothing of this library
    onnx(law)                           an ONNX model in double precision
    casadi(law), casadi_model(fit)      a CasADi function; rates and equations of a model as expressions
    formula(law)                        the shortest formula of a small library that follows the law

A law is what `Fit.laws` or a loaded file has, or a network with its parameters.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pcl.export.c_code import c_source as c_source
    from pcl.export.casadi_function import casadi as casadi
    from pcl.export.right_hand_side import CasadiModel as CasadiModel, casadi_model as casadi_model
    from pcl.export.formulas import Formula as Formula, formula as formula
    from pcl.export.numpy_text import numpy_source as numpy_source
    from pcl.export.onnx_graph import onnx as onnx

_HOME = {
    "c_source": "c_code",
    "casadi": "casadi_function",
    "casadi_model": "right_hand_side", "CasadiModel": "right_hand_side",
    "formula": "formulas", "Formula": "formulas",
    "numpy_source": "numpy_text",
    "onnx": "onnx_graph",
}

__all__ = sorted(_HOME)


if not TYPE_CHECKING:       # a checker refuses names that are not there
    def __getattr__(name):
        if name not in _HOME:
            from pcl.support.nearest import nearest
            raise AttributeError(f"module 'pcl.export' has no attribute {name!r}; it offers "
                                 f"{', '.join(__all__)}.{nearest(name, __all__)}")
        value = getattr(importlib.import_module(f"pcl.export.{_HOME[name]}"), name)
        globals()[name] = value
        return value


def __dir__():
    return sorted({*globals(), *__all__})
