"""A check passes right derivatives, finds wrong ones, and leaves everything as it was."""

import types

import numpy as np
import pytest

from pcl.checks.taylor import check_gradient, check_hessian, check_jacobian
from pcl.errors import InvalidCoefficient


class Tanh:
    """loss = Σ r², r = tanh(Aθ) − y, with hand-written derivatives.

    g = 2 Jᵀr,  J = diag(t') A,  H = 2 Jᵀ J + 2 Aᵀ diag(r t'') A,  t = tanh(Aθ).
    """

    has_residuals = True

    def __init__(self, p=40, m=60, seed=1):
        rng = np.random.default_rng(seed)
        self.A = rng.standard_normal((m, p)) / np.sqrt(p)
        self.y = rng.standard_normal(m)
        self.theta0 = rng.standard_normal(p)
        self.size = p

    def residuals(self, theta):
        return np.tanh(self.A @ theta) - self.y

    def jacobian(self, theta):
        return (1.0 - np.tanh(self.A @ theta) ** 2)[:, None] * self.A

    def value(self, theta):
        return float(np.sum(self.residuals(theta) ** 2))

    def gradient(self, theta):
        return 2.0 * self.jacobian(theta).T @ self.residuals(theta)

    def hessian(self, theta):
        t, J = np.tanh(self.A @ theta), self.jacobian(theta)
        bend = 2.0 * self.residuals(theta) * (-2.0 * t * (1.0 - t**2))
        return 2.0 * J.T @ J + self.A.T @ (bend[:, None] * self.A)

    def hvp(self, theta, v):
        return self.hessian(theta) @ v


class Changed(Tanh):
    """Tanh with one derivative replaced: `Changed(hessian=lambda problem, theta: ...)`."""

    def __init__(self, **replaced):
        super().__init__()
        for name, function in replaced.items():
            setattr(self, name, types.MethodType(function, self))


CHECKS = {"gradient": check_gradient, "hessian": check_hessian, "jacobian": check_jacobian}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("seed", range(5))
def test_right_derivatives_pass_with_order_two(check, seed):
    report = check(Tanh(seed=seed), seed=seed)
    assert report.ok and report.verdict.startswith("right")
    assert report.decades >= 3
    clean = report.orders[:, report.window.start:report.window.stop - 1]
    assert np.abs(10.0**clean - 100.0).max() < 12.3     # |order - 2| ≤ 0.05
    assert report.error < 1e-10


def test_hessian_remainder_falls_by_100_within_2_over_three_decades():
    orders = check_hessian(Tanh()).orders
    good = (np.abs(10.0**orders - 100.0) <= 2.0).all(axis=0)
    assert any(good[k:k + 3].all() for k in range(good.size - 2))


@pytest.mark.parametrize("p", [1, 2, 300])
def test_sizes_of_theta_do_not_matter(p):
    problem = Tanh(p=p)
    assert all(check(problem).ok for check in CHECKS.values())


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_unit_of_the_loss_does_not_matter(scale):
    problem = Tanh()
    value, gradient, hessian = problem.value, problem.gradient, problem.hessian
    assert check_gradient(lambda t: scale * value(t), problem.theta0,
                          gradient=lambda t: scale * gradient(t)).ok
    assert check_hessian(lambda t: scale * gradient(t), problem.theta0,
                         hessian=lambda t: scale * hessian(t)).ok


def test_blocks_of_different_size_are_stepped_each_in_its_own_unit():
    # loss = sum(tanh) of a block of size 1e5 and one of size 1e-5, both seen in units of theirs
    unit = np.array([1e5, 1e5, 1e-5, 1e-5])
    problem = Tanh(p=4)
    problem.slices = {"large": slice(0, 2), "small": slice(2, 4)}
    problem.A = problem.A / unit
    problem.theta0 = problem.theta0 * unit
    for check in CHECKS.values():
        report = check(problem)
        assert report.ok and report.decades >= 3


def wrong_sign(p, t):
    return -Tanh.gradient(p, t)


def one_wrong_sign(p, t):
    g = Tanh.gradient(p, t)
    g[7] = -g[7]
    return g


