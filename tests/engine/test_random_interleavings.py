"""Random interleavings of value, product and Hessian on one Problem: each answers as one left alone."""

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given

import pcl
from benchmarks.threads import at_once

NET, X = pcl.MLP([1, 2, 1]), np.linspace(0, 1, 3)[:, None]
MATRIX = pcl.SparseMatrix.from_scipy(np.diag([2.0, 3.0, 4.0]) + np.eye(3, k=1))
V = np.random.default_rng(0).normal(size=NET.size + 1)
QUESTIONS = {
    "value": lambda problem, theta: problem.value(theta),
    "gradient": lambda problem, theta: problem.gradient(theta),
    "product": lambda problem, theta: problem.hvp(theta, V),
    "hessian": lambda problem, theta: problem.hessian(theta),
    "backward": lambda problem, theta: problem.hessian(theta, mode="backward"),
    "jacobian": lambda problem, theta: problem.jacobian(theta),
    "Gauss-Newton": lambda problem, theta: problem.gauss_newton_product(theta, V),
}
ASKED = st.lists(st.tuples(st.sampled_from(sorted(QUESTIONS)), st.integers(0, 2)), min_size=1, max_size=6)


def made():
    """A network, a solve and a recurrence, one after the other."""
    def residuals(theta):
        u = pcl.solve(MATRIX * (1.0 + theta["s"] ** 2), NET(theta["net"], X)[:, 0])
        return pcl.scan(lambda y: 0.8 * tf.sin(y) + 0.1 * theta["s"] * u, u, n_steps=2)[:, -1] - 0.3
    return pcl.Problem.from_residuals(residuals, {"net": NET.init(0), "s": 0.5})


@pytest.fixture(scope="module")
def shared():
    """(the Problem that all ask, points, {(question, point): the answer of another, asked in order})."""
    problem, alone = made(), made()
    points = [problem.theta0 + 0.1 * i for i in range(3)]
    answers = {(name, i): ask(alone, points[i]) for i in range(3) for name, ask in QUESTIONS.items()}
    return problem, points, answers


@given(asked=st.lists(ASKED, min_size=2, max_size=4))
def test_threads_that_ask_one_problem_get_the_answers_of_a_thread_alone(shared, asked):
    problem, points, answers = shared
    wrong = []

    def ask(thread):
        for name, i in asked[thread]:
            answer = QUESTIONS[name](problem, points[i])
            if not np.allclose(answer, answers[name, i], rtol=1e-9, atol=1e-11):
                wrong.append((name, i))
    at_once(ask, len(asked))
    assert wrong == []
