"""Matrices of blocks: Stokes by hand, shapes in words, the null space of a singular one."""

import numpy as np
import pytest
import scipy.sparse as sp
import skfem
import tensorflow as tf
from oracles import by_tapes
from skfem.helpers import ddot, div, dot, grad

import pcl
from pcl.factor.entries import MOST

RNG = np.random.default_rng(0)


def full(rows, cols):
    """A constant matrix of random entries."""
    return pcl.SparseMatrix.from_scipy(RNG.normal(size=(rows, cols)))


def dense(A):
    return A.to_scipy().toarray()


def test_a_block_matrix_is_that_of_numpy():
    A, B, C = full(3, 3), full(2, 3), full(2, 2)
    K = pcl.block([[A, B.T, None], [None, C, B], [B, None, None]])
    zero = np.zeros
    expected = np.block([[dense(A), dense(B).T, zero((3, 3))], [zero((2, 3)), dense(C), dense(B)],
                         [dense(B), zero((2, 2)), zero((2, 3))]])
    np.testing.assert_array_equal(dense(K), expected)
    np.testing.assert_allclose(K @ np.arange(8.0), expected @ np.arange(8.0))


def test_derivatives_of_a_saddle_point_equal_dense_ones():
    """[[A(c) + I, Bᵀ(d)], [B(d), 0]]: the coefficient d of B in two places."""
    G, H = RNG.normal(size=(6, 4)), RNG.normal(size=(5, 2))
    rows, place = pcl.Structure(G, G), pcl.Structure(H, RNG.normal(size=(5, 4)))
    unit, b = pcl.SparseMatrix.from_scipy(np.eye(4)), np.arange(1.0, 7.0)

    def loss(theta):
        A = pcl.SparseMatrix.from_structure(rows, tf.exp(theta["c"])) + unit
        B = pcl.SparseMatrix.from_structure(place, theta["d"])
        return tf.reduce_sum(pcl.solve(pcl.block([[A, B.T], [B, None]]), b) ** 2)

    def by_hand(theta):
        A = G.T @ (tf.exp(theta[:6])[:, None] * G) + np.eye(4)
        B = place.test.toarray().T @ (theta[6:, None] * place.trial.toarray())
        K = tf.concat([tf.concat([A, tf.transpose(B)], 1), tf.concat([B, np.zeros((2, 2))], 1)], 0)
        return tf.reduce_sum(tf.linalg.solve(K, b[:, None]) ** 2)
    problem = pcl.Problem(loss, {"c": 0.3 * RNG.normal(size=6), "d": RNG.normal(size=5)})
    value, gradient, hessian = by_tapes(by_hand, problem.theta0)
    assert problem.value(problem.theta0) == pytest.approx(value, rel=1e-11)
    for found, exact in ((problem.gradient(problem.theta0), gradient),
                         (problem.hessian(problem.theta0), hessian)):
        np.testing.assert_allclose(found, exact, atol=1e-9 * np.abs(exact).max())


def test_blocks_that_do_not_fit_are_refused_in_words():
    A, B = full(3, 3), full(2, 3)
    with pytest.raises(ValueError, match="row 0 of blocks: block 0 has 3 rows, block 1 has 2"):
        pcl.block([[A, B], [B, None]])
    with pytest.raises(ValueError, match="column 1 of blocks: block 0 has 2 columns, block 1 has 3"):
        pcl.block([[A, B.T], [B, B]])
    with pytest.raises(ValueError, match="row 1 of blocks is None alone"):
        pcl.block([[A, B.T], [None, None]])
    with pytest.raises(TypeError, match=r"blocks\[1\]\[0\] is a ndarray"):
        pcl.block([[A, B.T], [np.eye(3), None]])
    for table in (A, [], [[]], [[A], [B, None]]):
        with pytest.raises(ValueError, match="no table"):
            pcl.block(table)


