"""Warnings of elements that do not fit an equation, by its form."""

import numpy as np
import pytest

import fem

SQUARE = fem.unit_square(3)


def plate(w, x):
    return {"w": {"hessian": w.hessian, "value": -np.ones(len(x))}}


def test_a_plate_of_hermite_triangles_is_warned_of():
    V = fem.Space(SQUARE, {"w": "Hermite"})
    with pytest.warns(RuntimeWarning, match="Field 'w' is of Hermite triangles.* 'Argyris' or 'Morley'"):
        V.system(plate)
    with pytest.warns(RuntimeWarning, match="Field 'w' is of Hermite triangles"):
        fem.solve_nonlinear(V, plate, 0.0)


@pytest.mark.parametrize("element", ["Morley", "Argyris"])
def test_other_plates_are_not_warned_of(element, recwarn):
    fem.Space(SQUARE, {"w": element}).system(plate)
    assert not recwarn.list


def test_hermite_triangles_for_second_order_equations_are_not_warned_of(recwarn):
    fem.Space(SQUARE, "Hermite").system(lambda u, x: {"u": {"gradient": u.gradient}})
    assert not recwarn.list


def test_an_enclosed_flow_of_equal_order_is_told_of_the_pair_by_name():
    V = fem.Space(SQUARE, {"v": fem.vector("P1"), "q": "P1"})

    def stokes(v, q, x):
        return {"v": {"gradient": v.gradient - q.value[:, None, None] * np.eye(2)},
                "q": {"value": v.divergence}}
    with pytest.warns(RuntimeWarning, match="Fields 'v' and 'q' are both .*, an unstable pair"):
        A = V.matrix(stokes)
    with pytest.raises(ValueError) as refused:
        fem.solve(A, np.zeros(V.n), {"v": 0.0})
    assert "Dirichlet" not in str(refused.value)