@pytest.mark.parametrize("gradient", [
    wrong_sign, one_wrong_sign, lambda p, t: np.zeros_like(t),
    lambda p, t: 2.0 * Tanh.gradient(p, t), lambda p, t: (1 + 1e-6) * Tanh.gradient(p, t),
    lambda p, t: Tanh.gradient(p, t) + 1e-6 * np.eye(t.size)[3],
    lambda p, t: 2.0 * Tanh.jacobian(p, t).T @ (Tanh.residuals(p, t) + p.y)],
    ids=["sign", "one sign", "zero", "factor", "factor 1e-6", "one entry 1e-6", "data forgotten"])
def test_check_gradient_rejects_a_wrong_gradient(gradient):
    report = check_gradient(Changed(gradient=gradient))
    assert not report.ok and report.verdict.startswith("WRONG")


def test_a_wrong_entry_of_the_gradient_is_named():
    report = check_gradient(Changed(gradient=one_wrong_sign))
    assert report.worst_entry == (7,) and "entry 7" in report.verdict


def small_change(p, t):
    H = Tanh.hessian(p, t)
    i, j = np.unravel_index(np.argmax(np.abs(np.triu(H, 1))), H.shape)
    H[i, j] *= 1 + 1e-6
    return H


def symmetric_small_change(p, t):
    H = Tanh.hessian(p, t)
    i, j = np.unravel_index(np.argmax(np.abs(np.triu(H, 1))), H.shape)
    H[i, j] = H[j, i] = H[i, j] * (1 + 1e-6)
    return H


def gauss_newton(p, t):
    return 2.0 * Tanh.jacobian(p, t).T @ Tanh.jacobian(p, t)


def sheared(p, t):
    return Tanh.hessian(p, t) + np.triu(np.ones((t.size, t.size)), 1)


@pytest.mark.parametrize("hessian", [
    lambda p, t: -Tanh.hessian(p, t), gauss_newton, lambda p, t: np.zeros((t.size, t.size)),
    lambda p, t: 0.5 * Tanh.hessian(p, t), small_change, symmetric_small_change, sheared,
    lambda p, t: np.diag(np.diag(Tanh.hessian(p, t))), lambda p, t: np.eye(t.size)],
    ids=["sign", "Gauss-Newton", "zero", "half", "entry 1e-6", "symmetric entry 1e-6", "sheared",
         "diagonal", "identity"])
def test_check_hessian_rejects_a_wrong_hessian(hessian):
    problem = Changed(hessian=hessian, hvp=lambda p, t, v: hessian(p, t) @ v)
    report = check_hessian(problem)
    assert not report.ok and report.verdict.startswith("WRONG")


def test_check_hessian_rejects_a_transposed_unsymmetric_matrix():
    # F(θ) = Mθ is not a gradient, but its derivative M against Mᵀ is what a transposition does.
    M = np.array([[1.0, 2.0], [0.0, 3.0]])
    theta = np.array([0.3, -0.7])
    report = check_hessian(lambda t: M @ t, theta, hessian=lambda t: M.T)
    assert not report.ok and report.error > 0.1
    assert report.symmetry_error == pytest.approx(2.0 / 3.0)


def test_check_hessian_rejects_a_wrong_product():
    problem = Changed(hvp=lambda p, t, v: Tanh.hessian(p, t) @ v * (1 + 1e-6))
    report = check_hessian(problem)
    assert not report.ok and "hvp" in report.verdict and report.hvp_error > 1e-8
    assert check_hessian(Tanh()).hvp_error < 1e-14


def test_check_jacobian_rejects_a_wrong_row_and_a_wrong_factor_of_the_gradient():
    def wrong(p, t):
        J = Tanh.jacobian(p, t)
        J[5] *= 1 + 1e-5
        return J

    report = check_jacobian(Changed(jacobian=wrong, gradient=Tanh.gradient))
    assert not report.ok and report.worst_entry[0] == 5
    report = check_jacobian(Changed(gradient=lambda p, t: 0.5 * Tanh.gradient(p, t)))
    assert not report.ok and report.adjoint_error > 0.1     # a forgotten factor 2


