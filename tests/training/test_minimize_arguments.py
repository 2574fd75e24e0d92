"""What `minimize` is asked that does not fit is answered with what does."""

import numpy as np
import pytest
from small_problems import FAST, Linear, Rosenbrock, saddle

from pcl.training.minimize import minimize


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="trust-exact, trust-krylov, trust-ncg, BFGS"):
        minimize(Rosenbrock(), "newton")
    with pytest.raises(ValueError, match="method is None"):
        minimize(Rosenbrock(), None)
    with pytest.raises(ValueError, match="'maxcorr', unknown to L-BFGS-B; known are .*maxcor"):
        minimize(Rosenbrock(), "L-BFGS-B", options={"maxcorr": 5})
    with pytest.raises(ValueError, match="known are"):
        minimize(Rosenbrock(), "BFGS", options={"gtol": 1e-3})


@pytest.mark.parametrize("method, options", [
    ("trust-exact", {"eta": 0.5}), ("trust-exact", {"initial_trust_radius": -1}),
    ("trust-exact", {"initial_trust_radius": 2000.0}), ("BFGS", {"c1": 0.95}),
    ("L-BFGS-B", {"maxls": 0}), ("adam", {"learning_rate": 0.0}), ("BFGS", {"loss_scale": 0.0}),
    ("least-squares", {"algorithm": "gn"}), ("least-squares", {"loss": "l2"})])
def test_options_out_of_range_are_refused(method, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        minimize(Rosenbrock(), method, options=options)


@pytest.mark.parametrize("name", ["gtol", "ftol", "xtol", "gtol_absolute"])
@pytest.mark.parametrize("value", [-1e-8, np.nan, np.inf, "1e-8", None, True])
def test_tolerances_must_be_numbers_from_zero(name, value):
    with pytest.raises(ValueError, match=name):
        minimize(Rosenbrock(), **{name: value})


@pytest.mark.parametrize("maxiter", [0, -3, 2.5, True, "10"])
def test_maxiter_must_be_a_positive_whole_number(maxiter):
    with pytest.raises(ValueError, match="maxiter"):
        minimize(Rosenbrock(), maxiter=maxiter)


@pytest.mark.parametrize("x0, error, words", [
    (np.ones(3), ValueError, r"x0 has shape \(3,\)"), (np.ones((2, 1)), ValueError, "x0"),
    ([np.nan, 1.0], ValueError, "x0"), ([1j, 0.0], TypeError, "x0"),
    (["a", "b"], TypeError, "x0")])
def test_a_bad_start_is_refused(x0, error, words):
    with pytest.raises(error, match=words):
        minimize(Rosenbrock(), x0=x0)


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_any_real_start_becomes_float64(method):
    plain = minimize(Rosenbrock(), method, x0=np.array([-1.0, 1.0]), maxiter=8)
    big_endian = np.array([-1.0, 1.0], dtype=">f8")
    frozen = np.array([-1.0, 1.0])
    frozen.setflags(write=False)
    for x0 in ([-1, 1], np.array([-1, 1], np.float32), big_endian, frozen,
               np.array([-1.0, 9.0, 1.0, 9.0])[::2]):
        result = minimize(Rosenbrock(), method, x0=x0, maxiter=8)
        assert result.x.dtype == np.float64 and np.array_equal(result.x, plain.x)
    assert np.array_equal(frozen, [-1.0, 1.0])


def test_least_squares_without_residuals_says_what_to_do():
    with pytest.raises(ValueError, match="State the residuals"):
        minimize(saddle([1.0, 1.0]), "least-squares")


def test_lm_with_too_few_residuals_says_what_to_do():
    class Wide(Linear):
        def __init__(self):
            super().__init__()
            self.A, self.b = self.A[:3], self.b[:3]

    with pytest.raises(ValueError, match="3 and 5"):
        minimize(Wide(), "least-squares", options={"algorithm": "lm"})
    assert minimize(Wide(), "least-squares").fun < 1e-12
