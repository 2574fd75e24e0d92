"""A plain list of numbers serves wherever an array of unknowns does."""
import numpy as np
import pytest

import fem


@pytest.mark.parametrize("element", ["P1", fem.vector("P1")], ids=["scalar", "vector"])
def test_maps_of_a_space_take_lists(element):
    V = fem.Space(fem.unit_square(2), element)
    u = np.arange(V.n) ** 1.5
    for take in (V.interpolate, V.gradient, lambda u: V.interpolate @ u, lambda u: V.gradient @ u,
                 lambda u: V.observe([[0.3, 0.4]]) @ u, lambda u: V.at_points(u),
                 lambda u: V.split(u)["u"], lambda u: V.at_points(u, where="left")):
        assert np.array_equal(take(u.tolist()), take(u))
    with pytest.raises(ValueError, match="expected"):
        V.split(3.0)


def test_maps_of_a_grid_take_lists():
    grid = fem.Grid.uniform((3, 4))
    u = np.arange(grid.n) ** 1.5
    for take in (grid.gradient, lambda u: grid.observe([[0.3, 0.4]]) @ u, grid.load):
        assert np.array_equal(take(u.tolist()), take(u))
