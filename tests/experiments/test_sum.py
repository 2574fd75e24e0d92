"""A sum of problems is the problem that states them all in one trace."""

import numpy as np
import pytest
import tensorflow as tf
from experiments_with_one_law import (START, by_data, by_loss, by_residuals, items, joined, joined_loss,
                                      predicted)

import pcl
from pcl.uncertainty import noise, prior

THETA, V = np.array([1.7, 0.9]), np.array([0.3, -1.1])
EVERY = items()


@pytest.fixture(scope="module")
def pairs():
    """{stated by: (the sum, all in one trace)}."""
    return {"residuals": (pcl.Problem.sum(by_residuals, EVERY), joined(EVERY)),
            "loss": (pcl.Problem.sum(by_loss, EVERY), joined_loss(EVERY))}


@pytest.mark.parametrize("stated", ["residuals", "loss"])
@pytest.mark.parametrize("asked", [
    lambda p: p.value(THETA), lambda p: p.gradient(THETA), lambda p: p.value_and_gradient(THETA)[1],
    lambda p: p.hvp(THETA, V), lambda p: p.hessian(THETA), lambda p: p.hessian(THETA, mode="backward"),
    lambda p: p.hessian(THETA, blocks=["k"]), lambda p: p.gauss_newton(THETA),
    lambda p: p.gauss_newton_product(THETA, V), lambda p: p.eigenvalues(THETA, 1)[0],
    lambda p: p.log_density(THETA), lambda p: p.log_density_and_gradient(THETA)[1]])
def test_every_derivative_is_that_of_all_in_one_trace(pairs, stated, asked):
    summed, whole = pairs[stated]
    np.testing.assert_allclose(asked(summed), asked(whole), rtol=1e-12, atol=1e-13)


def test_residuals_and_jacobian_are_stacked_in_the_order_of_the_items(pairs):
    summed, whole = pairs["residuals"]
    np.testing.assert_array_equal(summed.residuals(THETA), whole.residuals(THETA))
    np.testing.assert_allclose(summed.jacobian(THETA), whole.jacobian(THETA), rtol=1e-14)
    with pytest.raises(ValueError, match="losses, not residuals"):
        pairs["loss"][0].residuals(THETA)


def test_each_experiment_has_its_value(pairs):
    summed = pairs["residuals"][0]
    each = [by_residuals(item).value(THETA) for item in EVERY]
    np.testing.assert_array_equal(summed.values(THETA), each)


def test_sums_go_from_the_first_item_of_a_group_on_then_from_the_first_group_on():
    each = [by_residuals(item).value(THETA) for item in EVERY]
    in_threes = pcl.Problem.sum(by_residuals, EVERY, group=3)
    assert in_threes.value(THETA) == (
        ((each[0] + each[1]) + each[2]) + ((each[3] + each[4]) + each[5])) + each[6]
    assert pcl.Problem.sum(by_residuals, EVERY, group=7).value(THETA) == sum(each)


def test_threads_give_the_same_bits():
    with pcl.Problem.sum(by_residuals, EVERY, "threads", workers=3, group=2) as side_by_side:
        one = pcl.Problem.sum(by_residuals, EVERY, group=2)
        np.testing.assert_array_equal(side_by_side.hessian(THETA), one.hessian(THETA))
        np.testing.assert_array_equal(side_by_side.jacobian(THETA), one.jacobian(THETA))


@pytest.mark.parametrize("method", ["levenberg-marquardt", "newton-trust-region", "newton-cg", "L-BFGS-B",
                                    "BFGS", "trust-exact", "trust-krylov", "trust-ncg", "least-squares",
                                    "hand-over"])
def test_every_method_finds_the_minimum(pairs, method):
    summed, whole = pairs["residuals"]
    found, expected = pcl.minimize(summed, method), pcl.minimize(whole)
    assert found.success
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-6)
    assert set(found.theta) == set(START)


def test_adam_descends(pairs):
    summed = pairs["residuals"][0]
    assert pcl.minimize(summed, "adam", maxiter=30).fun < summed.value(summed.theta0)


