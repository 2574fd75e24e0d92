"""Plane waves as exact solutions, skew domains, errors in L² and their orders.

    u = sin s,  s = a·x + 0.3:    ∇u = a cos s,    ∇²u = −a aᵀ sin s,    Δ²u = |a|⁴ sin s
"""

import numpy as np
import skfem

import fem

A = np.array([1.3, 0.9, -0.7])
B = np.array([-0.8, 1.7, 0.6])
# Columns: the images of the unit vectors; no side of the image of the unit square lies along an axis.
SKEW = np.array([[1.1, -0.4, 0.1], [0.3, 0.9, 0.2], [-0.2, 0.1, 1.0]])


def sine(x, a=A):
    """sin(a·x + 0.3), (q,)."""
    return np.sin(x @ a[:x.shape[1]] + 0.3)


def cosine(x, a=A):
    """cos(a·x + 0.3), (q,)."""
    return np.cos(x @ a[:x.shape[1]] + 0.3)


def gradient(x, a=A):
    """∇ sin(a·x + 0.3), (q, dim)."""
    return cosine(x, a)[:, None] * a[:x.shape[1]]


def hessian(x, a=A):
    """∇² sin(a·x + 0.3), (q, dim, dim)."""
    a = a[:x.shape[1]]
    return -sine(x, a)[:, None, None] * np.outer(a, a)


def skewed(mesh):
    """The mesh under x ↦ SKEW x."""
    dim = mesh.p.shape[0]
    return type(mesh)(SKEW[:dim, :dim] @ mesh.p, mesh.t).with_boundaries(mesh.boundaries or {})


def axis(n):
    """n unequal intervals of (0, 1)."""
    x = np.linspace(0, 1, n + 1)
    return x + 0.12 * np.sin(np.pi * x) ** 2 * (1 - x)


def rectangle(n, kind=skfem.MeshTri):
    """n × n cells along the axes."""
    return kind.init_tensor(axis(n), 1.3 * axis(n)).with_defaults()


def parallelogram(n, kind=skfem.MeshTri):
    """n × n cells; its sides 'left', 'right', 'bottom', 'top' lie along no axis."""
    return skewed(kind.init_tensor(axis(n), axis(n)).with_defaults())


def parallelepiped(n, kind=skfem.MeshTet):
    """n³ blocks with slanted faces 'x=0', 'x=1', 'y=0', …, of the cube that is mapped."""
    mesh = skewed(kind.init_tensor(*[np.linspace(0, 1, n + 1)] * 3))

    def face(i, value):
        return mesh.facets_satisfying(
            lambda x: np.abs(np.linalg.solve(SKEW, x)[i] - value) < 1e-6, boundaries_only=True)
    return mesh.with_boundaries({f"{'xyz'[i]}={v}": face(i, v) for i in range(3) for v in (0, 1)})


def error(V, u, exact, quantity="value", field=None):
    """‖quantity of u_h − exact‖ in L², by the rule of the space."""
    gap = np.asarray(V.at_points(u, quantity, field)) - exact(V.quadrature_points)
    return np.sqrt(V.quadrature_weights @ (gap.reshape(len(gap), -1) ** 2).sum(axis=1))


def orders(solve, counts):
    """Least-squares slopes of log errors against log h for each error that solve(n) returns."""
    errors = np.array([np.atleast_1d(solve(n)) for n in counts])
    return -np.polyfit(np.log(counts), np.log(errors), 1)[0]


def check_orders(solve, counts, expected, room=0.2):
    """The errors of solve(n) fall with these orders at least, and not by chance with far better ones."""
    measured = orders(solve, counts)
    assert (measured > np.array(expected) - room).all(), measured
    assert (measured < np.array(expected) + 1.0).all(), measured


def space(mesh, element, order=8):
    """With a rule that leaves the error of quadrature behind."""
    return fem.Space(mesh, element, quadrature_order=order)
