"""Natural frequencies by finite elements: closed forms, Dirichlet conditions, identification."""

import numpy as np
import pytest
import scipy.linalg
import skfem
import tensorflow as tf
from oracles import differences

import fem
import pcl
from pcl.nodes.eigen import pencil


def interval(n, element="P2"):
    mesh = skfem.MeshLine(np.linspace(0.0, 1.0, n + 1)).with_boundaries({"left": lambda x: x[0] == 0.0})
    return fem.Space(mesh, element)


def square(n, element="Q2"):
    x = np.linspace(0.0, 1.0, n + 1)
    return fem.Space(skfem.MeshQuad.init_tensor(x, x), element)


@pytest.mark.parametrize("dirichlet, expected", [
    (0.0, [1, 4, 9, 16]), (None, [0, 1, 4, 9]), ({"left": 0.0}, [0.25, 2.25, 6.25, 12.25])])
def test_eigenvalues_of_an_interval_by_conditions(dirichlet, expected):
    V = interval(40)
    values = fem.eigenvalues(V.laplace(1.0), V.mass(1.0), 4, dirichlet)
    np.testing.assert_allclose(values / np.pi ** 2, expected, rtol=3e-5, atol=1e-10)


def test_eigenvalues_of_the_square_are_sums_of_squares_multiple_ones_included():
    V = square(12)
    assert V.n > pencil.DENSE
    values = fem.eigenvalues(V.laplace(1.0), V.mass(1.0), 6, dirichlet=0.0)
    np.testing.assert_allclose(values / np.pi ** 2, [2, 5, 5, 8, 10, 10], rtol=1e-3)
    nearest = fem.eigenvalues(V.laplace(1.0), V.mass(1.0), 2, dirichlet=0.0, sigma=13.5 * np.pi ** 2)
    np.testing.assert_allclose(nearest / np.pi ** 2, [13, 13], rtol=1e-3)


def test_eigenvalues_converge_with_twice_the_order_of_the_element():
    errors = [fem.eigenvalues(V.laplace(1.0), V.mass(1.0), 1, dirichlet=0.0)[0] - np.pi ** 2
              for V in (interval(8), interval(16))]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4.0, abs=0.1)


def test_modes_are_those_of_the_string_and_vanish_where_they_are_held():
    V = interval(40)
    values, modes = fem.eigenvalues(V.laplace(1.0), V.mass(1.0), 3, dirichlet=0.0, vectors=True)
    x = V.dof_points[:, 0]
    np.testing.assert_allclose(modes, np.sqrt(2) * np.sin(np.pi * np.outer(x, [1, 2, 3])), atol=1e-4)
    assert not modes.numpy()[V.boundary_dofs()].any()


def test_a_grid_has_eigenvalues_too():
    grid = fem.Grid.uniform((31, 41), (1.0, 2.0))
    values = fem.eigenvalues(grid.laplace(1.0), grid.mass(1.0), 3, dirichlet=0.0)
    np.testing.assert_allclose(values / np.pi ** 2, [1.25, 2.0, 3.25], rtol=5e-3)


def test_a_ring_has_the_eigenvalues_of_periodic_ends():
    """(2πk)² on a ring, twice from k = 1 on; both modes are periodic."""
    mesh = skfem.MeshLine(np.linspace(0.0, 1.0, 41)).with_boundaries(
        {"left": lambda x: x[0] == 0.0, "right": lambda x: x[0] == 1.0})
    V = fem.Space(mesh, "P2")
    ring = V.periodic("left", "right")
    values = fem.eigenvalues(V.laplace(1.0), V.mass(1.0), 5, constraints=ring)
    np.testing.assert_allclose(values / (2 * np.pi) ** 2, [0, 1, 1, 4, 4], rtol=1e-4, atol=1e-10)
    _, mode = fem.eigenvalues(V.laplace(1.0), V.mass(1.0), [0], constraints=ring, vectors=True)
    np.testing.assert_allclose(mode, 1.0, atol=1e-8)
    with pytest.raises(ValueError, match="kept by multipliers"):
        fem.eigenvalues(V.laplace(1.0), V.mass(1.0), 2, constraints=V.mean_value())


def test_a_network_inside_passes_the_checks_and_the_gradient_is_that_of_scipy():
    V, net = square(4), pcl.MLP([2, 3, 1], output=pcl.softplus(floor=0.5))
    free = np.setdiff1d(np.arange(V.n), V.boundary_dofs())

    def loss(theta):
        kappa = net(theta["kappa"], V.quadrature_points)[:, 0]
        values, modes = fem.eigenvalues(V.laplace(kappa), theta["rho"] * V.mass(1.0), 3, dirichlet=0.0,
                                        vectors=True)
        return tf.reduce_sum(tf.square(values / 20.0)) + tf.reduce_sum(modes[::3] ** 4)
    problem = pcl.Problem(loss, {"kappa": net.init(1), "rho": 1.3})
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok

    def by_scipy(theta):
        kappa = net.tensorflow(theta[:-1], V.quadrature_points)[:, 0].numpy()
        K, M = (A.to_scipy().toarray()[np.ix_(free, free)] for A in (V.laplace(kappa), V.mass(theta[-1])))
        found, X = scipy.linalg.eigh(K, M)
        modes = np.zeros((V.n, 3))
        modes[free] = X[:, :3]
        return np.sum((found[:3] / 20.0) ** 2) + np.sum(modes[::3] ** 4)
    theta = problem.theta0
    assert problem.value(theta) == pytest.approx(by_scipy(theta), rel=1e-10)
    np.testing.assert_allclose(problem.gradient(theta), differences(by_scipy, theta, 1e-5), atol=1e-5)


def test_the_pair_of_the_square_is_fitted_by_its_mean_and_refused_alone():
    V, x = square(6), square(6).quadrature_points

    def problem(count):
        def loss(theta):
            kappa = 1.0 + theta["t"][0] * x[:, 0] + theta["t"][1] * x[:, 1] ** 2
            values = fem.eigenvalues(V.laplace(kappa), V.mass(1.0), count, dirichlet=0.0)
            return tf.reduce_sum(values[1:] ** 2)
        return pcl.Problem(loss, {"t": [0.0, 0.0]})
    assert pcl.check_hessian(problem([0, (1, 2), 3])).ok
    with pytest.raises(pcl.MultipleEigenvalue, match="eigenvalues 1, 2 coincide"):
        problem(2).gradient(np.zeros(2))


def test_conditions_that_hold_nothing_at_zero_are_refused():
    V = interval(4)
    K, M = V.laplace(1.0), V.mass(1.0)
    with pytest.raises(ValueError, match="Dirichlet value of an eigenvalue problem is 1; expected 0"):
        fem.eigenvalues(K, M, 2, dirichlet=1.0)
    with pytest.raises(ValueError, match="no eigenvalue is left"):
        fem.eigenvalues(K, M, 2, dirichlet=fem.Dirichlet(np.arange(V.n), 0.0))
    with pytest.raises(ValueError, match="count is 8; expected a whole number from 1 to 7"):
        fem.eigenvalues(K, M, 8, dirichlet=0.0)
    with pytest.raises(ValueError, match="different spaces"):
        fem.eigenvalues(K, interval(4).mass(1.0), 2)
    with pytest.raises(ValueError, match="K belongs to no space"):
        fem.eigenvalues(pcl.SparseMatrix.from_scipy(np.eye(3)), None, 2, dirichlet=0.0)
