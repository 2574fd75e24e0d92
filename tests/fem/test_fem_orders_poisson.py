"""Orders of −Δu = |a|² sin(a·x + 0.3) in every element of scalar functions, with its value on slanted
sides."""

import numpy as np
import pytest
import skfem
from manufactured import (A, check_orders, error, gradient, orders, parallelepiped, parallelogram,
                          rectangle, sine, space)

import fem

SIDES = ("left", "right", "bottom", "top")


def poisson(mesh, element, dirichlet, order, boundary=None):
    """Errors of u and ∇u in L²."""
    V = space(mesh, element, order)
    a = A[:V.dim]
    K, b = V.system(lambda u, x: {"u": {"gradient": u.gradient, "value": -(a @ a) * sine(x)}}, boundary)
    u = fem.solve(K, b, dirichlet)
    return error(V, u, sine), error(V, u, gradient, "gradient")


@pytest.mark.parametrize("element, kind, counts, expected", [
    ("P3", "MeshTri", (2, 4), 4), ("P4", "MeshTri", (2, 4), 5), ("CR", "MeshTri", (6, 12), 2),
    ("MINI", "MeshTri", (6, 12), 2), ("Hermite", "MeshTri", (3, 6), 4), ("Argyris", "MeshTri", (2, 4), 6),
    ("Q1", "MeshQuad", (6, 12), 2), ("Q2", "MeshQuad", (4, 8), 3), ("S2", "MeshQuad", (4, 8), 3)])
def test_values_on_the_whole_boundary_or_side_by_side_keep_the_order(element, kind, counts, expected):
    kind = getattr(skfem, kind)
    room = 0.4 if element in ("P4", "Hermite") else 0.2                     # few cells

    def solve(n):
        mesh = parallelogram(n, kind)
        whole = poisson(mesh, element, sine, 8)
        by_sides = poisson(mesh, element, {side: sine for side in SIDES}, 8)
        np.testing.assert_allclose(whole, by_sides, rtol=1e-4)              # Argyris: errors of 1e-8
        return whole
    check_orders(solve, counts, (expected, expected - 1), room)


def test_bogner_fox_schmit_on_rectangles_has_order_four():
    def solve(n):
        return poisson(rectangle(n, skfem.MeshQuad), "BFS", {side: sine for side in SIDES}, 8)
    check_orders(solve, (3, 6), (4, 3), room=0.5)


@pytest.mark.parametrize("element, kind, expected", [
    ("P2", "MeshTet", 3), ("CR", "MeshTet", 2), ("MINI", "MeshTet", 2), ("Q1", "MeshHex", 2),
    ("S2", "MeshHex", 3)])
def test_in_space_with_values_on_three_faces_and_fluxes_on_the_others(element, kind, expected):
    def flux(u, x, n):
        return {"u": {"value": -(gradient(x) * n).sum(axis=1)}}

    def solve(n):
        return poisson(parallelepiped(n, getattr(skfem, kind)), element,
                       {face: sine for face in ("x=0", "y=0", "z=0")}, 5,
                       {face: flux for face in ("x=1", "y=1", "z=1")})
    check_orders(solve, (2, 4), (expected, expected - 1))


@pytest.mark.parametrize("element, kind, expected", [("P0", "MeshTri", 1), ("Q0", "MeshQuad", 1),
                                                     ("P1-discontinuous", "MeshTri", 2)])
def test_projection_on_discontinuous_functions(element, kind, expected):
    def solve(n):
        V = space(parallelogram(n, getattr(skfem, kind)), element)
        u = fem.solve(*V.system(lambda u, x: {"u": {"value": u.value - sine(x)}}))
        return error(V, u, sine)
    assert orders(solve, (4, 8))[0] == pytest.approx(expected, abs=0.1)


def test_values_that_contradict_each_other_at_a_corner_are_refused():
    V = space(parallelogram(2), "Argyris")
    K, b = V.system(lambda u, x: {"u": {"gradient": u.gradient, "value": -1.0}})
    with pytest.raises(ValueError, match="contradict"):
        fem.solve(K, b, {"left": 1.0, "bottom": 0.0})
    fem.solve(K, b, {"left": 1.0, "bottom": 1.0})


def test_bfs_on_slanted_cells_is_refused():
    V = space(parallelogram(2, skfem.MeshQuad), "BFS")
    K, b = V.system(lambda u, x: {"u": {"gradient": u.gradient, "value": -1.0}})
    with pytest.raises(ValueError, match="inside"):
        fem.solve(K, b, sine)