@pytest.mark.parametrize("theta", [np.zeros(3), np.array([1.0, -2.0, 1e-3])])
def test_linear_and_quadratic_functions_pass_at_rounding_level(theta):
    c, Q = np.array([1.0, -3.0, 0.5]), np.diag([1.0, 2.0, -1.0])
    assert check_gradient(lambda t: (c @ t + 4.0, c), theta).ok
    assert check_gradient(lambda t: (7.0, np.zeros(3)), theta).ok
    assert check_gradient(lambda t: (t @ Q @ t, 2 * Q @ t), theta).ok
    assert check_hessian(lambda t: 2 * Q @ t, theta, hessian=lambda t: 2 * Q).ok
    assert check_hessian(lambda t: c, theta, hessian=lambda t: np.zeros((3, 3))).ok


def test_the_gradient_at_a_minimum_passes_and_a_wrong_one_there_does_not():
    problem = Tanh(p=40, m=20)
    problem.y = np.tanh(problem.A @ problem.theta0)
    assert all(check(problem).ok for check in CHECKS.values())
    assert not check_gradient(problem.value, problem.theta0,
                              gradient=lambda t: np.full(t.size, 1e-3)).ok


def test_a_kink_is_inconclusive_and_not_called_right():
    # The central difference of |θ₂| at 0 is 0 as well, only the slope of the remainder is not 2.
    report = check_gradient(lambda t: (np.abs(t).sum(), np.array([1.0, 0.0])),
                            np.array([1.0, 0.0]))
    assert not report.ok and "kink" in report.verdict
    noise = np.random.default_rng(0)
    report = check_gradient(lambda t: (t @ t + 0.1 * noise.standard_normal(), 2 * t), np.ones(2))
    assert not report.ok and "inconclusive" in report.verdict


def test_trial_points_that_cannot_be_evaluated_are_left_out():
    def value(t):
        if t[0] > 1.01:
            raise InvalidCoefficient("kappa is negative in cell 3")
        return t @ t

    assert check_gradient(value, np.array([1.0, 2.0]), gradient=lambda t: 2 * t).ok


def test_nothing_can_be_said_where_no_step_can_be_evaluated():
    def value(t):
        return t @ t if t[0] == 1.0 else np.nan

    report = check_gradient(value, np.array([1.0, 2.0]), gradient=lambda t: 2 * t)
    assert not report.ok and "inconclusive" in report.verdict
    assert "inconclusive" in str(report)


def test_checks_have_no_side_effects():
    problem, theta = Tanh(), np.linspace(-1.0, 1.0, 40)
    before, state = theta.copy(), np.random.get_state()[1].copy()

    def greedy(t):
        t *= 0.0        # a function that spoils its argument must not spoil the check
        return 1.0, np.zeros_like(t)

    theta.setflags(write=False)
    first = [str(check(problem, theta)) for check in CHECKS.values()]
    assert check_gradient(greedy, theta).ok
    assert [str(check(problem, theta)) for check in CHECKS.values()] == first
    assert np.array_equal(theta, before)
    assert np.array_equal(np.random.get_state()[1], state)
    assert np.array_equal(problem.theta0, Tanh().theta0)


def test_reports_print_and_plot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    report = check_hessian(Tanh())
    text = str(report)
    assert "1.0e-03 *" in text and "max|H - H^T|" in text and "right" in text
    ax = report.plot()
    assert len(ax.lines) == 4 and ax.get_xlabel() == "h"
    matplotlib.pyplot.close("all")


def test_bad_arguments_are_refused_in_words():
    with pytest.raises(ValueError, match="theta is missing"):
        check_gradient(lambda t: (0.0, t))
    with pytest.raises(ValueError, match="hessian is missing"):
        check_hessian(lambda t: t, np.ones(2))
    with pytest.raises(ValueError, match="theta has shape"):
        check_hessian(Tanh(), np.ones(3))
    with pytest.raises(ValueError, match="gradient has shape"):
        check_gradient(Changed(gradient=lambda p, t: t[:-1]))
    with pytest.raises(ValueError, match="directions"):
        check_gradient(Tanh(), directions=0)
    problem = Tanh()
    problem.has_residuals = False
    with pytest.raises(ValueError, match="residuals"):
        check_jacobian(problem)
    with pytest.raises(ValueError, match="not finite"):
        check_gradient(lambda t: (np.nan, t), np.ones(2))
