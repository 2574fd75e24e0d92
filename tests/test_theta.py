"""θ is a flat vector or {block: array}, wherever it is asked for."""
import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl import diagnose, uncertainty

A = np.random.default_rng(0).normal(size=(6, 3))


def residuals(theta):
    return tf.linalg.matvec(tf.constant(A), tf.concat([theta["c"], theta["s"][None]], 0)) ** 2 - 1.0


PROBLEM = pcl.Problem.from_residuals(residuals, {"c": [1.0, 2.0], "s": 0.5})
NAMED = {"s": np.array(0.3), "c": np.array([0.7, -1.1])}        # in another order
FLAT = np.array([0.7, -1.1, 0.3])


@pytest.mark.parametrize("ask", [
    lambda p, t: p.value(t), lambda p, t: p.gradient(t), lambda p, t: p.value_and_gradient(t)[1],
    lambda p, t: p.hessian(t), lambda p, t: p.hvp(t, t), lambda p, t: p.gauss_newton(t),
    lambda p, t: p.gauss_newton_product(t, t), lambda p, t: p.residuals(t), lambda p, t: p.jacobian(t),
    lambda p, t: p.eigenvalues(t, 1)[0], lambda p, t: p.log_density(t),
    lambda p, t: p.log_density_and_gradient(t)[1], lambda p, t: p.unravel(t)["c"],
    lambda p, t: list(p.hessian_costs(t).values()), lambda p, t: p.posterior(t, sigma=1.0).theta,
    lambda p, t: uncertainty.LogDensity(p)(t), lambda p, t: uncertainty.LogDensity(p).gradient(t),
    lambda p, t: diagnose.spectrum(p, t).eigenvalues,
    lambda p, t: diagnose.profile(p, t, np.eye(3)[:, :1], points=3).loss,
    lambda p, t: pcl.minimize(p, x0=t, maxiter=1, progress=False).x])
def test_a_dict_is_the_flat_vector(ask):
    np.testing.assert_array_equal(ask(PROBLEM, NAMED), ask(PROBLEM, FLAT))


def test_checks_take_a_dict():
    assert pcl.check_gradient(PROBLEM, NAMED).ok and pcl.check_hessian(PROBLEM, NAMED).ok
    assert pcl.check_jacobian(PROBLEM, NAMED).ok and PROBLEM.certify(NAMED).ok


def test_a_misspelt_block_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"blocks given are \['cc', 's'\]; expected "
                                         r"\['c', 's'\]. Did you mean 'c'"):
        PROBLEM.value({"cc": [1.0, 2.0], "s": 0.5})
    with pytest.raises(ValueError, match=r"v has shape \(2,\); expected \(3,\)"):
        PROBLEM.hvp(FLAT, [1.0, 2.0])


def test_a_result_is_taken_wherever_theta_is():
    x = np.linspace(0.0, 1.0, 6)
    problem = pcl.Problem.from_data(lambda t: t["a"] * x + t["b"], 2.0 * x + 0.01 * np.sin(9.0 * x),
                                    pcl.uncertainty.noise.Gaussian(0.01), {"a": 0.5, "b": 0.0})
    result = pcl.minimize(problem)
    assert problem.value(result) == problem.value(result.x)
    for name in ("gradient", "hessian", "residuals", "jacobian", "log_density", "gauss_newton"):
        assert np.array_equal(getattr(problem, name)(result), getattr(problem, name)(result.x)), name
    assert np.array_equal(problem.posterior(result).theta, result.x)
    assert np.array_equal(problem.hvp(result, [1.0, 2.0]), problem.hvp(result.x, [1.0, 2.0]))
    assert pcl.check_gradient(problem, result) and pcl.minimize(problem, x0=result).success
    with pytest.raises(ValueError, match="theta has shape"):
        pcl.Problem(lambda t: tf.reduce_sum(t["a"]**2), {"a": np.ones(3)}).value(result)