# --- u = g at some unknowns ---------------------------------------------------------------------------
def test_unknowns_are_fixed_as_by_elimination_and_their_values_differentiated():
    A, b, numbers, free = full(5, 5), np.arange(5.0), np.array([4, 1]), [0, 2, 3]
    g = np.array([2.0, -1.0])
    u = pcl.solve(A, b, fixed=(numbers, g)).numpy()
    np.testing.assert_array_equal(u[numbers], g)
    np.testing.assert_allclose((dense(A) @ u - b)[free], 0.0, atol=1e-12)
    problem = pcl.Problem(
        lambda t: tf.reduce_sum(pcl.solve(A, b, fixed=(numbers, t["g"])) ** 2), {"g": g})
    E = np.array([pcl.solve(A, 0.0 * b, fixed=(numbers, e)).numpy() for e in np.eye(2)]).T
    np.testing.assert_allclose(problem.hessian(g), 2.0 * E.T @ E, rtol=1e-11)
    both = pcl.solve(A, np.stack([b, b], 1), fixed=(numbers, 0.5)).numpy()
    np.testing.assert_array_equal(both[:, 0], both[:, 1])
    with pytest.raises(ValueError, match=r"fixed values has shape \(3,\)"):
        pcl.solve(A, b, fixed=(numbers, np.ones(3)))
    with pytest.raises(ValueError, match="a number twice"):
        pcl.solve(A, b, fixed=([1, 1], 0.0))


# --- Stokes --------------------------------------------------------------------------------------------
MESH = skfem.MeshTri.init_symmetric().refined(2)
VELOCITY = skfem.Basis(MESH, skfem.ElementVector(skfem.ElementTriP2()), intorder=4)
PRESSURE = VELOCITY.with_element(skfem.ElementTriP1())


def gradient_map(basis):
    """G with rows (point, i, j): ∂u_i/∂x_j at the quadrature points."""
    points = basis.dx.size
    values = np.stack([np.moveaxis(f[0].grad.reshape(4, points), 0, 1) for f in basis.basis], -1)
    dofs = np.repeat(basis.element_dofs.T, basis.dx.shape[1], axis=0)          # (points, functions)
    rows = np.repeat(np.arange(4 * points).reshape(points, 4, 1), dofs.shape[1], axis=2)
    cols = np.repeat(dofs[:, None], 4, axis=1)
    return sp.csr_array((values.ravel(), (rows.ravel(), cols.ravel())), shape=(4 * points, basis.N))


G = gradient_map(VELOCITY)
VISCOUS = pcl.Structure(sp.diags_array(np.repeat(VELOCITY.dx.ravel(), 4)) @ G, G, group=4)     # ∫ν∇u:∇v
DIVERGENCE = pcl.SparseMatrix.from_scipy(skfem.asm(skfem.BilinearForm(lambda u, q, w: -q * div(u)),
                                                   VELOCITY, PRESSURE))
WALL = VELOCITY.get_dofs().all()
LID = (VELOCITY.doflocs[1, WALL] == 1.0) * (WALL % 2 == 0) * 1.0               # u = (1, 0) above
X = VELOCITY.global_coordinates().value.reshape(2, -1).T


def stokes(viscosity, level=(0,), **settings):
    """(u; p) of a driven cavity, the pressure 0 at vertex `level`."""
    A = pcl.SparseMatrix.from_structure(VISCOUS, viscosity)
    K = pcl.block([[A, DIVERGENCE.T], [DIVERGENCE, None]])
    numbers = np.concatenate([WALL, VELOCITY.N + np.array(level, dtype=int)])
    values = np.concatenate([LID, np.zeros(len(level))])
    return pcl.solve(K, np.zeros(K.shape[0]), fixed=(numbers, values), **settings)


def test_the_stokes_solution_is_that_of_scikit_fem():
    nu = 1.0 + X[:, 0] * X[:, 1]
    form = skfem.BilinearForm(lambda u, v, w: (1.0 + w.x[0] * w.x[1]) * ddot(grad(u), grad(v)))
    A = skfem.asm(form, VELOCITY)
    B = DIVERGENCE.to_scipy()
    K = sp.block_array([[A, B.T], [B, None]], format="csr")
    fixed = np.append(WALL, VELOCITY.N)
    u = skfem.solve(*skfem.condense(K, np.zeros(K.shape[0]), D=fixed, x=np.concatenate(
        [np.bincount(WALL, LID, VELOCITY.N), np.zeros(PRESSURE.N)])))
    np.testing.assert_allclose(stokes(nu), u, atol=1e-10 * np.abs(u).max())


