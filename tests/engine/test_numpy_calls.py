"""NumPy inside a loss is answered in one sentence with TensorFlow's name for it."""
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

import pcl
from pcl.support.numpy_calls import NAMES, tensorflow_name

UNARY = [name for name in dir(np)
         if isinstance(getattr(np, name), np.ufunc) and getattr(np, name).nin == 1]


def told(loss):
    with pytest.raises(TypeError) as caught:
        pcl.Problem(loss, {"a": np.full(3, 0.5)})
    return str(caught.value)


@pytest.mark.parametrize("name", UNARY)
def test_every_function_of_one_array_is_named_and_what_takes_its_place(name):
    function = getattr(np, name)
    words = told(lambda t: tf.reduce_sum(function(t["a"])))
    assert words.startswith("function is called on a tensor, which has no value while the loss is traced")


@pytest.mark.parametrize("name", sorted({*NAMES, *UNARY}))
def test_what_is_recommended_exists_and_gives_the_same_numbers(name):
    recommended = tensorflow_name(f"np.{name}")
    if not recommended.startswith("tf.") or "(" in recommended:
        return
    found = tf
    for part in recommended.split(".")[1:]:
        found = getattr(found, part)
    assert callable(found)
    if name in UNARY and name not in ("conj", "conjugate", "bitwise_count", "bitwise_not", "invert",
                                      "bitwise_invert", "logical_not"):
        x = np.array([1.5, 2.25]) if name == "arccosh" else np.array([0.3, 0.9])
        np.testing.assert_allclose(found(tf.constant(x)), getattr(np, name)(x), rtol=1e-12)


@pytest.mark.parametrize("loss, words", [
    (lambda t: tf.reduce_sum(np.exp(t["a"])), "np.exp is called on a tensor, .*; use tf.exp."),
    (lambda t: np.sum(t["a"]), "np.sum is called .* use tf.reduce_sum."),
    (lambda t: np.linalg.norm(t["a"]), "np.linalg.norm is called .* use tf.norm."),
    (lambda t: tf.reduce_sum(scipy.special.expit(t["a"])), "scipy.special.expit .* use tf.sigmoid."),
    (lambda t: tf.reduce_sum(np.maximum(t["a"], 0.0)), "use tf.maximum."),
    (lambda t: float(t["a"][0]), "float is called on a tensor"),
    (lambda t: t["a"][0] if t["a"][0] > 0 else 0.0, r'`t\["a"\]\[0\] > 0` asks .*tf.where'),
    (lambda t: tf.constant(t["a"].numpy().sum()), r'`t\["a"\].numpy` gives a tensor to NumPy')])
def test_what_stands_in_the_loss_is_quoted(loss, words):
    with pytest.raises(TypeError, match=words):
        pcl.Problem(loss, {"a": np.full(3, 0.5)})


def test_other_errors_of_a_loss_pass_unchanged():
    with pytest.raises(AttributeError, match="has no attribute 'foo'"):
        pcl.Problem(lambda t: t["a"].foo, {"a": np.zeros(2)})


def test_numpy_in_the_equations_of_a_dae_is_explained():
    model = pcl.dae.Model(states=["x"], rates=lambda v: {"x": -np.exp(v.x)})
    data = pcl.dae.Trajectory([0.0, 1.0, 2.0], {"x": [1.0, 0.5, 0.2]})
    with pytest.raises(TypeError, match="np.exp is called .* while the model is traced; use tf.exp"):
        pcl.dae.fit(model, data=data)
