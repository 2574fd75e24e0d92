"""Networks at many constant points against the same networks evaluated at every point."""
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from small_problems import chain

import pcl
from pcl.engine.second.reduced import reduction
from pcl.networks.interpolation import Interpolation
from pcl.nodes.network import CollapsedNodePoint

POINTS, CELLS = 1500, 50
WIDTHS = {"line": (1, 12, 12, 1), "plane": (2, 12, 12, 1), "space": (3, 6, 6, 1),
          "edge": (2, 12, 12, 1), "two outputs": (2, 12, 12, 2)}


def points(name):
    n = WIDTHS[name][0]
    x = np.random.default_rng(3).uniform(-0.3, 0.5, size=(POINTS if n < 3 else 4 * POINTS, n))
    if name == "edge":
        x[:, 1] = 0.25
    return x


def coefficient(y):
    """1 + the mean of y² over some points after each other, one for each of the cells."""
    n = y.shape[0] // CELLS
    mean = sp.kron(sp.eye_array(CELLS), np.full((1, n), 1.0 / n), format="csr")
    return 1.0 + pcl.LinearMap(mean) @ tf.square(y)


def state(kappa):
    """u with −(κu')' = 1, one κ a cell."""
    return pcl.solve(pcl.SparseMatrix.from_structure(chain(CELLS - 1), kappa), np.ones(CELLS - 1))


def problem(name, collapse):
    """Residuals of the state and of the outputs y themselves."""
    net, x = pcl.MLP(WIDTHS[name]), points(name)
    weights = tf.constant(np.arange(1, net.n_out + 1) / 2.0)

    def residuals(theta):
        y = net(theta["net"], x, collapse=collapse)
        u = state(coefficient(tf.linalg.matvec(y, weights)))
        return tf.concat([u - 0.1, 0.01 * tf.sin(tf.reshape(y, [-1])[:200])], axis=0)
    return pcl.Problem.from_residuals(residuals, {"net": start(name)})


def start(name):
    return (0.1 if name == "space" else 0.5) * pcl.MLP(WIDTHS[name]).init(seed=1)


def is_collapsed(problem, theta):
    return any(isinstance(point, CollapsedNodePoint) for point in problem.at(theta).points)


def same(found, expected):
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.fixture
def reduced(monkeypatch):
    """Columns are reduced however little there is to save."""
    monkeypatch.setattr("pcl.engine.second.reduced.SPARSE", np.inf)


@pytest.mark.parametrize("name", WIDTHS)
def test_collapsed_points_leave_every_derivative_as_it_is(name, reduced):
    ours, plain, theta = problem(name, True), problem(name, False), start(name)
    v = np.random.default_rng(1).standard_normal(theta.size)
    assert is_collapsed(ours, theta) and not is_collapsed(plain, theta)
    for derivative in ("value", "gradient", "hessian", "gauss_newton", "residuals", "jacobian"):
        same(getattr(ours, derivative)(theta), getattr(plain, derivative)(theta))
    same(ours.hvp(theta, v), plain.hvp(theta, v))
    same(ours.gauss_newton_product(theta, v), plain.gauss_newton_product(theta, v))


def test_both_directions_of_the_hessian_agree():
    ours, plain, theta = problem("plane", True), problem("plane", False), start("plane")
    assert is_collapsed(ours, theta)
    same(ours.hessian(theta, mode="backward"), plain.hessian(theta, mode="forward"))
    same(ours.hessian(theta, mode="forward"), plain.hessian(theta, mode="backward"))


def test_the_columns_are_fewer_than_the_parameters():
    plan = problem("line", True).at(start("line")).plan
    found = reduction(plan, plan.all_forms())
    assert found.n_columns < 0.6 * plan.n_theta == 0.6 * start("line").size


def test_a_parameter_that_enters_otherwise_too_keeps_its_columns():
    net, x = pcl.MLP(WIDTHS["line"]), points("line")

    def problem(collapse):
        def loss(theta):
            y = net(theta["net"], x, collapse=collapse)
            return tf.reduce_mean(tf.exp(y)) * tf.reduce_sum(tf.square(theta["net"]))
        return pcl.Problem(loss, {"net": start("line")})
    plan = problem(True).at(start("line")).plan
    assert plan.collapsed and reduction(plan, plan.all_forms()) is None
    same(problem(True).hessian(start("line")), problem(False).hessian(start("line")))


