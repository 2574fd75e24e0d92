"""Meshes of intervals and boxes with named sides."""
import numpy as np
import pytest

import fem

SIDES = [("left", 0, 0), ("right", 0, 1), ("bottom", 1, 0), ("top", 1, 1), ("front", 2, 0),
         ("back", 2, 1)]


@pytest.mark.parametrize("mesh, lower, upper", [
    (fem.interval(3, -1.0, 2.0), [-1.0], [2.0]),
    (fem.rectangle(2, 3, (0.1, -1.0), (0.4, 7.0)), [0.1, -1.0], [0.4, 7.0]),
    (fem.box(2, 1, 3, (0.1, 0.0, -1.0), (0.3, 2.0, 1.0)), [0.1, 0.0, -1.0], [0.3, 2.0, 1.0])])
def test_sides_have_their_names_their_places_and_their_measures(mesh, lower, upper):
    """∫ 1 over a side is the product of the other widths, and the sides are the whole boundary."""
    V = fem.Space(mesh, "P1")
    width = np.subtract(upper, lower)
    assert set(mesh.boundaries) == {name for name, d, _ in SIDES if d < len(lower)}
    for name, d, end in SIDES[:2 * len(lower)]:
        points, weights = V.boundary_points(name), V.boundary_weights(name)
        np.testing.assert_allclose(points[:, d], (lower, upper)[end][d], atol=1e-14)
        assert weights.sum() == pytest.approx(np.prod(np.delete(width, d)))
    assert V.quadrature_weights.sum() == pytest.approx(np.prod(width))
    assert V.boundary_weights().sum() == pytest.approx(2.0 * sum(
        np.prod(np.delete(width, d)) for d in range(len(width))))


def test_a_bar_on_an_interval_and_in_a_box_has_the_textbook_deflection():
    """−u'' = 1, u(0) = 0, u'(2) = 0: u = x (4 − x)/2."""
    V = fem.Space(fem.interval(4, upper=2.0), "P2")
    u = fem.solve(V.laplace(), V.load(), dirichlet={"left": 0.0})
    np.testing.assert_allclose(u, V.dof_points[:, 0] * (4.0 - V.dof_points[:, 0]) / 2.0, atol=1e-12)
    W = fem.Space(fem.box(2, 1, 1, upper=(2.0, 1.0, 1.0)), "P2")
    w = fem.solve(W.laplace(), W.load(), dirichlet={"left": 0.0})
    np.testing.assert_allclose(w, W.dof_points[:, 0] * (4.0 - W.dof_points[:, 0]) / 2.0, atol=1e-12)


def test_what_is_no_box_is_refused():
    with pytest.raises(ValueError, match="nz is 0; expected a whole number"):
        fem.box(1, 1, 0)
    with pytest.raises(ValueError, match="expected upper > lower in every coordinate"):
        fem.interval(3, 1.0, 1.0)
