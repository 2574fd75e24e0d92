"""A load of a vector field is sent to `vector`, a condition of the third kind to `system`."""

import re

import numpy as np
import pytest

import fem

V = fem.Space(fem.unit_square(2), fem.vector("P1"))
REFUSED = {"flux": (lambda: V.flux(np.array([0.0, -1.0]), "right"), "V.vector(boundary={where: "),
           "load": (lambda: V.load(1.0), "V.vector(lambda x: {field: "),
           "boundary_mass": (lambda: V.boundary_mass(1.0, "right"), "V.system(form, boundary={where: "),
           "laplace": (lambda: V.laplace(), "V.system(form)")}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_for_scalars_names_what_is_for_vectors(name):
    call, instead = REFUSED[name]
    with pytest.raises(ValueError, match=f"{name} is for scalar fields.*{re.escape(instead)}"):
        call()


def test_the_load_that_the_refusal_names_is_the_traction():
    b = V.vector(boundary={"right": lambda x, normal: {"u": {"value": np.array([0.0, -1.0])}}})
    np.testing.assert_allclose(b.numpy().reshape(-1, 2).sum(axis=0), [0.0, -1.0], atol=1e-14)


def test_a_map_that_is_given_a_function_says_where_its_values_are_taken():
    W = fem.Space(fem.unit_square(2))
    with pytest.raises(TypeError, match=r"is a function; expected its values, such as f\(V.dof_points\)"):
        W.interpolate(lambda x: x[:, 0])