def test_two_networks_and_one_at_two_sets_of_points_share_the_columns_of_their_parameters(reduced):
    net, x = pcl.MLP(WIDTHS["plane"]), points("plane")

    def problem(collapse):
        def loss(theta):
            a = net(theta["a"], x, collapse=collapse)[:, 0]
            b = net(theta["b"], x, collapse=collapse)[:, 0]
            b *= net(theta["a"], 0.5 * x, collapse=collapse)[:, 0]
            u = state(coefficient(a))
            return tf.reduce_sum(tf.square(u)) + 0.1 * tf.reduce_mean(a * b) + theta["c"][0] ** 2 * u[7]
        return pcl.Problem(loss, {"a": start("plane"), "c": np.ones(1), "b": 0.7 * start("plane")})
    ours, plain = problem(True), problem(False)
    theta = np.concatenate([start("plane"), [1.0], 0.7 * start("plane")])
    plan = ours.at(theta).plan
    assert reduction(plan, plan.all_forms()).n_columns < theta.size
    same(ours.hessian(theta), plain.hessian(theta))
    same(ours.gradient(theta), plain.gradient(theta))


def test_larger_weights_take_more_nodes_and_at_last_all_points(reduced):
    ours, plain = problem("plane", True), problem("plane", False)
    collapsed = []
    for scale in (0.5, 1.0, 2.0, 8.0, 0.5):
        theta = scale * start("plane")
        collapsed.append(is_collapsed(ours, theta))
        same(ours.gradient(theta), plain.gradient(theta))
        same(ours.hessian(theta), plain.hessian(theta))
    assert collapsed[0] and not collapsed[3] and collapsed[4]


def test_a_network_with_a_sharp_front_between_the_nodes_is_not_collapsed():
    ours = problem("line", True)
    theta = start("line")
    theta[:12] = 1e4
    assert not is_collapsed(ours, theta)
    same(ours.gradient(theta), problem("line", False).gradient(theta))


def test_a_field_over_its_points_is_collapsed_as_its_network_is():
    x = 1000.0 * points("plane") + 5000.0
    field = pcl.Field(pcl.MLP(WIDTHS["plane"]), points=x)

    def problem(collapse):
        return pcl.Problem(lambda theta: tf.reduce_mean(tf.exp(field(theta["f"], x, collapse=collapse))),
                           {"f": 0.5 * start("plane")})
    ours, plain, theta = problem(True), problem(False), 0.5 * start("plane")
    assert is_collapsed(ours, theta)
    same(ours.gradient(theta), plain.gradient(theta))


def test_points_of_the_plane_that_move_are_not_collapsed():
    net, x = pcl.MLP(WIDTHS["plane"]), points("plane")

    def loss(theta):
        return tf.reduce_sum(tf.square(net(theta["net"], x + theta["shift"])))
    moved = pcl.Problem(loss, {"net": start("plane"), "shift": np.zeros(2)})
    theta = np.concatenate([start("plane"), [0.1, 0.1]])
    assert not is_collapsed(moved, theta) and not moved.at(theta).plan.collapsed


def test_the_hessian_passes_the_taylor_test_on_collapsed_points():
    ours = problem("plane", True)
    assert is_collapsed(ours, start("plane"))
    assert pcl.check_hessian(ours, start("plane")).ok


def test_threads_at_different_weights_each_have_their_own_nodes():
    ours, plain = problem("plane", True), problem("plane", False)
    thetas = [scale * start("plane") for scale in (0.3, 0.6, 1.0, 2.0, 8.0, 0.4)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(ours.gradient, thetas))
    for gradient, theta in zip(found, thetas):
        same(gradient, plain.gradient(theta))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_polynomials_are_interpolated_exactly_and_the_adjoint_is_the_transpose(n):
    rng = np.random.default_rng(n)
    x = rng.uniform([-1.0, 2.0, 0.0][:n], [3.0, 2.5, 1.0][:n], size=(400, n))
    bounds = x.min(axis=0), x.max(axis=0)
    ours = Interpolation(x, bounds, d=6, boxes=3, local=6)

    def f(x):
        return np.stack([np.prod(x ** 5 - x, axis=1), 1.0 + x.sum(axis=1)], axis=1)
    np.testing.assert_allclose(ours.values(f(ours.nodes)), f(x), atol=1e-12 * np.abs(f(x)).max())
    y, g = rng.normal(size=(len(ours.nodes), 2)), rng.normal(size=(400, 2))
    np.testing.assert_allclose(np.sum(g * ours.values(y)), np.sum(ours.adjoint(g) * y), rtol=1e-11)
    for stripe in ours.stripes():
        for box, part in ours.in_boxes(y, stripe):
            np.testing.assert_allclose(ours.matrix(box) @ part, ours.values(y)[box.points], atol=1e-11)
