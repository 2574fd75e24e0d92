"""NumPy called on a tensor that is traced: said in one sentence, with TensorFlow's name for it."""

import contextlib
import linecache
import os
import re
import traceback

import numpy as np
import scipy

# Functions whose names differ; the others are looked for in tf, tf.math, tf.linalg and tf.nn.
NAMES = {
    "absolute": "tf.abs", "fabs": "tf.abs", "power": "tf.pow", "float_power": "tf.pow",
    "sum": "tf.reduce_sum", "mean": "tf.reduce_mean", "average": "tf.reduce_mean",
    "prod": "tf.reduce_prod", "max": "tf.reduce_max", "amax": "tf.reduce_max", "min": "tf.reduce_min",
    "amin": "tf.reduce_min", "any": "tf.reduce_any", "all": "tf.reduce_all",
    "std": "tf.math.reduce_std", "var": "tf.math.reduce_variance", "concatenate": "tf.concat",
    "hstack": "tf.concat", "vstack": "tf.concat", "column_stack": "tf.stack", "dot": "tf.tensordot",
    "inner": "tf.tensordot", "vdot": "tf.tensordot", "arcsin": "tf.asin", "arccos": "tf.acos",
    "arctan": "tf.atan", "arctan2": "tf.atan2", "arcsinh": "tf.asinh", "arccosh": "tf.acosh",
    "arctanh": "tf.atanh", "clip": "tf.clip_by_value", "true_divide": "tf.divide",
    "remainder": "tf.math.floormod", "mod": "tf.math.floormod", "isfinite": "tf.math.is_finite",
    "isnan": "tf.math.is_nan", "isinf": "tf.math.is_inf", "expit": "tf.sigmoid",
    "gammaln": "tf.math.lgamma", "psi": "tf.math.digamma", "append": "tf.concat",
    "ravel": "tf.reshape", "array": "tf.stack", "asarray": "tf.convert_to_tensor",
    "log10": "tf.math.log(x)/np.log(10)", "log2": "tf.math.log(x)/np.log(2)", "exp2": "2.0 ** x",
    "cbrt": "tf.pow(x, 1/3)", "hypot": "tf.sqrt(x**2 + y**2)", "float": "the tensor itself",
    "logaddexp": "tf.reduce_logsumexp", "reciprocal": "tf.math.reciprocal", "log": "tf.math.log"}

_SIGNS = ("to a numpy array", "not 'SymbolicTensor'", "as a Python `bool`", "no attribute 'numpy'",
          "as a Python `int`", "iterating over a symbolic")


@contextlib.contextmanager
def explained(what="loss"):
    """Around user code that is traced: TensorFlow's refusal of NumPy becomes a TypeError in our words."""
    try:
        yield
    except (NotImplementedError, TypeError, AttributeError) as error:   # TensorFlow's own is a TypeError
        if not any(sign in str(error) for sign in _SIGNS):
            raise
        raise TypeError(_sentence(error, what)) from error


def _sentence(error, what):
    said = _said(error.__traceback__)
    called = re.match(r"([A-Za-z_][\w.]*)\(", said)
    if "as a Python `bool`" in str(error):
        return (f"`{said or 'a comparison'}` asks a tensor for its truth, but it has no value while the "
                f"{what} is traced; use tf.where(condition, a, b), or tf.maximum and tf.minimum.")
    if called is None:
        return (f"`{said or 'an expression'}` gives a tensor to NumPy, but it has no value while the "
                f"{what} is traced; use TensorFlow's functions, for example tf.exp for np.exp.")
    return (f"{called[1]} is called on a tensor, which has no value while the {what} is traced; use "
            f"{tensorflow_name(called[1])}.")


def _said(trace):
    """The expression that met the error, of the last line that is none of the packages'."""
    import tensorflow as tf
    foreign = tuple(os.path.dirname(str(package.__file__)) + os.sep for package in (np, scipy, tf))
    for frame in reversed(traceback.extract_tb(trace)):
        if not frame.filename.startswith(foreign):
            line = linecache.getline(frame.filename, frame.lineno or 0).encode()
            end = frame.end_colno if frame.end_lineno == frame.lineno else None
            return line[frame.colno:end].decode(errors="replace").strip()
    return ""


def tensorflow_name(called):
    """What TensorFlow calls a function of NumPy or SciPy, "np.exp" -> "tf.exp"."""
    import tensorflow as tf
    name = called.split(".")[-1]
    if name in NAMES:
        return NAMES[name]
    for home, prefix in ((tf, "tf"), (tf.math, "tf.math"), (tf.linalg, "tf.linalg"), (tf.nn, "tf.nn")):
        if callable(getattr(home, name, None)):
            return f"{prefix}.{name}"
    return "TensorFlow's operations in its place, for example tf.exp for np.exp"
