"""The status of a run is that of the point it returns: losses and derivatives written by hand."""

import re

import numpy as np
import pytest
from small_problems import Linear, Residuals, Scalar, saddle

from pcl.training.minimize import minimize
from pcl.training.run.status import Status
from pcl.training.verdict.noise import deviation

NEWTON = ["trust-exact", "newton-trust-region", "trust-ncg", "trust-krylov"]
LOSS = [*NEWTON, "BFGS", "L-BFGS-B", "hand-over"]
EVERY = [*LOSS, "levenberg-marquardt", "least-squares"]


class Decay(Residuals):
    """r = level + a exp(−b x) − d: what is subtracted is `level` large, whatever is left over."""

    def __init__(self, level, noise, unit=1.0):
        super().__init__([1.0, 1.0], unit)
        self.x = np.linspace(0.0, 2.0, 40)
        self.level = level
        errors = noise * np.random.default_rng(0).standard_normal(40)
        self.d = level + 2.0 * np.exp(-1.3 * self.x) + errors

    def r(self, t):
        return self.level + t[0] * np.exp(-t[1] * self.x) - self.d

    def J(self, t):
        e = np.exp(-t[1] * self.x)
        return np.stack([e, -t[0] * self.x * e], axis=1)

    def bend(self, t):
        e, r = np.exp(-t[1] * self.x), self.r(t)
        mixed = -r @ (self.x * e)
        return np.array([[0.0, mixed], [mixed, r @ (t[0] * self.x**2 * e)]])


class WrongDecay(Decay):
    """With one column of the Jacobian off: the gradient's root is no minimum where noise is left over."""

    spoil = 1.0

    def J(self, t):
        J = super().J(t).copy()
        J[::3, 1] *= self.spoil
        return J


def true_gradient(problem, theta):
    return np.linalg.norm(Decay.J(problem, theta).T @ problem.r(theta))


# --- rounding -------------------------------------------------------------------------------

@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("level", [0.0, 1e6, -1e8])
@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_at_the_minimum_to_rounding_every_method_says_success(method, level, unit):
    for noise in (1e-6, 0.1):
        problem = Decay(level, noise, unit)
        result = minimize(problem, method, maxiter=3000)
        assert result.success, result.message
        # the minimum in a computer: reached up to what eps |d| does to the residuals
        lowest = min(float(problem.r(t) @ problem.r(t)) for t in _solutions(level, noise)) * unit
        rounding = 2.2e-16 * max(abs(level), 2.0) * np.sqrt(unit)
        assert result.fun - lowest <= 2.0 * np.sqrt(40 * lowest) * rounding + 40 * rounding**2


def _solutions(level, noise):
    # Gauss–Newton from the truth, a method of its own
    problem, t = Decay(level, noise), np.array([2.0, 1.3])
    for _ in range(8):
        t = t - np.linalg.lstsq(problem.J(t), problem.r(t), rcond=None)[0]
        yield t


def test_a_gradient_a_trillionth_of_that_at_the_start_is_a_success():
    # loss 1e-8 left over, |g|/|g0| = 1e-12, and rounding of data of size 1e4 everywhere
    for method in EVERY:
        result = minimize(Decay(1e4, 2e-5), method, gtol=1e-13, ftol=0.0, maxiter=3000)
        assert 5e-9 < result.fun < 5e-8
        assert result.success, (method, result.message)


def test_a_remote_point_of_a_curved_valley_is_no_limit_of_precision():
    # rounding of the steep residual hides all but the direction of the valley, where much is to gain
    def r(t):
        return np.array([10.0 * (t[1] - t[0]**2), 1.0 - t[0]])
    problem = Scalar([1e4, 1e8], lambda t: r(t) @ r(t),
                     lambda t: 2.0 * np.array([[-20.0 * t[0], -1.0], [10.0, 0.0]]) @ r(t),
                     lambda t: 2.0 * np.array([[400 * t[0]**2 + 1 - 20 * r(t)[0], -200 * t[0]],
                                               [-200 * t[0], 100.0]]))
    for method in ("BFGS", "L-BFGS-B"):
        result = minimize(problem, method)
        assert not result.success or abs(result.x[0] - 1.0) < 1e-3


