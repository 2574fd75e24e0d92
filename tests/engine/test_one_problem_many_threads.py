"""One Problem asked by several threads at once: every answer is that of a thread alone."""
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

import pcl

A = np.array([[0.9, -0.2], [0.3, 0.7]])


def recurrence(memory):
    """A loss over six steps of u ← a A u + f + sin(b u)/10."""
    def loss(theta):
        def step(u, f):
            return tf.linalg.matvec(A, u) * theta["a"] + f + 0.1 * tf.sin(u * theta["b"])
        return tf.reduce_sum(pcl.scan(step, theta["u0"], (theta["f"],), memory=memory) ** 2)
    return pcl.Problem(loss, {"a": np.array([0.9, 1.1]), "b": np.array([0.4, 0.3]),
                              "u0": np.array([1.0, -0.5]), "f": np.linspace(0, 1, 12).reshape(6, 2)})


def asked_by_threads(work, n_threads=4):
    """What work(i) returned in each thread, the interpreter switching as often as it can."""
    answers, interval = [None] * n_threads, sys.getswitchinterval()

    def answer(i):
        answers[i] = work(i)
    threads = [threading.Thread(target=answer, args=(i,)) for i in range(n_threads)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    return answers


@pytest.mark.parametrize("memory, count", [(10 ** 9, 40), (1, 3)])
def test_hessian_products_of_a_scan_from_four_threads_are_those_of_the_matrix(memory, count):
    problem, v = recurrence(memory), np.random.default_rng(0).normal(size=(4, count, 18))
    H = recurrence(10 ** 9).hessian(problem.theta0)

    def products(i):
        return [problem.hvp(problem.theta0, x) for x in v[i]]
    answers = np.array(asked_by_threads(products), dtype=float)
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
    answers = asked_by_threads(lambda i: [all_of(shared, i) for _ in range(3)])
    for i, answer in enumerate(answers):
        np.testing.assert_allclose(answer, [all_of(alone, i)] * 3, rtol=1e-11, atol=1e-13)
