"""Pointwise functions φ of a network: value, first and second derivative, TensorFlow operation.

    tanh      φ = tanh z           φ' = 1 − φ²            φ'' = −2 φ φ'
    sigmoid   φ = 1/(1 + e^−z)     φ' = φ(1 − φ)          φ'' = φ'(1 − 2φ)
    softplus  φ = log(1 + e^z)     φ' = 1 − e^−φ          φ'' = φ' e^−φ
    swish     φ = z s, s = sigmoid φ' = s + φ(1 − s)      φ'' = s(1 − s)(2 + z(1 − 2s))
    sin       φ = sin z            φ' = cos z             φ'' = −φ
    exp       φ = e^z              φ' = φ                 φ'' = φ
    identity  φ = z                φ' = 1                 φ'' = 0

Where the derivatives follow from the value alone, z need not be kept (`needs_input` is False).
No formula forms e^z of a positive z except exp itself, whose overflow to infinity is the caller's
to report; large arguments give finite derivatives.

All of them take complex arrays z + iεż with an ε so small that ε² is lost in rounding: what they give
is φ(z) + iε φ'(z) ż, to the accuracy of the real function, which is how derivatives along one more
direction are had (see `pcl.networks.point`). Polynomials in φ need nothing for that; what is no analytic
function of z, as |z|, is put together from its real parts by `_extended`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.networks.tanh import tanh
from pcl.support.validate import known

Array = np.ndarray


@dataclass(frozen=True)
class Activation:
    """One function φ with its derivatives on float64 arrays of any shape.

    Attributes
    ----------
    name : str
    value : (z, out) -> out, φ(z); `out` may be `z` itself.
    first : (z, a, out) -> out, φ'(z), where a = φ(z).
    second : (z, a, first, out) -> out, φ''(z), where first = φ'(z).
    tensorflow : tensor -> tensor, φ in TensorFlow, differentiable to any order.
    needs_input : bool
        Whether `first` and `second` read z. If not, they accept z = None.
    linear : bool
        Whether φ'' is identically zero.
    """

    name: str
    value: Callable[[Array, Array], Array]
    first: Callable[[Any, Array, Array], Array]
    second: Callable[[Any, Array, Array, Array], Array]
    tensorflow: Callable[[Any], Any]
    needs_input: bool = False
    linear: bool = False


def _extended(slope):
    """φ on arrays z + iεż as φ(z) + iε φ'(z) ż, from φ and φ' = slope(z, φ(z), out) on real ones."""
    def decorated(value):
        @functools.wraps(value)
        def function(z, out):
            if not np.iscomplexobj(z):
                return value(z, out)
            real = z.real.copy()
            a = value(real, np.empty_like(real))
            out.imag = slope(real, a, np.empty_like(a)) * z.imag
            out.real = a
            return out
        return function
    return decorated


# tanh --------------------------------------------------------------------------------------------

def _tanh_first(z: Any, a: Array, out: Array) -> Array:
    np.multiply(a, a, out=out)
    return np.subtract(1.0, out, out=out)


@_extended(_tanh_first)
def _tanh(z: Array, out: Array) -> Array:
    return tanh(z, out)


def _tanh_second(z: Any, a: Array, first: Array, out: Array) -> Array:
    np.multiply(a, first, out=out)
    out *= -2.0
    return out


def _tanh_tensorflow(z: Any) -> Any:
    import tensorflow as tf
    return tf.tanh(z)


# sigmoid -----------------------------------------------------------------------------------------

def _sigmoid_first(z: Any, a: Array, out: Array) -> Array:
    np.subtract(1.0, a, out=out)
    out *= a
    return out


@_extended(_sigmoid_first)
def _sigmoid(z: Array, out: Array) -> Array:
    """1/(1 + e^−z) through e^−|z|, so that nothing overflows and small values keep their digits."""
    e = np.abs(z)
    np.negative(e, out=e)
    np.exp(e, out=e)
    numerator = np.where(z >= 0.0, 1.0, e)
    e += 1.0
    return np.divide(numerator, e, out=out)


def _sigmoid_second(z: Any, a: Array, first: Array, out: Array) -> Array:
    np.multiply(a, -2.0, out=out)
    out += 1.0
    out *= first
    return out


def _sigmoid_tensorflow(z: Any) -> Any:
    import tensorflow as tf
    return tf.sigmoid(z)


# softplus ----------------------------------------------------------------------------------------

def _softplus_first(z: Any, a: Array, out: Array) -> Array:
    np.negative(a, out=out)
    np.expm1(out, out=out)
    return np.negative(out, out=out)


@_extended(_softplus_first)
def _softplus(z: Array, out: Array) -> Array:
    """log(1 + e^z) = max(z, 0) + log(1 + e^−|z|)."""
    e = np.abs(z)
    np.negative(e, out=e)
    np.exp(e, out=e)
    np.log1p(e, out=e)
    np.maximum(z, 0.0, out=out)
    out += e
    return out


def _softplus_second(z: Any, a: Array, first: Array, out: Array) -> Array:
    np.negative(a, out=out)
    np.exp(out, out=out)
    out *= first
    return out


def _softplus_tensorflow(z: Any) -> Any:
    import tensorflow as tf
    return tf.nn.softplus(z)


# swish -------------------------------------------------------------------------------------------

def _swish(z: Array, out: Array) -> Array:
    return np.multiply(z, _sigmoid(z, np.empty_like(z)), out=out)


def _swish_first(z: Array, a: Array, out: Array) -> Array:
    s = _sigmoid(z, np.empty_like(z))
    np.subtract(1.0, s, out=out)
    out *= a
    out += s
    return out


def _swish_second(z: Array, a: Array, first: Array, out: Array) -> Array:
    s = _sigmoid(z, np.empty_like(z))
    np.multiply(s, -2.0, out=out)
    out += 1.0
    out *= z
    out += 2.0
    out *= s
    out *= np.subtract(1.0, s, out=s)
    return out


def _swish_tensorflow(z: Any) -> Any:
    import tensorflow as tf
    return z * tf.sigmoid(z)


# sin ---------------------------------------------------------------------------------------------

def _sin_tensorflow(z: Any) -> Any:
    import tensorflow as tf
    return tf.sin(z)


# exp and identity: output transforms only --------------------------------------------------------

def _exp(z: Array, out: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.exp(z, out=out)


def _exp_tensorflow(z: Any) -> Any:
    import tensorflow as tf
    return tf.exp(z)


def _copy(a: Array, out: Array) -> Array:
    if out is not a:
        np.copyto(out, a)
    return out


def _constant(number: float, out: Array) -> Array:
    out.fill(number)
    return out


_ALL = (
    Activation("tanh", _tanh, _tanh_first, _tanh_second, _tanh_tensorflow),
    Activation("sigmoid", _sigmoid, _sigmoid_first, _sigmoid_second, _sigmoid_tensorflow),
    Activation("softplus", _softplus, _softplus_first, _softplus_second, _softplus_tensorflow),
    Activation("swish", _swish, _swish_first, _swish_second, _swish_tensorflow, needs_input=True),
    Activation("sin", lambda z, out: np.sin(z, out=out), lambda z, a, out: np.cos(z, out=out),
               lambda z, a, first, out: np.negative(a, out=out), _sin_tensorflow, needs_input=True),
    Activation("exp", _exp, lambda z, a, out: _copy(a, out), lambda z, a, first, out: _copy(a, out),
               _exp_tensorflow),
    Activation("identity", _copy, lambda z, a, out: _constant(1.0, out),
               lambda z, a, first, out: _constant(0.0, out), lambda z: z, linear=True),
)
_TABLE = {activation.name: activation for activation in _ALL}

HIDDEN = ("tanh", "sigmoid", "softplus", "swish", "sin")
OUTPUT = ("identity", "softplus", "exp", "sigmoid")


def named(argument, name, choices):
    """The function called `name`, one of `choices`; ValueError naming `argument` otherwise."""
    return _TABLE[known(argument, name, choices)]
