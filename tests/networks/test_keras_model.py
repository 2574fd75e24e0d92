"""A Keras model as a function of one flat float64 vector."""

import numpy as np
import pytest

from pcl.networks.keras_model import KerasModel
from pcl.networks.mlp import MLP

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")


def dense(units, activation=None, dtype="float64"):
    return keras.layers.Dense(units, activation=activation, dtype=dtype)


def sequential(*layers, n_in=2, dtype="float64"):
    return keras.Sequential([keras.Input((n_in,), dtype=dtype), *layers])


@pytest.fixture
def x():
    return np.random.default_rng(5).standard_normal((6, 2))


def test_value_is_that_of_the_model_at_its_own_weights(x):
    model = sequential(dense(4, "tanh"), dense(3))
    adapter = KerasModel(model)
    np.testing.assert_array_equal(adapter(adapter.init(), x), model(tf.constant(x)))


def test_dense_layers_are_the_mlp_with_the_same_parameters(x):
    adapter = KerasModel(sequential(dense(4, "tanh"), dense(5, "tanh"), dense(1)))
    net = MLP([2, 4, 5, 1])
    params = np.random.default_rng(1).standard_normal(net.size)
    assert adapter.size == net.size
    np.testing.assert_allclose(adapter(params, x), net.at(params, x).value, rtol=0, atol=1e-14)


def test_hessian_by_tensorflow_is_the_structured_curvature(x):
    adapter, net = KerasModel(sequential(dense(4, "tanh"), dense(1))), MLP([2, 4, 1])
    params = tf.constant(net.init(seed=3))
    with tf.GradientTape() as outer:
        outer.watch(params)
        with tf.GradientTape() as inner:
            inner.watch(params)
            s = tf.reduce_sum(adapter(params, x))
        gradient = inner.gradient(s, params)
    hessian = outer.jacobian(gradient, params)
    expected = net.at(params, x).curvature(np.ones((6, 1)))
    np.testing.assert_allclose(hessian, expected, rtol=0, atol=1e-13)


def test_calling_leaves_the_weights_of_the_model_alone(x):
    model = sequential(dense(3, "tanh"), dense(1))
    adapter = KerasModel(model)
    before = adapter.init()
    adapter(before + 1.0, x)
    np.testing.assert_array_equal(adapter.init(), before)


def test_normalisation_and_dropout_run_as_in_prediction(x):
    model = sequential(dense(4, "tanh"), keras.layers.BatchNormalization(dtype="float64"),
                       keras.layers.Dropout(0.5, dtype="float64"), dense(1))
    adapter = KerasModel(model)
    state = [v.numpy() for v in model.non_trainable_variables]
    first, second = (adapter(adapter.init(), x).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, model(tf.constant(x), training=False))
    for before, now in zip(state, model.non_trainable_variables):
        np.testing.assert_array_equal(before, now.numpy())


def test_works_inside_a_traced_function(x):
    adapter = KerasModel(sequential(dense(3, "tanh"), dense(1)))
    traced = tf.function(lambda p: adapter(p, tf.constant(x)))
    params = tf.constant(adapter.init())
    np.testing.assert_allclose(traced(params), adapter(params, x), rtol=0, atol=1e-15)


def float32_model():
    return sequential(dense(3, dtype="float32"), dense(1, dtype="float32"), dtype="float32")


def float32_input():
    return sequential(dense(3), dense(1), dtype="float32")


def float32_layer_in_a_nested_model():
    return sequential(sequential(dense(3, dtype="float32")), dense(1))


def float32_input_of_a_nested_model():
    return sequential(sequential(dense(3), dtype="float32"), dense(1))


def float32_input_of_a_functional_model():
    entry = keras.Input((2,), dtype="float32")
    return keras.Model(entry, dense(1)(entry))


def half_precision_computation():
    policy = keras.DTypePolicy("mixed_float16")
    return sequential(keras.layers.Dense(1, dtype=policy))


@pytest.mark.parametrize("build", [float32_model, float32_input, float32_layer_in_a_nested_model,
                                   float32_input_of_a_nested_model,
                                   float32_input_of_a_functional_model, half_precision_computation])
def test_whatever_computes_below_float64_is_refused_with_the_remedy(build):
    with pytest.raises(TypeError, match="expected float64.*set_dtype_policy"):
        KerasModel(build())


def test_functional_model_in_float64_is_accepted(x):
    entry = keras.Input((2,), dtype="float64")
    adapter = KerasModel(keras.Model(entry, dense(1)(entry)))
    assert adapter(adapter.init(), x).shape == (6, 1)


def test_unbuilt_untrainable_and_foreign_models_are_refused():
    with pytest.raises(ValueError, match="not built"):
        KerasModel(keras.Sequential([dense(2)]))
    with pytest.raises(ValueError, match="no trainable weights"):
        KerasModel(sequential(keras.layers.Activation("tanh", dtype="float64")))
    with pytest.raises(TypeError, match="expected a keras.Model"):
        KerasModel(np.tanh)


def test_parameters_of_another_length_or_dtype_are_refused(x):
    adapter = KerasModel(sequential(dense(1)))
    with pytest.raises(ValueError, match=r"shape \(4,\).*3 trainable"):
        adapter(np.zeros(4), x)
    with pytest.raises(TypeError, match="float32"):
        adapter(tf.zeros(3, tf.float32), x)