def test_bounds_of_blocks_hold(pairs):
    assert pcl.minimize(pairs["residuals"][0], bounds={"k": (0.0, 1.0)}).x[1] == 1.0


def test_checks_and_certificate_pass(pairs):
    summed = pairs["residuals"][0]
    assert pcl.check_gradient(summed).ok and pcl.check_hessian(summed).ok
    assert pcl.check_jacobian(summed).ok and summed.certify().ok


def test_a_wrong_gradient_of_one_experiment_is_found():
    class Wrong:
        def __init__(self, problem):
            self._problem = problem

        def __getattr__(self, name):
            return getattr(self._problem, name)

        def value_and_gradient(self, theta):
            value, gradient = self._problem.value_and_gradient(theta)
            return value, 1.01 * gradient

    def make(number):
        problem = by_residuals(EVERY[number])
        return Wrong(problem) if number == 4 else problem
    assert not pcl.check_gradient(pcl.Problem.sum(make, range(7))).ok


def test_posterior_of_data_is_that_of_all_data_at_once():
    summed = pcl.Problem.sum(by_data, EVERY)
    y = np.concatenate([y for _, y in EVERY])
    t = np.concatenate([t for t, _ in EVERY])
    whole = pcl.Problem.from_data(lambda theta: predicted(theta, t), y, noise.Gaussian(0.05), START)
    theta = pcl.minimize(whole).x
    assert summed.log_density(theta) == pytest.approx(whole.log_density(theta), rel=1e-12)
    for name, error in whole.posterior(theta).standard_errors().items():
        np.testing.assert_allclose(summed.posterior(theta).standard_errors()[name], error, rtol=1e-10)


def test_a_shared_prior_counts_once():
    known = {"a": prior.Normal(1.8, 0.1), "k": prior.Normal(1.0, 0.2)}
    summed = pcl.Problem.sum(by_data, EVERY, prior=known)
    y = np.concatenate([y for _, y in EVERY])
    t = np.concatenate([t for t, _ in EVERY])
    whole = pcl.Problem.from_data(lambda theta: predicted(theta, t), y, noise.Gaussian(0.05), START,
                                  known)
    theta = pcl.minimize(whole).x
    np.testing.assert_allclose(pcl.minimize(summed).x, theta, rtol=1e-7)
    np.testing.assert_allclose(pcl.minimize(summed, "newton-cg").x, theta, rtol=1e-6)
    np.testing.assert_allclose(summed.hessian(theta), whole.hessian(theta), rtol=1e-12)
    np.testing.assert_allclose(summed.preconditioner(V), whole.preconditioner(V), rtol=1e-14)
    for options in ({}, {"rank": "auto"}):
        ours, theirs = summed.posterior(theta, **options), whole.posterior(theta, **options)
        np.testing.assert_allclose(ours.covariance(), theirs.covariance(), rtol=1e-9)
        assert ours.log_evidence == pytest.approx(theirs.log_evidence, rel=1e-10)


def test_a_prior_beside_losses_without_noise_is_refused():
    with pytest.raises(ValueError, match="state no noise"):
        pcl.Problem.sum(by_loss, EVERY, prior={"a": prior.Normal(1.0, 1.0)})