def test_a_viscosity_by_a_network_passes_the_checks():
    net, seen = pcl.MLP([2, 4, 1], output=pcl.softplus(floor=0.3)), pcl.LinearMap(G[::97])

    def loss(theta):
        state = stokes(net(theta["nu"], X)[:, 0])
        return tf.reduce_sum((seen @ state[:VELOCITY.N]) ** 2) + tf.reduce_sum(state[VELOCITY.N:] ** 2)
    problem = pcl.Problem(loss, {"nu": net.init(1)})
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


def test_a_constant_pressure_is_found_as_the_null_space_and_said():
    with pytest.raises(pcl.SingularMatrix, match="1 at [0-9]* of .*nothing determines") as info:
        stokes(1.0, level=())
    assert "Dirichlet" not in str(info.value)
    null = info.value.null_vector
    np.testing.assert_allclose(null[-PRESSURE.N:], null[-1], rtol=1e-6)
    np.testing.assert_allclose(null[:-PRESSURE.N], 0.0, atol=1e-8)


def test_the_discretisation_may_name_the_null_space():
    def name(null):
        assert null.shape == (VELOCITY.N + PRESSURE.N, 1) and not null[WALL].any()
        return "the pressure is determined up to a constant; give its mean value."
    with pytest.raises(pcl.SingularMatrix, match="^singular: the pressure is determined up to a const"):
        stokes(1.0, level=(), name_null=name)
    with pytest.raises(pcl.SingularMatrix, match="nothing determines their level"):
        stokes(1.0, level=(), name_null=lambda null: None)
    problem = pcl.Problem(lambda t: tf.reduce_sum(stokes(t["nu"], level=(), name_null=name)), {"nu": 1.0})
    with pytest.raises(pcl.SingularMatrix, match="up to a constant"):
        problem.value(problem.theta0)


def test_rigid_motions_span_the_null_space_of_a_body_without_supports():
    def stress(u, v, w):
        return ddot(grad(u) + grad(u).swapaxes(0, 1), grad(v))
    K = pcl.SparseMatrix.from_scipy(skfem.asm(skfem.BilinearForm(stress), VELOCITY))
    with pytest.raises(pcl.SingularMatrix, match="3 independent null vectors") as info:
        pcl.solve(K, np.zeros(VELOCITY.N))
    x, y = VELOCITY.doflocs
    even = np.arange(VELOCITY.N) % 2 == 0
    motions = np.stack([1.0 * even, 1.0 * ~even, np.where(even, -y, x)], 1)
    N = info.value.null_space
    np.testing.assert_allclose(N @ (N.T @ motions), motions, atol=1e-7)


def test_a_large_null_space_is_said_to_be_at_least_so_large():
    K = pcl.SparseMatrix.from_scipy(np.ones((20, 20)) + np.diag(np.arange(20.0) > 14))
    with pytest.raises(pcl.SingularMatrix, match=f"at least {MOST} independent null vectors"):
        pcl.solve(K, np.ones(20))


def test_dot_and_load_of_scikit_fem_drive_the_flow():
    """A force instead of a lid: ∫f·v with f = (y, 0), against scikit-fem's own solve."""
    f = skfem.asm(skfem.LinearForm(lambda v, w: dot(np.stack([w.x[1], 0.0 * w.x[1]]), v)), VELOCITY)
    A, B = pcl.SparseMatrix.from_structure(VISCOUS, 2.0), DIVERGENCE
    b, fixed = np.concatenate([f, np.zeros(PRESSURE.N)]), np.append(WALL, VELOCITY.N)
    u = pcl.solve(pcl.block([[A, B.T], [B, None]]), b, fixed=(fixed, 0.0))
    K = sp.block_array([[A.to_scipy(), B.to_scipy().T], [B.to_scipy(), None]], format="csr")
    np.testing.assert_allclose(u, skfem.solve(*skfem.condense(K, b, D=fixed)), atol=1e-12)
