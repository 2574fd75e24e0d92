"""curl curl E + E = f in Nédélec elements, with tangential values on slanted sides.

    E = c sin s,  s = a·x + 0.3:    curl E = a × c cos s,    curl curl E = −a × (a × c) sin s

In the plane a × c = a_x c_y − a_y c_x, and the curl of w is (∂w/∂y, −∂w/∂x).
"""

import numpy as np
import pytest
import skfem
from manufactured import A, check_orders, cosine, error, parallelepiped, parallelogram, sine, space

import fem

C = np.array([0.7, -1.1, 0.4])


def field(x):
    return sine(x)[:, None] * C[:x.shape[1]]


def curl(x):
    if x.shape[1] == 3:
        return cosine(x)[:, None] * np.cross(A, C)
    return cosine(x) * (A[0] * C[1] - A[1] * C[0])


def curl_curl(x):
    if x.shape[1] == 3:
        return -sine(x)[:, None] * np.cross(A, np.cross(A, C))
    return -sine(x)[:, None] * (A[0] * C[1] - A[1] * C[0]) * np.array([A[1], -A[0]])


def maxwell(mesh, element, given, natural=(), order=6):
    """Errors of E and curl E in L²; E × n on `given` parts, curl E × n on `natural` ones."""
    V = space(mesh, {"E": element}, order)

    def form(E, x):
        return {"E": {"curl": E.curl, "value": E.value - curl_curl(x) - field(x)}}

    def magnetic(E, x, n):
        return {"E": {"value": np.cross(n, curl(x))}}
    K, b = V.system(form, {part: magnetic for part in natural})
    E = fem.solve(K, b, {"E": {part: field for part in given}})
    return error(V, E, field), error(V, E, curl, "curl")


@pytest.mark.parametrize("element, kind, expected", [
    ("N1", "MeshTri", 1), ("N1", "MeshQuad", 1), ("N2", "MeshTri", 2), ("N3", "MeshTri", 3)])
def test_field_and_curl(element, kind, expected):
    sides = "left", "right", "bottom", "top"

    def solve(n):
        return maxwell(parallelogram(n, getattr(skfem, kind)), element, sides)
    check_orders(solve, (3, 6), (expected, expected))


def test_in_space_with_tangential_values_on_three_faces_and_the_magnetic_field_on_the_others():
    def solve(n):
        return maxwell(parallelepiped(n), "N1", ("x=0", "y=0", "z=0"), ("x=1", "y=1", "z=1"), 4)
    check_orders(solve, (2, 4), (1, 1))


def test_in_space_faces_that_share_edges_may_be_given_one_by_one():
    faces = [f"{axis}={value}" for axis in "xyz" for value in (0, 1)]
    whole = maxwell(parallelepiped(2), "N1", (None,), order=4)
    np.testing.assert_allclose(maxwell(parallelepiped(2), "N1", faces, order=4), whole, rtol=1e-8)