def test_experiments_may_have_blocks_of_their_own():
    def own(item):
        number, (t, y) = item
        return pcl.Problem.from_residuals(
            lambda theta: theta[f"a{number}"] * (1.0 - np.exp(-1.3 * t)) - y - theta["shift"],
            {"shift": 0.0, f"a{number}": 1.0})
    start = {"a0": 1.0, "shift": 0.0, "a1": 1.0, "a2": 1.0}
    summed = pcl.Problem.sum(own, list(enumerate(EVERY[:3])), blocks=start)
    rows = [np.concatenate([(1 - np.exp(-1.3 * t)) * (i == j) for i, (t, _) in enumerate(EVERY[:3])])
            for j in range(3)]
    J = np.stack([rows[0], -np.ones(rows[0].size), rows[1], rows[2]], axis=1)
    y = np.concatenate([y for _, y in EVERY[:3]])
    np.testing.assert_allclose(summed.jacobian(summed.theta0), J, rtol=1e-14)
    np.testing.assert_allclose(summed.hessian(summed.theta0), 2.0 * J.T @ J, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(summed.hessian(summed.theta0, blocks=["a2", "shift"]),
                               2.0 * J[:, [3, 1]].T @ J[:, [3, 1]], rtol=1e-13, atol=1e-14)
    v = np.arange(4.0)
    np.testing.assert_allclose(summed.hvp(summed.theta0, v), 2.0 * J.T @ (J @ v), rtol=1e-13)
    np.testing.assert_allclose(pcl.minimize(summed).x, np.linalg.lstsq(J, y, rcond=None)[0], rtol=1e-8)


def test_result_is_saved_and_loaded(pairs, tmp_path):
    result = pcl.minimize(pairs["residuals"][0])
    result.save(tmp_path / "run.npz")
    np.testing.assert_array_equal(pcl.load(tmp_path / "run.npz").x, result.x)


def test_work_is_counted():
    def make(load):
        def loss(theta):
            A = pcl.SparseMatrix.from_entries([0], [0], theta["k"], (1, 1))
            return (pcl.solve(A, [load])[0] - 2.0) ** 2
        return pcl.Problem(loss, {"k": [1.0]})
    summed = pcl.Problem.sum(make, [1.0, 2.0, 3.0])
    summed.value_and_gradient([1.3])
    assert (summed.counts.factorisations, summed.counts.back_substitutions) == (3, 6)
    summed.value_and_gradient([1.3])        # remembered
    assert summed.counts.factorisations == 3


def test_the_error_of_steps_in_time_is_that_of_all_in_one_trace():
    K = pcl.SparseMatrix.from_entries([0], [0], [1.0], (1, 1))
    times = pcl.uniform_times(0.0, 1.5, 6)
    starts, data = [1.0, 2.0], [np.array([0.62, 0.36, 0.23]), np.array([1.24, 0.7, 0.47])]

    def residuals(theta, i):
        u = pcl.march(pcl.FirstOrder(stiffness=theta["k"] * K), [starts[i]], times, at=[0.5, 1.0, 1.5])
        return u[0] - data[i]
    whole = pcl.Problem.from_residuals(
        lambda theta: tf.concat([residuals(theta, 0), residuals(theta, 1)], 0), {"k": 1.0})
    summed = pcl.Problem.sum(lambda i: pcl.Problem.from_residuals(
        lambda theta: residuals(theta, i), {"k": 1.0}), [0, 1])
    k = pcl.minimize(whole).x
    np.testing.assert_allclose(pcl.time_error(summed, k).ratio, pcl.time_error(whole, k).ratio, rtol=1e-8)
    with pytest.raises(ValueError, match="executor='serial'"):
        pcl.Problem.sum(by_residuals, EVERY, keep=3).restated()


def test_no_more_are_kept_than_asked_and_the_first_ones_stay():
    built = []

    def make(number):
        built.append(number)
        return by_residuals(EVERY[number])
    summed = pcl.Problem.sum(make, range(6), keep=4)
    for k in (1.0, 1.1, 1.2):
        summed.value([1.0, k])
    assert built == [0, 1, 2, 3, 4, 5] + 2 * [3, 4, 5]


def test_progress_counts_experiments(capsys):
    pcl.Problem.sum(by_residuals, EVERY, progress=True).value(THETA)
    assert "7 of 7 experiments" in capsys.readouterr().err


def test_repr_says_how_many_and_by_whom(pairs):
    assert repr(pairs["loss"][0]) == "Experiments(7 by serial, 2 parameters: a a number, k (1,))"
    assert pairs["loss"][0].experiments == 7


@pytest.mark.parametrize("arguments, words", [
    ((3, [1]), "make is a int"), ((by_loss, []), "items is empty"), ((by_loss, 3), "expected a sequence"),
    ((by_loss, EVERY, "proceses"), "Did you mean 'processes'"),
    ((by_loss, EVERY, 3.0), "executor is a float")])
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises((TypeError, ValueError), match=words):
        pcl.Problem.sum(*arguments)
