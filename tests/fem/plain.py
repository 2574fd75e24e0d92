"""Losses of `losses.py` again, in plain scikit-fem and SciPy, for complex parameters.

Each is a function of θ (k,) that scikit-fem assembles and a sparse solver evaluates, nothing of this
library but the networks' numbers and the meshes. They are analytic in θ, so the imaginary part of a
complex step is the derivative to rounding.
"""

import numpy as np
import skfem
from losses import NET, POINTS, SLANTED
from manufactured import parallelogram
from scipy.sparse import block_array
from scipy.sparse.linalg import spsolve
from skfem.helpers import ddot, div, dot, grad, sym_grad

import fem

bilinear = skfem.BilinearForm(dtype=np.complex128)
linear = skfem.LinearForm(dtype=np.complex128)


def network(net, theta, x):
    """softplus of a tanh layer, with a lower bound of 0.2: the definition of the network in losses.py."""
    n_in, width, _ = net.widths
    W, b = theta[:n_in * width].reshape(n_in, width), theta[n_in * width:n_in * width + width]
    V, c = theta[-width - 1:-1], theta[-1]
    shape = x.shape[1:]
    z = np.tanh(x.reshape(n_in, -1).T @ W + b) @ V + c
    return (0.2 + np.log(1 + np.exp(z))).reshape(shape)


def squares(values):
    return ((values - 0.1) ** 2).sum()


def solved(A, b, fixed, given=None):
    """A u = b with u given at some numbers."""
    u = np.zeros(A.shape[0], dtype=complex)
    free = np.setdiff1d(np.arange(A.shape[0]), fixed)
    if given is not None:
        u[fixed] = given
    A = A.tocsc()
    u[free] = spsolve(A[free][:, free], (b - A @ u)[free])
    return u


def probe(basis, u, points=POINTS):
    """u at points, one row a point: the basis functions of the cell of each of them."""
    cells = basis.mesh.element_finder()(*points.T)
    X = basis.mapping.invF(points.T[:, :, None], tind=cells)
    value = sum(u[basis.element_dofs[i, cells]] * np.array(
        basis.elem.gbasis(basis.mapping, X, i, tind=cells)[0].value)[..., 0]
        for i in range(len(basis.element_dofs)))
    return value.T


def vector(element):
    return skfem.ElementVector(element)


def square(element, n=3, order=4):
    return skfem.Basis(fem.unit_square(n), element, intorder=order)


def side(basis, name):
    return skfem.FacetBasis(basis.mesh, basis.elem, facets=basis.mesh.boundaries[name],
                            intorder=basis.intorder if hasattr(basis, "intorder") else 4)


@bilinear
def laplacian(u, v, w):
    return dot(grad(u), grad(v))


@bilinear
def product(u, v, w):
    return u * v


@linear
def one(v, w):
    return 1.0 * v


# --- the losses -----------------------------------------------------------------------------------
def young_network(theta):
    V = square(vector(skfem.ElementTriP2()), 2)

    @bilinear
    def stiffness(u, v, w):
        E = network(NET, theta, w.x)
        return E * (2 * ddot(sym_grad(u), sym_grad(v)) + div(u) * div(v))
    pull = skfem.LinearForm(lambda v, w: 0.1 * dot(w.n, v)).assemble(side(V, "right"))
    u = solved(stiffness.assemble(V), pull, V.get_dofs("left").flatten())
    return squares(probe(V, u))


def stokes_viscosity(theta):
    V, Q = square(vector(skfem.ElementTriP2()), 2), square(skfem.ElementTriP1(), 2)

    @bilinear
    def viscous(u, v, w):
        return (theta[0] + theta[1] * w.x[0]) * ddot(grad(u), grad(v))
    D = skfem.BilinearForm(lambda u, q, w: div(u) * q).assemble(V, Q)
    push = -theta[2] * skfem.LinearForm(lambda v, w: dot(w.n, v)).assemble(side(V, "left"))
    A = block_array([[viscous.assemble(V), -D.T], [D, None]])
    walls = V.get_dofs(["top", "bottom"]).flatten()
    y = solved(A, np.concatenate([push, np.zeros(Q.N)]), walls)
    return squares(probe(V, y[:V.N])) + squares(probe(Q, y[V.N:]))


