"""Networks of one input at points that move: from nodes what they are at all points, or not at all."""
import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl
from pcl.errors import NotFinite
from pcl.networks.moving import Moving, MovingPoint

CLOSE = dict(rtol=0.0, atol=1e-12)


def network(activation="tanh", outputs=1, size=1.0):
    net = pcl.MLP((1, 12, 12, outputs), activation=activation)
    return net, size * net.init(seed=3)


def points(low=-1.0, high=2.0, count=1500):
    return np.random.default_rng(1).uniform(low, high, (count, 1))


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "swish", "sin"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_first_derivatives_are_those_at_all_points(activation, outputs):
    (net, theta), x = network(activation, outputs), points()
    at, plain = Moving().at(net, theta, x), net.at(theta, x)
    bar = np.random.default_rng(2).standard_normal(at.value.shape)
    assert isinstance(at, MovingPoint) and relative(at.value, plain.value) < 1e-12
    assert relative(at.input_jacobian(), plain.input_jacobian()) < 1e-12
    for found, expected in zip(at.pullback(bar, inputs=True), plain.pullback(bar, inputs=True)):
        assert relative(found, expected) < 1e-12


@pytest.mark.parametrize("outputs", [1, 2])
def test_curvature_in_the_points_is_that_at_all_points(outputs):
    (net, theta), x = network(outputs=outputs), points()
    at, bar = Moving().at(net, theta, x), np.random.default_rng(2).standard_normal((len(x), outputs))
    assert at.second
    assert relative(at.input_curvature(bar), net.at(theta, x).input_curvature(bar)) < 1e-12


def test_slopes_are_differences_of_values():
    (net, theta), x, h = network(), points(), 1e-5
    slopes = Moving().at(net, theta, x).input_jacobian()[:, :, 0]
    differences = (net.at(theta, x + h).value - net.at(theta, x - h).value) / (2 * h)
    np.testing.assert_allclose(slopes, differences, rtol=0.0, atol=1e-8)


def test_steep_networks_are_evaluated_at_all_points():
    net, theta = network(size=60.0)
    assert Moving().at(net, theta, points()) is None


@pytest.mark.parametrize("size", [1.0, 3.0, 8.0, 20.0])
def test_where_nodes_are_used_they_agree_however_large_the_weights(size):
    (net, theta), x = network(size=size), points()
    at = Moving().at(net, theta, x)
    assert at is None or relative(at.value, net.at(theta, x).value) < 1e-12


def test_equal_points_need_one_node():
    (net, theta), x = network(), np.full((1500, 1), 0.3)
    at, plain, bar = Moving().at(net, theta, x), net.at(theta, x), np.ones((1500, 1))
    assert at.interpolation.d == 1
    np.testing.assert_allclose(at.value, plain.value, **CLOSE)
    np.testing.assert_allclose(at.input_jacobian(), plain.input_jacobian(), **CLOSE)
    assert relative(at.pullback(bar)[0], plain.pullback(bar)[0]) < 1e-12


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_points_that_are_not_finite_are_left_to_the_network(bad):
    (net, theta), x = network(), points()
    x[7] = bad
    assert Moving().at(net, theta, x) is None


def test_few_points_are_left_to_the_network():
    net, theta = network()
    assert Moving().at(net, theta, points(count=200)) is None


def test_values_that_overflow_are_said_of_a_point_that_was_given():
    net = pcl.MLP((1, 12, 1), output=pcl.exponential())
    theta = 1e4 * net.init(seed=0)
    problem = pcl.Problem(lambda t: tf.reduce_sum(net(t["a"], t["x"][:, None])),
                          {"a": theta, "x": points()[:, 0]})
    with pytest.raises(NotFinite):
        problem.value(problem.theta0)


def conduction(collapse, n=13):
    """Σ u² with −∇·(κ(u) ∇u) = 10: 1014 points that move with θ and within Newton's method."""
    space = fem.Space(skfem.MeshTri.init_tensor(*2 * [np.linspace(0.0, 1.0, n + 1)]), "P1")
    net = pcl.MLP((1, 8, 8, 1), output=pcl.softplus(floor=0.1))
    free, load = space.partition(space.boundary_dofs()), space.load(10.0)

    def loss(theta):
        def equation(inner):
            u = free.put_free @ inner
            kappa = net(theta["net"], space.interpolate(u)[:, None], collapse=collapse)[:, 0]
            return free.take_free @ (space.laplace(kappa) @ u - load)
        return tf.reduce_sum(tf.square(pcl.solve_nonlinear(equation, np.zeros(len(free.free)))))
    return pcl.Problem(loss, {"net": net.init(seed=3)})


def scaled(collapse, outputs=1):
    """A function of N(s x; θ), s and θ unknown: points that move with one of the unknowns."""
    (net, theta), x = network(outputs=outputs), points()

    def loss(t):
        y = net(t["net"], t["s"] * x, collapse=collapse)
        return tf.reduce_mean(tf.sin(y) * x + y ** 2)
    return pcl.Problem(loss, {"net": theta, "s": np.array([1.1])})


def field(collapse):
    """The same in units of a field."""
    (net, theta), x = network(), points()
    units = pcl.Field(net, scale=2.0, shift=0.5)

    def loss(t):
        return tf.reduce_mean(units(t["net"], t["s"] * x, collapse=collapse) ** 3)
    return pcl.Problem(loss, {"net": theta, "s": np.array([1.1])})


PROBLEMS = {"conduction": conduction, "scaled": scaled, "field": field,
            "two outputs": lambda collapse: scaled(collapse, 2)}


@pytest.fixture(scope="module", params=PROBLEMS)
def pair(request):
    return PROBLEMS[request.param](True), PROBLEMS[request.param](False)


def used(problem, monkeypatch):
    """How many evaluations of the gradient of a problem came from nodes."""
    found, plain = [], Moving.at

    def counted(*arguments):
        found.append(plain(*arguments))
        return found[-1]
    monkeypatch.setattr(Moving, "at", counted)
    problem.gradient(problem.theta0 + 1e-3)
    return sum(at is not None for at in found)


def test_nodes_are_used_unless_they_are_switched_off(pair, monkeypatch):
    collapsed, plain = pair
    assert used(collapsed, monkeypatch) > 0 and used(plain, monkeypatch) == 0


def test_loss_and_derivatives_are_those_at_all_points(pair):
    collapsed, plain = pair
    v = np.random.default_rng(5).standard_normal(plain.theta0.size)
    for of in (lambda p: p.value(p.theta0), lambda p: p.gradient(p.theta0),
               lambda p: p.hvp(p.theta0, v), lambda p: p.hessian(p.theta0)):
        assert relative(np.asarray(of(collapsed)), np.asarray(of(plain))) < 1e-12


def test_hessian_passes_its_check_with_and_without_nodes(pair):
    assert all(pcl.check_hessian(problem).ok for problem in pair)


def test_second_derivatives_fall_back_where_nodes_do_not_give_them(monkeypatch):
    plain = scaled(False)
    monkeypatch.setattr(MovingPoint, "second", False)
    assert relative(scaled(True).hessian(plain.theta0), plain.hessian(plain.theta0)) < 1e-12
