"""Bounds in every spelling, kept or refused."""

import numpy as np
import pytest
import scipy.optimize
from small_problems import Linear

from pcl.training.minimize import minimize


@pytest.mark.parametrize("method, options", [("L-BFGS-B", None), ("least-squares", None), ("BFGS", None),
                                             ("ssbfgs", None), ("ssbroyden", None),
                                             ("least-squares", {"algorithm": "dogbox"})])
@pytest.mark.parametrize("spelling", ["pairs", "Bounds", "blocks"])
def test_bounds_in_every_spelling_give_the_constrained_minimum(method, options, spelling):
    problem = Linear()
    lower, upper = np.full(5, -np.inf), np.full(5, np.inf)
    lower[:2], upper[2:] = -0.1, [0.1, 0.2, 0.3]
    bounds = {"pairs": [(a if np.isfinite(a) else None, b if np.isfinite(b) else None)
                        for a, b in zip(lower, upper, strict=True)],
              "Bounds": scipy.optimize.Bounds(lower, upper),
              "blocks": {"a": (-0.1, None), "b": (None, [0.1, 0.2, 0.3])}}[spelling]
    result = minimize(problem, method, bounds=bounds, options=options)
    peer = scipy.optimize.lsq_linear(problem.A, problem.b, (lower, upper), tol=1e-14)
    assert (problem.solution < lower).any() or (problem.solution > upper).any()
    np.testing.assert_allclose(result.x, peer.x, atol=1e-6)
    assert result.success and (result.x >= lower).all() and (result.x <= upper).all()


def test_a_start_outside_or_on_the_bounds_is_moved_inside():
    bounds = [(1.0, 2.0)] + [(None, None)] * 4
    for method in ("L-BFGS-B", "least-squares"):
        for first in (-5.0, 1.0, 2.0, 9.0):
            result = minimize(Linear(), method, x0=[first, 0, 0, 0, 0], bounds=bounds)
            assert result.success and 1.0 <= result.x[0] <= 2.0
            assert result.x[0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("bounds, words", [
    ([(0, 1)] * 4, "4 pairs"), ([(np.nan, 1)] + [(0, 1)] * 4, "NaN"),
    ([(1, np.nan)] + [(0, 1)] * 4, "NaN"),
    ([(0, 1)] * 4 + [(2, 1)], "entry 4"), ([(np.inf, np.inf)] + [(0, 1)] * 4, "empty"),
    ([0, 1, 2, 3, 4], "pairs"), ({"c": (0, 1)}, "known are a, b"),
    ({"a": (0, [1, 2, 3])}, "3 entries"), ({"a": 3.0}, "pair"),
    (scipy.optimize.Bounds([0, 0], [1, 1]), "2 entries")])
def test_bad_bounds_are_refused(bounds, words):
    for method in ("L-BFGS-B", "least-squares"):
        with pytest.raises(ValueError, match=words):
            minimize(Linear(), method, bounds=bounds)


def test_the_one_algorithm_without_bounds_says_so():
    with pytest.raises(ValueError, match="takes none"):
        minimize(Linear(), "least-squares", bounds=[(0, 1)] * 5, options={"algorithm": "lm"})


def test_fixed_entries_are_kept_by_l_bfgs_b_and_refused_by_least_squares():
    bounds = {"a": (0.25, 0.25)}
    assert np.array_equal(minimize(Linear(), "L-BFGS-B", bounds=bounds).x[:2], [0.25, 0.25])
    with pytest.raises(ValueError, match="entry 0"):
        minimize(Linear(), "least-squares", bounds=bounds)
