"""Adam on batches of experiments: unbiased gradients, an order that a seed draws, any workers."""

import numpy as np
import pytest
from parabolas import Parabola, centres

import pcl
from pcl.experiments.errors import ExperimentFailure
from pcl.training.drivers.batches import BatchEvaluator
from pcl.training.run.evaluator import Counts

OPTIONS = {"batch": 4, "seed": 3, "learning_rate": 0.05}
CENTRES = centres(10)


def summed(make=Parabola, **options):
    return pcl.Problem.sum(make, CENTRES, **options)


def test_a_batch_is_the_sum_of_its_experiments_and_all_batches_that_of_all():
    problem, theta = summed(), np.array([0.3, 0.1])
    parts = [problem.batch(numbers).gradient(theta) for numbers in ([0, 4, 7], [1, 2], [3, 5, 6, 8, 9])]
    np.testing.assert_allclose(sum(parts), problem.gradient(theta), rtol=1e-14)
    np.testing.assert_allclose(parts[1], 2.0 * (2.0 * theta - CENTRES[1] - CENTRES[2]), rtol=1e-14)
    np.testing.assert_allclose(problem.estimated_gradient(theta, [1, 2]), 5.0 * parts[1], rtol=1e-14)


def test_every_epoch_has_each_experiment_once_in_an_order_of_its_own():
    batches = BatchEvaluator(summed(), Counts(), 4, 3)
    first, again, second = (np.concatenate(list(batches.batches(epoch))) for epoch in (0, 0, 1))
    assert sorted(first) == list(range(10)) == sorted(second)
    np.testing.assert_array_equal(first, again)
    assert list(first) != list(second)
    assert [len(numbers) for numbers in batches.batches(0)] == [4, 3, 3]


def test_adam_on_batches_comes_to_the_minimum_with_fewer_iterations():
    expected = CENTRES.mean(axis=0)
    found = pcl.minimize(summed(), "adam", maxiter=60, options=OPTIONS)
    np.testing.assert_allclose(found.x, expected, atol=0.05)
    whole = pcl.minimize(summed(), "adam", maxiter=60, options={"learning_rate": 0.05})
    assert found.history.loss[20] < whole.history.loss[20]


def test_the_seed_decides_and_the_workers_do_not():
    runs = [pcl.minimize(summed(**options), "adam", maxiter=8, options={**OPTIONS, "seed": seed}).x
            for seed, options in ((3, {}), (3, {"executor": "threads", "workers": 3}), (4, {}))]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.abs(runs[0] - runs[2]).max() > 1e-6


def test_a_run_on_batches_is_taken_up_again_bit_for_bit(tmp_path):
    path = tmp_path / "run.npz"
    pcl.minimize(summed(), "adam", maxiter=5, options=OPTIONS, checkpoint=path)
    again = pcl.minimize(summed(), "adam", maxiter=12, options=OPTIONS, resume=path)
    np.testing.assert_array_equal(again.x, pcl.minimize(summed(), "adam", maxiter=12, options=OPTIONS).x)


class Walled(Parabola):
    def residuals(self, theta):
        if theta[0] > 0.3:
            raise pcl.NotFinite("beyond the wall")
        return super().residuals(theta) - np.array([1.0, 0.0])


def test_an_epoch_that_meets_a_failure_is_begun_again_with_half_the_rate():
    found = pcl.minimize(summed(Walled), "adam", maxiter=15, options={**OPTIONS, "learning_rate": 0.2})
    assert found.failed > 0 and found.x[0] <= 0.3 and found.fun < summed(Walled).value([0.0, 0.0])
    with pytest.raises(ExperimentFailure):
        summed(Walled).value([0.4, 0.0])


def test_batches_of_what_is_no_sum_are_refused():
    problem = pcl.Problem(lambda t: t["x"] ** 2, {"x": 1.0})
    with pytest.raises(TypeError, match="without experiments, estimated_gradient"):
        pcl.minimize(problem, "adam", options={"batch": 2})
    with pytest.raises(ValueError, match=r"numbers is \[0, 10\]; expected some of 0 … 9"):
        summed().batch([0, 10])
