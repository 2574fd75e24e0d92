"""−ν Δu + ∇p = f, ∇·u = 0, u = d cos s with d ⊥ a, in stable pairs of elements, on slanted sides."""

import numpy as np
import pytest
import skfem
from manufactured import A, B, check_orders, cosine, error, gradient, parallelogram, sine, space

import fem
from fem import Dirichlet

NU, D, EYE = 0.7, np.array([A[1], -A[0]]), np.eye(2)
SIDES = ("left", "right", "bottom", "top")


def velocity(x):
    return cosine(x)[:, None] * D


def pressure(x):
    return sine(x, B)


def traction(x, n):
    """ν ∂u/∂n − p n."""
    slope = -sine(x)[:, None] * D * (n @ A[:2])[:, None]
    return NU * slope - pressure(x)[:, None] * n


def stokes(u, p, x):
    f = NU * (A[:2] @ A[:2]) * velocity(x) + gradient(x, B)
    stress = NU * u.gradient - p.value[:, None, None] * EYE
    return {"u": {"gradient": stress, "value": -f}, "p": {"value": u.divergence}}


def normal_part(v, n):
    return (v * n).sum(axis=1)[:, None] * n


def pulled(u, p, x, n):
    return {"u": {"value": -traction(x, n)}}


def pulled_along(u, p, x, n):
    return {"u": {"value": normal_part(traction(x, n), n) - traction(x, n)}}


def pulled_across(u, p, x, n):
    return {"u": {"value": -normal_part(traction(x, n), n)}}


def flow(mesh, u, p, conditions, boundary=None):
    """Errors of u and p in L²."""
    V = space(mesh, {"u": u, "p": p}, 6)
    mean = V.integrate(lambda u, p, x: pressure(x), np.zeros(V.n)) / V.quadrature_weights.sum()
    constraints = None if boundary else V.mean_value(mean, "p")
    y = fem.solve(*V.system(stokes, boundary), {"u": conditions}, constraints=constraints)
    return error(V, y, velocity, field="u"), error(V, y, pressure, field="p")


PAIRS = pytest.mark.parametrize("u, p, counts, expected", [
    ("P2", "P1", (4, 8), (3, 2)), ("MINI", "P1", (5, 10), (2, 1.5))], ids=["Taylor-Hood", "MINI"])


@PAIRS
def test_velocity_given_and_the_mean_pressure(u, p, counts, expected):
    check_orders(lambda n: flow(parallelogram(n), fem.vector(u), p, {side: velocity for side in SIDES}),
                 counts, expected)


@PAIRS
def test_traction_on_one_side(u, p, counts, expected):
    given = {side: velocity for side in SIDES if side != "right"}
    check_orders(lambda n: flow(parallelogram(n), fem.vector(u), p, given, {"right": pulled}),
                 counts, expected)


@PAIRS
def test_normal_and_tangential_parts_on_slanted_sides(u, p, counts, expected):
    given = [Dirichlet(["left", "bottom"], velocity), Dirichlet("right", velocity, component="normal"),
             Dirichlet("top", velocity, component="tangential")]
    boundary = {"right": pulled_along, "top": pulled_across}
    check_orders(lambda n: flow(parallelogram(n), fem.vector(u), p, given, boundary), counts, expected)


@pytest.mark.parametrize("u, p, kind, expected", [("CR", "P0", "MeshTri", (2, 1)),
                                                  ("Q2", "Q1", "MeshQuad", (3, 2))])
def test_other_pairs(u, p, kind, expected):
    check_orders(lambda n: flow(parallelogram(n, getattr(skfem, kind)), fem.vector(u), p, velocity),
                 (5, 10), expected)
