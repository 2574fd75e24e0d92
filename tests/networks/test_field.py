"""A network in units of its points: values, derivatives in x and θ, on disk and exported."""
import numpy as np
import pytest
import tensorflow as tf

import pcl

NET = pcl.MLP((2, 5, 1), output=pcl.softplus(0.1))
X = np.array([[1600.0, 3e-6], [2500.0, 9e-6], [1900.0, 5e-6], [2100.0, 4e-6]])
FIELD = pcl.Field(NET, points=X)
PARAMS = NET.init(3)


def test_the_box_of_the_points_becomes_the_unit_box():
    np.testing.assert_allclose(FIELD.shift, [2050.0, 6e-6])
    np.testing.assert_allclose(FIELD.scale, [450.0, 3e-6])
    inner = (X - FIELD.shift) / FIELD.scale
    np.testing.assert_array_equal(FIELD(PARAMS, X), NET(PARAMS, inner))
    line = pcl.Field(pcl.MLP((1, 3, 1)), points=[5.0, 5.0], shift=1.0)      # no width, a shift beside it
    assert line.scale.tolist() == [1.0] and line.shift.tolist() == [1.0]


def test_derivatives_in_x_are_per_unit_of_x():
    h = 1e-5 * FIELD.scale
    for d in range(2):
        e = np.eye(2)[d] * h
        slope = (FIELD(PARAMS, X + e) - FIELD(PARAMS, X - e)) / (2.0 * h[d])
        np.testing.assert_allclose(FIELD.gradient(PARAMS, X)[:, d], slope[:, 0], rtol=1e-7)
        np.testing.assert_allclose(FIELD.jacobian(PARAMS, X)[:, :, d], slope, rtol=1e-7)
        np.testing.assert_allclose(FIELD.at(PARAMS, X).input_jacobian()[:, :, d], slope, rtol=1e-7)
        bend = (FIELD.at(PARAMS, X + e).input_jacobian() - FIELD.at(PARAMS, X - e).input_jacobian())[:, 0]
        found = FIELD.at(PARAMS, X).input_curvature(np.ones((4, 1)))[:, d]
        np.testing.assert_allclose(found * h[d] * h, bend * h / 2.0, rtol=1e-6, atol=1e-18)


def test_losses_of_fields_have_exact_derivatives_also_at_points_that_depend_on_theta():
    """The same loss of the bare network at points scaled by hand, and Taylor's remainders."""
    def loss(net, inner):
        def of(theta):
            x = X * theta["stretch"]
            y = net(theta["k"], inner(x)) + tf.reduce_sum(net.gradient(theta["k"], inner(X)) ** 2)
            return tf.reduce_sum(tf.square(y))
        return of
    blocks = {"k": PARAMS, "stretch": 1.01}
    plain = pcl.Field(NET)
    problem = pcl.Problem(loss(FIELD, lambda x: x), blocks)
    assert problem.certify().ok
    scaled = pcl.Problem(lambda t: loss(plain, lambda x: x)(t), blocks)
    assert scaled.networks == {"k": plain} and problem.networks == {"k": FIELD}
    inner = (X - FIELD.shift) / FIELD.scale
    by_hand = pcl.Problem(lambda t: tf.reduce_sum(NET(t["k"], inner) ** 2), {"k": PARAMS})
    field = pcl.Problem(lambda t: tf.reduce_sum(FIELD(t["k"], X) ** 2), {"k": PARAMS})
    np.testing.assert_array_equal(field.hessian(PARAMS), by_hand.hessian(PARAMS))


def test_a_saved_field_is_read_with_its_scale(tmp_path):
    problem = pcl.Problem.from_residuals(lambda t: FIELD(t["k"], X)[:, 0] - 1.0, {"k": PARAMS})
    result = pcl.minimize(problem, maxiter=3, progress=False)
    result.save(tmp_path / "field.npz", posterior=result.posterior(sigma=1.0))
    law = pcl.load(tmp_path / "field.npz").laws["k"]
    np.testing.assert_allclose(law(X), FIELD(result.x, X), rtol=1e-14)
    np.testing.assert_array_equal(law.jacobian(X), FIELD.at(result.x, X).input_jacobian())
    np.testing.assert_array_equal(law.hessian(X), FIELD.at(result.x, X).input_curvature(np.ones((4, 1))))
    assert "shift=[2050.0" in repr(law.net)
    band = pcl.load(tmp_path / "field.npz").band("k", X)
    np.testing.assert_allclose(band.value, law(X)[:, 0])
    module = {}
    exec(pcl.export.numpy_source(law), module)          # the source that was written here
    np.testing.assert_allclose(np.ravel(module["law"](X)), law(X)[:, 0], rtol=1e-12)


def test_what_does_not_fit_is_refused():
    with pytest.raises(TypeError, match="net is a int"):
        pcl.Field(3)
    with pytest.raises(ValueError, match="scale is .* other than 0"):
        pcl.Field(NET, scale=[1.0, 0.0])
    with pytest.raises(ValueError, match=r"points has shape \(3,\); expected \(any, 2\)"):
        pcl.Field(NET, points=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="x has shape"):
        FIELD(PARAMS, X[:, :1])
    with pytest.raises(TypeError, match="a law scales its inputs itself"):
        pcl.dae.Law(FIELD, inputs=("a", "b"), outputs="c")
