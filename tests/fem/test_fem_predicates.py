"""Parts of the boundary by functions of points, in our arrays (m, d) or scikit-fem's (d, m)."""
import numpy as np
import pytest

import fem
from fem.common.places import truth_of


@pytest.mark.parametrize("m", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_predicate_in_either_convention_says_the_same(m, d):
    """Also where there are as many points as coordinates, so that both shapes are the same."""
    points = np.random.default_rng(m + 10 * d).uniform(-1.0, 1.0, (m, d))
    expected = points[:, 0] > 0.0
    last = points[:, -1] < points.sum(axis=1)
    for predicate, truth in [(lambda x: x[:, 0] > 0.0, expected), (lambda x: x[0] > 0.0, expected),
                             (lambda x: x[-1] < x.sum(axis=0), last), (lambda x: x.T[0] > 0.0, expected)]:
        np.testing.assert_array_equal(truth_of(predicate, points), truth)


def test_a_predicate_may_take_its_coordinates_apart():
    def near(p):
        x, y = p
        return np.hypot(x - 1.0, y) < 0.3
    V = fem.Space(fem.unit_square(4), "P1")
    there = np.hypot(V.dof_points[:, 0] - 1.0, V.dof_points[:, 1]) < 0.3
    np.testing.assert_array_equal(V.boundary_dofs(near), np.flatnonzero(there))


@pytest.mark.parametrize("space", [fem.Space(fem.rectangle(4, 3), "P2"), fem.Grid.uniform((5, 4))])
def test_conditions_by_scikit_fems_predicates_are_those_by_name(space):
    named = space.boundary_dofs("left")
    np.testing.assert_array_equal(space.boundary_dofs(lambda x: x[0] == 0.0), named)
    np.testing.assert_array_equal(space.boundary_dofs(lambda x: x[:, 0] == 0.0), named)
    u = fem.solve(space.laplace(), space.load(), dirichlet={(lambda x: x[0] == 0.0): 2.0})
    v = fem.solve(space.laplace(), space.load(), dirichlet={"left": 2.0})
    np.testing.assert_array_equal(u, v)


def test_the_loads_of_both_conventions_are_the_same():
    V = fem.Space(fem.rectangle(1, 1), "P1")        # two facets a side: as few as coordinates
    np.testing.assert_array_equal(V.flux(1.0, lambda x: x[1] == 1.0), V.flux(1.0, "top"))
    np.testing.assert_array_equal(V.flux(1.0, lambda x: x[:, 1] == 1.0), V.flux(1.0, "top"))


def test_a_predicate_of_neither_convention_is_refused_with_both_answers():
    points = np.zeros((4, 2))
    with pytest.raises(ValueError, match=r"returned shape \(4, 2\) and dtype bool for points x of shape "
                                         r"\(4, 2\), and returned shape \(2, 4\)"):
        truth_of(lambda x: x == 0.0, points)
    with pytest.raises(ValueError, match="expected .* truth values"):
        truth_of(lambda x: x[:, 0], points)
    with pytest.raises(TypeError, match="add"):
        truth_of(lambda x: x[:, 0] + "a", points)