def test_the_noise_of_a_rounded_line_is_found_and_a_smooth_curve_has_none():
    x = np.arange(7)
    rounded = np.random.default_rng(0).standard_normal((7, 400))
    found = deviation(1.0 + 3.0 * x[:, None] + rounded)
    # the smallest of three estimates lies a little below the deviation, 1
    assert 0.5 < found.mean() < 1.0
    smooth = 1.0 + 3.0 * x + 0.5 * x**2 - 0.1 * x**3
    assert deviation(smooth[:, None])[0] < 1e-14 * np.abs(smooth).max()


# --- derivatives ----------------------------------------------------------------------------

@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("spoil", [-1.0, 1.1])
def test_a_wrong_derivative_is_never_a_success_and_the_figures_are_given(method, spoil):
    problem = WrongDecay(0.0, 0.1)
    problem.spoil = spoil
    result = minimize(problem, method, maxiter=100)
    assert true_gradient(problem, result.x) > 1e-7 * true_gradient(problem, problem.theta0)
    assert not result.success and result.status is Status.DERIVATIVES_WRONG
    assert "g·d is" in result.message and "differences of the loss give" in result.message


@pytest.mark.parametrize("method", ["trust-exact", "trust-krylov", "BFGS", "L-BFGS-B"])
@pytest.mark.parametrize("size", [1e-3, 1e-6])
def test_a_constant_error_of_the_gradient_is_found_at_its_root(method, size):
    problem = Decay(0.0, 0.1)
    error = size * np.linalg.norm(problem.gradient(problem.theta0)) * np.array([1.0, -1.0])
    problem.gradient = lambda t: Decay.gradient(problem, t) + error
    assert minimize(problem, method).status is Status.DERIVATIVES_WRONG


def test_right_derivatives_are_not_called_wrong_where_every_step_fails():
    problem = Decay(0.0, 0.1)
    problem.admissible = lambda t: np.abs(t - problem.theta0).max() < 1e-4
    for method in ("L-BFGS-B", "newton-trust-region", "levenberg-marquardt"):
        result = minimize(problem, method, maxiter=100)
        assert not result.success and result.status is not Status.DERIVATIVES_WRONG
        assert "disagree" not in result.message


def test_a_hessian_far_too_large_hides_no_gain():
    problem = Decay(0.0, 0.1)
    problem.hessian = lambda t: 1e16 * np.eye(2)
    problem.hvp = lambda t, v: 1e16 * v
    result = minimize(problem, "newton-trust-region", gtol=0.0, ftol=0.0)
    assert not result.success


# --- the point returned ---------------------------------------------------------------------

@pytest.mark.parametrize("rate", [1.0, 10.0, 1000.0])
def test_adam_that_ends_on_a_higher_plateau_is_judged_at_its_best_point(rate):
    # ℓ = 1 − 1/(1 + θ²)⁴ on both sides of its only minimum, flat to rounding from |θ| = 1000 on
    problem = Scalar([0.3], lambda t: 1.0 - (1.0 + t[0]**2)**-4.0,
                     lambda t: 8.0 * t * (1.0 + t[0]**2)**-5.0, None)
    del problem.hessian
    result = minimize(problem, "adam", maxiter=400, options={"learning_rate": rate})
    relative = np.abs(problem.gradient(result.x)) / np.abs(problem.gradient(problem.theta0))
    assert result.fun == problem.value(result.x) <= problem.value(problem.theta0)
    assert not result.success or relative < 1e-6
    if rate == 1000.0:
        assert result.status is Status.LEFT_BEST


# --- saddles --------------------------------------------------------------------------------

@pytest.mark.parametrize("method", [*LOSS, "adam"])
def test_a_start_at_a_saddle_of_a_loss_that_is_zero_there_is_no_success(method):
    result = minimize(saddle([0.0, 0.0]), method)
    assert result.status is Status.STATIONARY_SADDLE and not result.success


