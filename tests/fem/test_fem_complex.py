"""Helmholtz's equation with an impedance boundary, by its real form in one call."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
import skfem
import tensorflow as tf
from skfem.helpers import dot, grad

import fem
import pcl


def joined(parts):
    """x + iy of the two tensors."""
    return parts[0].numpy() + 1j * parts[1].numpy()


def room(n, element="P2"):
    mesh = skfem.MeshTri.init_tensor(np.linspace(0, 1, n + 1), np.linspace(0, 1, n + 1)).with_boundaries(
        {"left": lambda x: x[0] == 0.0, "right": lambda x: x[0] == 1.0})
    return fem.Space(mesh, element)


def waves(V, k, f=0.0, c=1.0, **settings):
    """p with −∇·(c ∇p) − k² p = f, c ∂p/∂n = i k p at the right end."""
    A_re, A_im = V.laplace(c) - V.mass(k ** 2), V.boundary_mass(-k, "right")
    return fem.solve_complex(A_re, A_im, V.load(f), **settings)


def test_a_plane_wave_leaves_through_the_impedance_boundary():
    """p = exp(ikx): p = 1 at x = 0, p' = ikp at x = 1, nothing is reflected."""
    k, errors = 5.0, []
    for n in (4, 8):
        V = room(n)
        found = joined(waves(V, k, dirichlet={"left": 1.0}))
        p = np.exp(1j * k * V.dof_points[:, 0])
        errors.append(np.abs(found - p).max())
    assert errors[1] < 2e-3 and np.log2(errors[0] / errors[1]) > 2.8


def test_the_solution_is_that_of_scikit_fem_in_complex_arithmetic():
    V, k = room(5), 4.0
    basis = skfem.Basis(V.mesh, V.element, intorder=6)
    wall = skfem.FacetBasis(V.mesh, V.element, facets="right", intorder=6)

    def speed(x):
        return 1.0 + 0.3 * x[0] * x[1]
    form = skfem.BilinearForm(lambda u, v, w: speed(w.x) * dot(grad(u), grad(v)) - k ** 2 * u * v)
    K = skfem.asm(form, basis)
    B = skfem.asm(skfem.BilinearForm(lambda u, v, w: k * u * v), wall)
    f = skfem.asm(skfem.LinearForm(lambda v, w: (1.0 + 2.0j) * w.x[0] * v, dtype=complex), basis)
    left = V.boundary_dofs("left")
    p = skfem.solve(*skfem.condense((K - 1j * B).astype(complex), f, D=left,
                                    x=np.bincount(left, minlength=V.n) * (2.0 - 1.0j)))
    V = fem.Space(V.mesh, "P2", quadrature_order=6)
    load = V.load(lambda x: x[:, 0])
    found = fem.solve_complex(
        V.laplace(lambda x: speed(x.T)) - V.mass(k ** 2), V.boundary_mass(-k, "right"), load, 2.0 * load,
        dirichlet={"left": 2.0}, dirichlet_im={"left": -1.0})
    np.testing.assert_allclose(joined(found), p, atol=1e-10 * np.abs(p).max())


def test_a_speed_by_a_network_passes_the_checks():
    V, net = room(4), pcl.MLP([2, 4, 1], output=pcl.softplus(floor=0.5))
    receivers = V.observe([[0.5, 0.5], [0.9, 0.2]])

    def loss(theta):
        c = net(theta["c"], V.quadrature_points)[:, 0]
        x, y = waves(V, theta["k"], 10.0, c, dirichlet={"left": theta["g"]})
        return tf.reduce_sum(tf.square(receivers @ x) + (receivers @ y) ** 4)
    problem = pcl.Problem(loss, {"c": net.init(1), "k": 3.0, "g": 0.5})
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


# --- without a mesh ------------------------------------------------------------------------------------
RNG = np.random.default_rng(0)
A, B = (pcl.SparseMatrix.from_scipy(RNG.normal(size=(4, 4))) for _ in range(2))


def test_complex_systems_are_those_of_numpy():
    b = RNG.normal(size=(4, 2, 2))
    Z = (A.to_scipy() + 1j * B.to_scipy()).toarray()
    both = joined(pcl.solve_complex(A, B, b[..., 0], b[..., 1]))
    np.testing.assert_allclose(both, np.linalg.solve(Z, b[..., 0] + 1j * b[..., 1]), rtol=1e-12)
    z = joined(pcl.solve_complex(A, B, b[:, 0, 0], fixed=([1, 2], 3.0, [0.5, -0.5])))
    np.testing.assert_allclose(z[[1, 2]], [3.0 + 0.5j, 3.0 - 0.5j])
    np.testing.assert_allclose((Z @ z - b[:, 0, 0])[[0, 3]], 0.0, atol=1e-12)
    eigenvalues = np.linalg.eigvals(pcl.complex_block(A, B).to_scipy().toarray())
    twice = np.concatenate([np.linalg.eigvals(Z), np.linalg.eigvals(Z).conj()])
    np.testing.assert_allclose(np.sort_complex(eigenvalues), np.sort_complex(twice), atol=1e-10)


def test_a_mass_as_imaginary_part_may_be_negated_inside():
    """−B stands in the real form, though a positive form refuses to be negated alone."""
    V = room(3)
    found = joined(fem.solve_complex(V.laplace(1.0), V.mass(2.0), V.load(1.0), dirichlet=0.0))
    K = sp.csc_array(V.laplace(1.0).to_scipy() + 1j * V.mass(2.0).to_scipy())
    free = np.setdiff1d(np.arange(V.n), V.boundary_dofs())
    z = spla.spsolve(sp.csc_matrix(K[free][:, free]), V.load(1.0).numpy()[free])
    np.testing.assert_allclose(found[free], z, rtol=1e-9)


def test_parts_that_do_not_fit_are_refused_in_words():
    V = room(2)
    K = V.laplace(1.0)
    with pytest.raises(ValueError, match=r"b_im has shape \(3,\)"):
        pcl.solve_complex(A, B, np.ones(4), np.ones(3))
    with pytest.raises(ValueError, match="row 0 of blocks: block 0 has"):
        pcl.solve_complex(A, K, np.ones(4))
    with pytest.raises(ValueError, match="A_re belongs to no space"):
        fem.solve_complex(A, B, np.ones(4))
    with pytest.raises(ValueError, match="dirichlet holds 5 degrees of freedom and dirichlet_im 10"):
        fem.solve_complex(K, V.mass(1.0), V.load(1.0), dirichlet={"left": 1.0},
                          dirichlet_im={"left": 0.0, "right": 0.0})