def neo_hooke(theta):
    V = square(vector(skfem.ElementTriP1()), 2)
    EYE = np.eye(2)[:, :, None, None]

    def inverse(F):
        return np.stack([[F[1, 1], -F[0, 1]], [-F[1, 0], F[0, 0]]]) / determinant(F)

    def determinant(F):
        return F[0, 0] * F[1, 1] - F[0, 1] * F[1, 0]

    @bilinear
    def tangent(u, v, w):
        G, L = inverse(EYE + w.state.grad), np.log(determinant(EYE + w.state.grad))
        turned = np.einsum("ji...,kj...,lk...->il...", G, u.grad, G)        # G^T (∇u)^T G^T
        trace = np.einsum("ij...,ji...->...", G, u.grad)
        P = theta[0] * u.grad + (theta[0] - theta[1] * L) * turned + theta[1] * trace * G.swapaxes(0, 1)
        return ddot(P, v.grad)

    @linear
    def force(v, w):
        F = EYE + w.state.grad
        G, L = inverse(F).swapaxes(0, 1), np.log(determinant(F))
        return ddot(theta[0] * (F - G) + theta[1] * L * G, v.grad)

    @linear
    def pull(v, w):
        return theta[2] * (1 + w.x[1]) * dot(w.n, v)
    x_only = V.get_dofs("left").all("u^1")
    y_only = V.get_dofs("bottom").all("u^2")
    fixed, u = np.concatenate([x_only, y_only]), np.zeros(V.N, dtype=complex)
    outside = pull.assemble(side(V, "right"))
    for _ in range(12):
        state = complex_field(V, u)
        u = u - solved(tangent.assemble(V, state=state), force.assemble(V, state=state) - outside, fixed)
    return squares(probe(V, u))


def complex_field(basis, u):
    """u_h at the quadrature points for complex u."""
    re, im = basis.interpolate(u.real), basis.interpolate(u.imag)
    return skfem.DiscreteField(value=re.value + 1j * im.value, grad=re.grad + 1j * im.grad)


def robin(theta):
    V = square(skfem.ElementTriP1())
    G = side(V, "right")

    @bilinear
    def slope(u, v, w):
        return (theta[0] + 3 * theta[1] * w.state.value ** 2) * u * v

    @linear
    def flux(v, w):
        return (theta[0] * w.state.value + theta[1] * w.state.value ** 3 - 1.0) * v
    K, u = laplacian.assemble(V), np.zeros(V.N, dtype=complex)
    for _ in range(12):
        state = complex_field(G, u)
        u = u - solved(K + slope.assemble(G, state=state), K @ u + flux.assemble(G, state=state),
                       V.get_dofs("left").flatten())
    return squares(probe(V, u))


def given_values(theta):
    V = square(skfem.ElementTriP1())
    left, right = V.get_dofs("left").flatten(), V.get_dofs("right").flatten()
    given = np.concatenate([theta[0] + theta[1] * V.doflocs[1, left], 0 * right + theta[2]])
    A, fixed = laplacian.assemble(V) + product.assemble(V), np.concatenate([left, right])
    u = solved(A, one.assemble(V), fixed, given)
    return squares(probe(V, u))


def given_normal(theta):
    """The normal of the straight side in rows of a bordered system."""
    V = skfem.Basis(parallelogram(2), vector(skfem.ElementTriP2()), intorder=6)
    A = bilinear_of(lambda u, v, w: ddot(sym_grad(u), sym_grad(v)) + dot(u, v)).assemble(V)
    b = skfem.LinearForm(lambda v, w: v[0] + 0.5 * v[1]).assemble(V)
    nodes = V.get_dofs("right").flatten().reshape(-1)
    x, y = V.get_dofs("right").all("u^1"), V.get_dofs("right").all("u^2")
    assert len(x) + len(y) == len(nodes) and np.allclose(V.doflocs[:, x], V.doflocs[:, y])
    n = side(V, "right").normals[:, 0, 0]
    C = np.zeros((len(x), V.N))
    C[np.arange(len(x)), x], C[np.arange(len(x)), y] = n
    full = block_array([[A, C.T], [C, None]]).tocsc()
    rhs = np.concatenate([b, theta[0] + theta[1] * V.doflocs[0, x]])
    return squares(probe(V, spsolve(full, rhs.astype(complex))[:V.N], SLANTED))


def bilinear_of(function):
    return skfem.BilinearForm(function, dtype=np.complex128)


def _moments(basis, part, theta):
    """Unknowns of the right side and their values: ∫ g τφ / ∫ (τφ)², one function a facet."""
    G = side(basis, "right")
    mass = skfem.BilinearForm(lambda u, v, w: part(u, w.n) * part(v, w.n)).assemble(G)
    load = linear_of(lambda v, w: (theta[0] + theta[1] * w.x[0]) * part(v, w.n)).assemble(G)
    dofs = basis.get_dofs("right").flatten()
    return dofs, load[dofs] / mass.diagonal()[dofs]


