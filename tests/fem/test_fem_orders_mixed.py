"""Mixed form of −Δu = f: flux s = ∇u in H(div) and potential u, on slanted sides.

    ∫ s·t + u ∇·t dx = ∫_Γ g t·n ds,    ∫ (∇·s + f) v dx = 0,    s·n given on the rest of the boundary
"""

import numpy as np
import pytest
import skfem
from manufactured import A, check_orders, error, gradient, parallelepiped, parallelogram, sine, space

import fem


def mixed(mesh, flux, potential, given, natural, order=6):
    """Errors of s and u in L²; s·n on `given` and u on `natural` parts."""
    V = space(mesh, {"s": flux, "u": potential}, order)
    a = A[:V.dim]

    def form(s, u, x):
        return {"s": {"value": s.value, "divergence": u.value},
                "u": {"value": s.divergence + (a @ a) * sine(x)}}

    def potential_given(s, u, x, n):
        return {"s": {"value": -sine(x)[:, None] * n}}
    A_h, b = V.system(form, {part: potential_given for part in natural})
    y = fem.solve(A_h, b, {"s": {part: gradient for part in given}})
    return error(V, y, gradient, field="s"), error(V, y, sine, field="u")


@pytest.mark.parametrize("flux, potential, kind, expected", [
    ("RT1", "P0", "MeshTri", (1, 1)), ("RT2", "P1-discontinuous", "MeshTri", (2, 2)),
    ("BDM1", "P0", "MeshTri", (2, 1)), ("RT1", "Q0", "MeshQuad", (1, 1))])
def test_flux_and_potential(flux, potential, kind, expected):
    def solve(n):
        mesh = parallelogram(n, getattr(skfem, kind))
        return mixed(mesh, flux, potential, ("right", "bottom"), ("left", "top"))
    check_orders(solve, (4, 8), expected, room=0.1)


@pytest.mark.parametrize("kind, potential", [("MeshTet", "P0"), ("MeshHex", "Q0")])
def test_in_space(kind, potential):
    def solve(n):
        mesh = parallelepiped(n, getattr(skfem, kind))
        return mixed(mesh, "RT1", potential, ("x=1", "y=1", "z=1"), ("x=0", "y=0", "z=0"), 4)
    check_orders(solve, (2, 4), (1, 1), room=0.1)


@pytest.mark.parametrize("flux", ["RT1", "RT2", "BDM1"])
def test_the_trace_of_the_flux_is_the_projection_of_what_is_given(flux):
    V = space(parallelogram(3), {"s": flux, "u": "P0"})

    def form(s, u, x):
        return {"s": {"value": s.value, "divergence": u.value}, "u": {"value": s.divergence + 1.0}}
    y = fem.solve(*V.system(form), {"s": {"left": 2.0, "top": -0.5, "right": 0.3}})
    for side, value in (("left", 2.0), ("top", -0.5), ("right", 0.3)):
        normal = V.boundary_normals(side)
        s = V.at_points(y, field="s", where=side, on="boundary").numpy()
        np.testing.assert_allclose((s * normal).sum(axis=1), value, rtol=1e-10)
