"""Keras models with one flat parameter vector."""

import math
from typing import Any

import numpy as np

from pcl.engine import nodes
from pcl.support.types import Array, ArrayLike, Tensor

__all__ = ["KerasModel"]


class KerasModel:
    """A built Keras model y = K(x; θ) whose trainable weights are one flat float64 vector.

    θ holds the model's `trainable_variables` in their order, each in row-major order. Calling it
    gives plain TensorFlow operations, run with training=False, in which the non-trainable state of
    the model is constant. It is not a node: TensorFlow differentiates it, in batches where a
    Hessian is asked for, which is slower than the rules of `MLP`.

    Parameters
    ----------
    model : keras.Model
        Built (its weights exist), on the TensorFlow backend, in float64 throughout.

    Raises
    ------
    TypeError
        `model` is not a Keras model, or a weight, a layer or an input is not float64.
    ValueError
        The model is not built, has nothing to train, or Keras runs on another backend.

    Examples
    --------
    >>> import keras, numpy as np, pcl
    >>> inner = keras.Sequential([keras.Input((2,), dtype="float64"),
    ...                           keras.layers.Dense(3, "tanh", dtype="float64"),
    ...                           keras.layers.Dense(1, dtype="float64")])
    >>> net = pcl.KerasModel(inner)
    >>> net.size, net(net.init(), np.zeros((5, 2))).numpy().shape    # 2·3 + 3 + 3·1 + 1
    (13, (5, 1))
    """

    def __init__(self, model: Any):
        _check_model(model)
        self.model = model
        self._shapes = [tuple(v.shape) for v in model.trainable_variables]

    @property
    def size(self) -> int:
        """Number of trainable weights."""
        return sum(math.prod(shape) for shape in self._shapes)

    def init(self) -> Array:
        """The model's present trainable weights, a new array (size,)."""
        return np.concatenate([v.numpy().ravel()
                               for v in self.model.trainable_variables])

    def __call__(self, params: ArrayLike | Tensor, x: Any) -> Tensor:
        """K(x; params) for params (size,), a float64 tensor or array; x as the model takes it.

        ValueError if params has another shape; TypeError if it is a tensor of another dtype.
        """
        import tensorflow as tf
        params, x = nodes.as_input("params", params), nodes.as_input("x", x)
        if len(params.shape) != 1 or params.shape[0] not in (None, self.size):
            raise ValueError(f"params has shape {tuple(params.shape)} but the model has "
                             f"{self.size} trainable weights; expected shape ({self.size},), as "
                             "`init` returns.")
        lengths = [math.prod(shape) for shape in self._shapes]
        weights = [tf.reshape(piece, shape) for piece, shape
                   in zip(tf.split(params, lengths), self._shapes)]
        state = [v.value for v in self.model.non_trainable_variables]
        outputs, _ = self.model.stateless_call(weights, state, x, training=False)
        return outputs


def _check_model(model):
    import keras
    if not isinstance(model, keras.Model):
        raise TypeError(f"model is a {type(model).__name__}; expected a keras.Model.")
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"Keras runs on the backend {keras.backend.backend()!r}; expected "
                         "'tensorflow'. Set KERAS_BACKEND=tensorflow before importing keras.")
    if not model.built:
        raise ValueError(f"the model {model.name!r} is not built, so its weights do not exist yet. "
                         "Give it a keras.Input, or call it once on an array.")
    if not model.trainable_variables:
        raise ValueError(f"the model {model.name!r} has no trainable weights.")
    _check_float64(model)


def _check_float64(model):
    """TypeError unless every weight, layer and input of the model is float64."""
    found = [(f"weight {v.path!r}", v.dtype) for v in model.weights if "float" in str(v.dtype)]
    for part in _parts(model):
        found += _dtypes(part)
    for what, dtype in found:
        if str(dtype) != "float64":
            raise TypeError(
                f"the model {model.name!r} computes in {dtype} ({what}); expected float64, or "
                "second derivatives carry no digits. Call keras.config.set_floatx('float64') and "
                "keras.config.set_dtype_policy('float64') before building the model.")


def _parts(model):
    """The model, its layers, and those of the models nested in it."""
    import keras
    yield model
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _parts(layer)
        else:
            yield layer


def _dtypes(part):
    """(what, dtype) in which a part takes its input or computes.

    Functional and sequential models compute in their layers, but convert what they are given to
    the dtype of their `keras.Input`; an InputLayer only records that dtype.
    """
    import keras
    if isinstance(part, keras.Sequential):
        return [(f"input {t.name!r}", t.dtype) for t in part.inputs or ()]
    if isinstance(part, keras.layers.InputLayer):
        return [(f"input {part.name!r}", part.dtype)]
    if isinstance(part, keras.Model):
        return []
    return [(f"layer {part.name!r}", part.compute_dtype)]
