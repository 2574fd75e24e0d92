"""What an equation or a step computes without its unknown is computed once, and factors are kept."""

import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl.nodes.network import NetworkNode

NET = pcl.MLP((1, 4, 1))
X = np.linspace(0.0, 1.0, 5)[:, None]
K = pcl.SparseMatrix.from_scipy(2.0 * np.eye(5) - 0.5 * np.eye(5, k=1) - 0.5 * np.eye(5, k=-1))


def equation_loss(theta):
    """K u + net(x) u³ = 1."""
    u = pcl.solve_nonlinear(lambda u: K @ u + NET(theta["k"], X)[:, 0] * u**3 - 1.0, np.zeros(5))
    return tf.reduce_sum(tf.square(u))


def scan_loss(theta):
    """u ← u − 0.1 net(x) K u, ten times."""
    u = pcl.scan(lambda u: u - 0.1 * NET(theta["k"], X)[:, 0] * (K @ u), np.ones(5), n_steps=10,
                 keep=[10])
    return tf.reduce_sum(tf.square(u))


@pytest.fixture
def evaluations(monkeypatch):
    """How often a network was evaluated."""
    found, evaluate = [], NetworkNode.evaluate
    monkeypatch.setattr(NetworkNode, "evaluate", lambda node, *x: found.append(1) or evaluate(node, *x))
    return found


@pytest.mark.parametrize("loss", [equation_loss, scan_loss])
def test_a_network_at_constant_points_is_evaluated_once(loss, evaluations):
    problem = pcl.Problem(loss, {"k": NET.init(seed=0)})
    theta = NET.init(seed=0)
    problem.value(theta)
    evaluations.clear()
    problem.gradient(theta + 0.1)
    assert len(evaluations) == 1
    assert pcl.check_gradient(problem, theta).ok and pcl.check_hessian(problem, theta).ok


def test_newtons_method_factorises_less_often_than_it_steps():
    problem = pcl.Problem(equation_loss, {"k": NET.init(seed=0)})
    problem.gradient(NET.init(seed=0))
    assert problem.counts.factorisations <= 3       # four or five corrections, and the adjoint
