"""At a minimum there is no gradient for differences to see: a certificate looks beside it."""

import numpy as np
import pytest
import tensorflow as tf

import pcl


def steep(offset=30.0):
    """ℓ = 10⁸ Σ (exp a_i − 2)² + offset² with its minimum at a = ln 2, in ten digits (10⁶ is lost)."""
    problem = pcl.Problem.from_residuals(
        lambda theta: tf.concat([1e4 * ((tf.exp(theta["a"]) + 1e6) - 1e6 - 2.0), [offset]], 0),
        {"a": np.ones(3)})
    return problem, np.log(2.0) + 1e-14 * np.array([1.0, -2.0, 3.0])


def test_differences_at_a_minimum_say_why_they_tell_nothing():
    problem, theta = steep()
    report = pcl.check_gradient(problem, theta)
    assert not report.ok and report.stationary
    assert "theta is stationary" in report.verdict and "beside" in report.verdict


def test_a_certificate_passes_at_a_minimum():
    problem, theta = steep()
    certificate = problem.certify(theta)
    assert certificate.ok and "1 % beside a stationary theta" in str(certificate)
    assert problem.certify({"a": theta}).ok
    assert "beside" not in str(problem.certify())               # the start has a gradient


def test_a_wrong_gradient_is_seen_at_a_minimum(monkeypatch):
    problem, theta = steep()
    right = problem.gradient
    monkeypatch.setattr(problem, "gradient", lambda at: 1.01 * right(at))
    certificate = problem.certify(theta)
    assert not certificate.ok and "WRONG" in certificate.gradient.verdict


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_kink_at_a_minimum_is_not_passed_over(level):
    problem = pcl.Problem(lambda theta: tf.reduce_sum(tf.abs(theta["a"])) + level, {"a": np.ones(2)})
    report = pcl.check_gradient(problem, np.zeros(2))
    assert not report.ok and not report.stationary
    assert not problem.certify(np.zeros(2)).ok