@pytest.mark.parametrize("size", [2, 60])
@pytest.mark.parametrize("method", [*LOSS, "adam"])
def test_a_run_into_a_strict_saddle_is_no_success_and_its_eigenvalue_is_reported(method, size):
    # every entry but the first is drawn to its minimum; the gradient of the first is always 0
    h = np.concatenate([[-2.0], np.linspace(1.0, 3.0, size - 1)])
    problem = Scalar(np.concatenate([[0.0], np.ones(size - 1)]),
                     lambda t: h @ t**2 / 2 + (t**4).sum() / 4, lambda t: h * t + t**3,
                     lambda t: np.diag(h + 3 * t**2))
    options = {"learning_rate": 0.1} if method == "adam" else None
    result = minimize(problem, method, options=options, gtol=1e-7, maxiter=500)
    if result.success:      # a method that sees the hard case leaves the saddle
        assert abs(result.x[0]) == pytest.approx(np.sqrt(2.0), rel=1e-4)
    elif result.status is not Status.ITERATION_LIMIT:
        assert result.status is Status.STATIONARY_SADDLE
        assert result.smallest_eigenvalue == pytest.approx(-2.0, rel=1e-3)
    assert method == "adam" or result.status is not Status.ITERATION_LIMIT


@pytest.mark.parametrize("method", ["trust-ncg", "trust-krylov", "newton-trust-region"])
def test_trust_region_methods_report_the_smallest_eigenvalue_where_they_end(method):
    problem = Linear()
    result = minimize(problem, method)
    exact = np.linalg.eigvalsh(problem.hessian(result.x))[0]
    assert result.success and result.smallest_eigenvalue == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("method", EVERY)
def test_more_parameters_than_data_at_zero_residual_are_a_success(method):
    # H is singular; away from the root it is indefinite by r ∂²r, and by rounding at it
    rng = np.random.default_rng(3)
    A, B = rng.standard_normal((3, 12)), rng.standard_normal((3, 12, 12))
    B = 0.05 * (B + B.transpose(0, 2, 1))
    problem = Residuals(np.zeros(12))
    problem.r = lambda t: A @ t + 0.5 * np.einsum("kij,i,j->k", B, t, t) - 1.0
    problem.J = lambda t: A + np.einsum("kij,j->ki", B, t)
    problem.bend = lambda t: np.einsum("k,kij->ij", problem.r(t), B)
    result = minimize(problem, method)
    assert result.success and result.fun < 1e-10, result.message


# --- flat tails -----------------------------------------------------------------------------

def clipped(weight):
    """r_i = bounded(w_i·θ) − 3 with the bounds ±1: a fit that lies outside the range."""
    W = np.random.default_rng(1).standard_normal((5, 3))
    problem = Residuals(np.full(3, 0.1))
    problem.r = lambda t: np.tanh(weight * W @ t) - 3.0 * np.sign(W @ np.ones(3))
    problem.J = lambda t: weight * W / np.cosh(np.clip(weight * W @ t, -300, 300))[:, None]**2

    def bend(t):
        z = np.clip(weight * W @ t, -300, 300)
        second = -2.0 * np.tanh(z) / np.cosh(z)**2 * weight**2
        return W.T @ ((problem.r(t) * second)[:, None] * W)
    problem.bend = bend
    return problem


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "trust-exact", "levenberg-marquardt"])
def test_an_output_driven_into_its_bounds_far_from_the_data_is_named_a_flat_tail(method):
    result = minimize(clipped(1.0), method)
    assert result.fun > 5.0 and result.status is Status.FLAT_TAIL and not result.success
    share = float(re.search(r"(\d+)% of the parameters do not change the loss", result.message)[1])
    assert share > 60.0


def test_blind_parameters_beside_a_good_fit_are_no_flat_tail():
    # two of three parameters run to where they no longer matter; the third fits the data
    x = np.linspace(0.0, 1.0, 9)
    problem = Residuals([1.0, 1.0, 0.0])
    problem.r = lambda t: np.concatenate([3.0 * x * t[2] - x, np.exp(-4.0 * t[:2])])
    problem.J = lambda t: np.vstack([np.outer(3.0 * x, [0, 0, 1.0]),
                                     [[-4 * np.exp(-4 * t[0]), 0, 0], [0, -4 * np.exp(-4 * t[1]), 0]]])

    def bend(t):
        return np.diag([16 * np.exp(-8 * t[0]), 16 * np.exp(-8 * t[1]), 0.0])
    problem.bend = bend
    result = minimize(problem, "levenberg-marquardt")
    assert result.success and result.x[2] == pytest.approx(1.0 / 3.0, rel=1e-6)
