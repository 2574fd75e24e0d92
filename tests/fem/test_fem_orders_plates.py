"""Δ²w = f, clamped by values and normal derivatives, or supported with bending moments, and beams.

    ∫ ∇²w:∇²v − f v dx − ∫_Γ M ∂v/∂n ds = 0,    M = n·∇²w n
"""

import numpy as np
import pytest
import skfem
from manufactured import (A, axis, check_orders, cosine, error, gradient, hessian, parallelogram,
                          rectangle, sine, space)

import fem
from fem import Dirichlet

SIDES = ("left", "right", "bottom", "top")
CLAMPED = [Dirichlet(None, sine), Dirichlet(None, gradient, component="normal derivative")]
SIDE_BY_SIDE = [*(Dirichlet(side, sine) for side in SIDES),
                *(Dirichlet(side, gradient, component="normal derivative") for side in SIDES)]


def moment(w, x, n):
    M = np.einsum("qi,qij,qj->q", n, hessian(x), n)
    return {"w": {"gradient": -M[:, None] * n}}


def plate(mesh, element, dirichlet, boundary=None):
    """Errors of w and ∇²w in L²."""
    V = space(mesh, {"w": element})

    def form(w, x):
        return {"w": {"hessian": w.hessian, "value": -(A[:2] @ A[:2]) ** 2 * sine(x)}}
    w = fem.solve(*V.system(form, boundary), dirichlet)
    return error(V, w, sine), error(V, w, hessian, "hessian")


PLATES = pytest.mark.parametrize("element, mesh, counts, expected", [
    ("Morley", parallelogram, (6, 12), (2, 1)), ("Argyris", parallelogram, (2, 4), (6, 4)),
    ("Morley", rectangle, (6, 12), (2, 1)), ("Argyris", rectangle, (2, 4), (6, 4)),
    ("BFS", lambda n: rectangle(n, skfem.MeshQuad), (3, 6), (4, 2))],
    ids=["Morley-slanted", "Argyris-slanted", "Morley", "Argyris", "BFS"])


@PLATES
def test_clamped_by_values_that_are_not_zero(element, mesh, counts, expected):
    check_orders(lambda n: plate(mesh(n), element, CLAMPED), counts, expected)


@PLATES
def test_clamped_side_by_side(element, mesh, counts, expected):
    np.testing.assert_allclose(plate(mesh(3), element, SIDE_BY_SIDE), plate(mesh(3), element, CLAMPED),
                               rtol=1e-5)


@PLATES
def test_supported_with_bending_moments(element, mesh, counts, expected):
    check_orders(lambda n: plate(mesh(n), element, {side: sine for side in SIDES}, {None: moment}),
                 counts, expected)


def quadratic(x):
    return x[:, 0] ** 2 - 2 * x[:, 0] * x[:, 1] + 0.5 * x[:, 1] + 1


def slope(x):
    return np.stack([2 * x[:, 0] - 2 * x[:, 1], 0.5 - 2 * x[:, 0]], axis=1)


@pytest.mark.parametrize("element", ["Morley", "Argyris"])
def test_a_quadratic_deflection_is_exact_on_slanted_sides(element):
    V = space(parallelogram(3), {"w": element})
    w = fem.solve(V.matrix(lambda w, x: {"w": {"hessian": w.hessian}}), np.zeros(V.n),
                  [Dirichlet(None, quadratic), Dirichlet(None, slope, component="normal derivative")])
    # The inverse of the Vandermonde matrices of the cells costs digits.
    assert error(V, w, quadratic) < 1e-8


def test_a_beam_with_a_moment_and_a_force_at_its_end():
    ends = {"wall": lambda x: x[0] < 0.5, "tip": lambda x: x[0] > 0.5}

    def form(w, x):
        return {"w": {"hessian": w.hessian, "value": -A[0] ** 4 * sine(x)}}

    def at_tip(w, x, n):
        return {"w": {"gradient": -hessian(x)[:, 0] * n, "value": -A[0] ** 3 * cosine(x)}}

    def solve(n):
        V = space(skfem.MeshLine(axis(n)).with_boundaries(ends), {"w": "Hermite"})
        w = fem.solve(*V.system(form, {"tip": at_tip}), [
            Dirichlet("wall", sine), Dirichlet("wall", gradient, component="normal derivative")])
        return error(V, w, sine), error(V, w, hessian, "hessian")
    check_orders(solve, (4, 8), (4, 2))
