"""One Problem asked by several threads at once: every answer is that of a thread alone."""
import numpy as np
import pytest
import tensorflow as tf

import pcl
from benchmarks.threads import at_once, recurrence


@pytest.mark.parametrize("memory, count", [(10 ** 9, 40), (1, 3)])
def test_hessian_products_of_a_scan_from_four_threads_are_those_of_the_matrix(memory, count):
    problem, v = recurrence(memory=memory), np.random.default_rng(0).normal(size=(4, count, 18))
    H = recurrence().hessian(problem.theta0)

    def products(i):
        return [problem.hvp(problem.theta0, x) for x in v[i]]
    answers = np.array(at_once(products, 4), dtype=float)
    np.testing.assert_allclose(answers, v @ H, rtol=1e-10, atol=1e-11 * np.abs(v @ H).max())


def test_values_gradients_and_hessians_from_threads_at_different_points_are_those_of_one_thread():
    net, x = pcl.MLP([1, 3, 1]), np.linspace(0, 1, 5)[:, None]
    matrix = pcl.SparseMatrix.from_scipy(np.diag(np.arange(2.0, 7.0)))

    def loss(theta):
        return tf.reduce_sum(pcl.solve(matrix * theta["s"], net(theta["net"], x)[:, 0]) ** 2)
    blocks = {"net": net.init(0), "s": 1.5}
    shared, alone = pcl.Problem(loss, blocks), pcl.Problem(loss, blocks)
    points = [shared.theta0 + 0.01 * i for i in range(4)]

    def all_of(problem, i):
        return np.concatenate([[problem.value(points[i])], problem.gradient(points[i]),
                               problem.hessian(points[i]).ravel()])
    answers = at_once(lambda i: [all_of(shared, i) for _ in range(3)], 4)
    for i, answer in enumerate(answers):
        np.testing.assert_allclose(answer, [all_of(alone, i)] * 3, rtol=1e-11, atol=1e-13)