def linear_of(function):
    return skfem.LinearForm(function, dtype=np.complex128)


def given_flux(theta):
    S = skfem.Basis(parallelogram(2), skfem.ElementTriRT1(), intorder=6)
    P = skfem.Basis(S.mesh, skfem.ElementTriP0(), intorder=6)
    M = skfem.BilinearForm(lambda s, t, w: dot(s, t)).assemble(S)
    D = skfem.BilinearForm(lambda s, v, w: div(s) * v).assemble(S, P)
    dofs, values = _moments(S, dot, theta)
    b = np.concatenate([np.zeros(S.N), -skfem.LinearForm(lambda v, w: 1.0 * v).assemble(P)])
    y = solved(block_array([[M, D.T], [D, None]]), b, dofs, values)
    return squares(probe(S, y[:S.N], SLANTED))


def given_tangent(theta):
    V = skfem.Basis(parallelogram(2), skfem.ElementTriN1(), intorder=6)
    A = skfem.BilinearForm(lambda u, v, w: u.curl * v.curl + dot(u, v)).assemble(V)
    b = skfem.LinearForm(lambda v, w: v[0] + 0.5 * v[1]).assemble(V)
    dofs, values = _moments(V, lambda u, n: n[0] * u[1] - n[1] * u[0], theta)
    return squares(probe(V, solved(A, b, dofs, values), SLANTED))


def conductivity(theta, V):
    return bilinear_of(lambda u, v, w: (theta[0] + theta[1] * w.x[0]) * dot(grad(u), grad(v))).assemble(V)


def given_sum(theta):
    V = square(skfem.ElementTriP1())
    boundary = V.get_dofs().flatten()
    inside = V.complement_dofs(boundary)
    C = np.zeros((1, V.N))
    C[0, inside[:2]] = 1.0, 2.0
    full = block_array([[theta[1] * laplacian.assemble(V), C.T], [C, None]]).tocsc()
    y = solved(full, np.append(one.assemble(V), theta[0]), boundary)
    return squares(probe(V, y[:V.N]))


def periodic(theta):
    V = square(skfem.ElementTriP1())
    left, right = V.get_dofs("left").flatten(), V.get_dofs("right").flatten()
    left, right = (d[np.argsort(V.doflocs[1, d])] for d in (left, right))
    P = np.eye(V.N)
    P[left] = P[right]
    keep = np.setdiff1d(np.arange(V.N), np.concatenate([left, V.get_dofs("bottom").flatten()]))
    P = P[:, keep]
    P[V.get_dofs("bottom").flatten()] = 0.0
    b = linear_of(lambda v, w: w.x[0] * v).assemble(V)
    z = np.linalg.solve(P.T @ conductivity(theta, V).toarray() @ P, P.T @ b)
    return squares(probe(V, P @ z))


def regions(theta):
    V = square(skfem.ElementTriP1(), 4)
    K = bilinear_of(lambda u, v, w: np.where(w.x[0] < 0.5, theta[0], theta[1] + w.x[0])
                    * dot(grad(u), grad(v))).assemble(V)
    return squares(probe(V, solved(K, one.assemble(V), V.get_dofs("left").flatten())))


def functional(theta):
    V = square(skfem.ElementTriP1(), 4)
    u = solved(conductivity(theta, V), one.assemble(V), V.get_dofs(["left", "bottom"]).flatten())
    state = complex_field(V, u)
    j = state.value ** 2 + theta[0] * (state.grad ** 2).sum(axis=0) * V.global_coordinates()[0]
    east = np.asarray(V.global_coordinates())[0].mean(axis=1) > 0.5
    G = side(V, "right")
    mean = (G.dx * complex_field(G, u).value * G.normals[0]).sum()
    return squares((V.dx * j)[east].sum()) + squares(mean)


def reaction(theta):
    V = square(skfem.ElementTriP1())
    left, right = V.get_dofs("left").flatten(), V.get_dofs("right").flatten()
    K, b = conductivity(theta, V), one.assemble(V)
    u = solved(K, b, np.concatenate([left, right]), np.concatenate([0.0 * left, 0.0 * right + 1.0]))
    return squares((K @ u - b)[left].sum())


PLAIN = [young_network, stokes_viscosity, neo_hooke, robin, given_values, given_normal, given_flux,
         given_tangent, given_sum, periodic, regions, functional, reaction]
