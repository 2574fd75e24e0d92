"""Every discretisation keeps its protocol: what solves, conditions and marches ask of it."""

import numpy as np
import pytest
import skfem
from oracles import broken_promises

import fem
from fem.common.discretisation import Discretisation

# Each fills the rectangle (0, 1) × (0, 2).
SPACES = {
    "triangles P1": lambda: fem.Space(triangles(), "P1"),
    "triangles P2": lambda: fem.Space(triangles(), "P2"),
    "quadrilaterals Q1": lambda: fem.Space(
        skfem.MeshQuad.init_tensor(np.linspace(0, 1, 4), np.linspace(0, 2, 5)), "Q1"),
    "grid": lambda: fem.Grid.uniform((5, 6), (1.0, 2.0)),
    "graded grid": lambda: fem.Grid(np.array([0.0, 0.1, 0.5, 1.0]), np.array([0.0, 0.8, 1.5, 2.0])),
}


def triangles():
    return skfem.MeshTri.init_tensor(np.linspace(0, 1, 4), np.linspace(0, 2, 5))


@pytest.fixture(params=SPACES, scope="module")
def space(request):
    return SPACES[request.param]()


def dense(matrix, n):
    return np.stack([np.asarray(matrix @ e) for e in np.eye(n)], axis=1)


def test_methods_have_the_arguments_of_the_protocol(space):
    assert broken_promises(Discretisation, space) == []
    assert space.dof_points.shape == (space.n, space.dim) and space.unused_dofs.size == 0


def test_laplace_is_symmetric_and_annihilates_constants(space):
    A = dense(space.laplace(3.0), space.n)
    np.testing.assert_allclose(A, A.T, atol=1e-12)
    np.testing.assert_allclose(A.sum(axis=1), 0.0, atol=1e-12)
    assert np.linalg.eigvalsh(A)[1] > 1e-3          # of constants only


def test_laplace_has_the_energy_of_a_linear_function(space):
    """∫ κ|∇(x + 2y)|² = 5κ|Ω|."""
    u = space.dof_points @ [1.0, 2.0]
    assert u @ np.asarray(space.laplace(3.0) @ u) == pytest.approx(3.0 * 5.0 * 2.0, rel=1e-12)


def test_mass_load_and_basis_integrals_agree_on_constants(space):
    M, b = dense(space.mass(3.0), space.n), np.asarray(space.load(3.0))
    np.testing.assert_allclose(M, M.T, atol=1e-14)
    assert M.sum() == pytest.approx(6.0, rel=1e-12) and b.sum() == pytest.approx(6.0, rel=1e-12)
    np.testing.assert_allclose(M.sum(axis=1), b, atol=1e-13)
    np.testing.assert_allclose(space.basis_integrals, b / 3.0, atol=1e-13)


def test_observations_are_exact_for_linear_functions(space):
    points = np.array([[0.21, 0.4], [0.77, 1.9]])
    u = space.dof_points @ [1.0, 2.0] + 0.5
    np.testing.assert_allclose(space.observe(points) @ u, points @ [1.0, 2.0] + 0.5, rtol=1e-12)
    np.testing.assert_array_equal(space.observe_nodes([3, 1]) @ u, u[[3, 1]])


def test_a_partition_splits_the_numbers_and_is_remembered(space):
    fixed = space.boundary_dofs()
    split = space.partition(fixed)
    on = (space.dof_points == 0.0) | (space.dof_points == [1.0, 2.0])
    np.testing.assert_array_equal(fixed, np.flatnonzero(on.any(axis=1)))
    np.testing.assert_array_equal(np.sort(np.concatenate([split.free, split.fixed])), np.arange(space.n))
    assert space.partition(fixed.copy()) is split and not space.components.any()


def test_a_solve_with_linear_data_has_the_linear_solution(space):
    exact = space.dof_points @ [1.0, 2.0]
    u = fem.solve(space.laplace(2.0), space.load(0.0), dirichlet=lambda x: x @ [1.0, 2.0])
    np.testing.assert_allclose(u, exact, atol=1e-12)
