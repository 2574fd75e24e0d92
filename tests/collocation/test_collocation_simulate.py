"""Simulation of F(x', x, y, t) = 0: orders of convergence, step control, starts, folds and failures."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pcl.collocation import (HigherIndex, InconsistentStart, Mesh, Status, gauss, lobatto, radau,
                             simulate)
from pcl.errors import NotConverged, NotFinite


def label(s):
    return f"{s.name}{s.K}" if hasattr(s, "name") else str(s)


def stack(*columns):
    return np.stack(columns, axis=-1)


def system(F, n_x, n_y):
    """(residual, jacobian) of F, the Jacobian by complex steps: exact to rounding."""
    def jacobian(dx, x, y, t):
        blocks, h = [], 1e-30
        for which, argument in enumerate((dx, x, y)):
            J = np.zeros((t.size, n_x + n_y, argument.shape[1]))
            for j in range(argument.shape[1]):
                moved = [a.astype(complex) for a in (dx, x, y)]
                moved[which][:, j] += 1j * h
                J[:, :, j] = F(*moved, t).imag / h
            blocks.append(J)
        return tuple(blocks)
    return F, jacobian


def orders(problem, scheme, N, index=1):
    """Observed orders of the errors of (x, y) at the end, from N and 2N elements."""
    F, x0, y0, T, exact = problem
    errors = []
    for n in (N, 2 * N):
        s = simulate(*system(F, len(x0), len(y0)), scheme, Mesh.uniform(0, T, n), x0, y0, index=index)
        assert s.status is Status.SOLVED_ON_MESH, s.message
        errors.append(np.abs(np.append(s.x[-1], s.y[-1]) - exact(T)))
    return np.log2(errors[0] / errors[1])


# x' = −x² sin t, x = 1/(2 − cos t)
ODE = (lambda dx, x, y, t: stack(dx[:, 0] + x[:, 0] ** 2 * np.sin(t)), [1.0], [], 2.0,
       lambda t: np.array([1 / (2 - np.cos(t))]))
# x = y + y³, y = 1/(1 + t)
INDEX_1 = (lambda dx, x, y, t: stack(dx[:, 0] + (1 + 3 * y[:, 0] ** 2) * y[:, 0]
                                     * (x[:, 0] - y[:, 0] ** 3), y[:, 0] + y[:, 0] ** 3 - x[:, 0]),
           [2.0], [0.8], 2.0,
           lambda t: np.array([1 / (1 + t) + 1 / (1 + t) ** 3, 1 / (1 + t)]))
# x₁ = eᵗ, x₂ = e⁻²ᵗ, y = e²ᵗ under x₁² x₂ = 1
INDEX_2 = (lambda dx, x, y, t: stack(dx[:, 0] - y[:, 0] * x[:, 0] * x[:, 1],
                                     dx[:, 1] + x[:, 0] ** 2 * x[:, 1] ** 3 * y[:, 0] + x[:, 1],
                                     x[:, 0] ** 2 * x[:, 1] - 1), [1.0, 1.0], [0.8], 1.0,
           lambda t: np.array([np.exp(t), np.exp(-2 * t), np.exp(2 * t)]))


def angle(t):
    """A prescribed angle a(t) with a', a''."""
    return 0.5 * np.sin(t) + t, 0.5 * np.cos(t) + 1, -0.5 * np.sin(t)


def forced(dx, x, y, t):
    """Point on the unit circle, forced so that it moves by a(t) with the multiplier 1 + sin(2t)/2."""
    a, da, dda = angle(t)
    lam = 1 + np.sin(2 * t) / 2
    f1 = np.cos(a) * dda - np.sin(a) * da ** 2 + lam * np.sin(a)
    f2 = np.sin(a) * dda + np.cos(a) * da ** 2 - lam * np.cos(a)
    q1, q2, v1, v2 = x.T
    return stack(dx[:, 0] - v1, dx[:, 1] - v2, dx[:, 2] + y[:, 0] * q1 - f1, dx[:, 3] + y[:, 0] * q2 - f2,
                 q1 ** 2 + q2 ** 2 - 1)


def forced_solution(t):
    a, da, _ = angle(t)
    return np.array([np.sin(a), -np.cos(a), np.cos(a) * da, np.sin(a) * da, 1 + np.sin(2 * t) / 2])


INDEX_3 = (forced, forced_solution(0.0)[:4], [0.8], 1.0, forced_solution)


@pytest.mark.parametrize("scheme, N, order", [
    (radau(1), 64, 1), (radau(2), 16, 3), (radau(3), 8, 5), (radau(4), 4, 7), (gauss(1), 16, 2),
    (gauss(2), 8, 4), (gauss(3), 4, 6), (lobatto(2), 16, 2), (lobatto(3), 8, 4), (lobatto(4), 6, 6)],
    ids=label)
def test_end_point_of_an_ordinary_differential_equation_has_the_order_of_the_scheme(scheme, N, order):
    assert scheme.order == order
    np.testing.assert_allclose(orders(ODE, scheme, N), order, atol=0.35)


@pytest.mark.parametrize("scheme, N", [(radau(2), 16), (radau(3), 12), (lobatto(3), 8), (lobatto(4), 8)],
                         ids=label)
def test_index_one_keeps_the_order_for_states_and_algebraic_variables(scheme, N):
    np.testing.assert_allclose(orders(INDEX_1, scheme, N), scheme.order, atol=0.25)


def test_gauss_at_index_one_keeps_2K_for_the_states_and_extrapolates_y_with_order_K():
    np.testing.assert_allclose(orders(INDEX_1, gauss(2), 16), [4, 2], atol=0.2)


@pytest.mark.parametrize("K, N", [(2, 16), (3, 8)])
def test_radau_at_index_two_has_order_2K_minus_1_for_states_and_K_for_the_multiplier(K, N):
    np.testing.assert_allclose(orders(INDEX_2, radau(K), N, index=2), [2 * K - 1, 2 * K - 1, K], atol=0.2)


@pytest.mark.parametrize("K, N", [(2, 40), (3, 10)])
def test_radau_at_index_three_has_order_K_for_velocities_and_K_minus_1_for_the_multiplier(K, N):
    """Hairer, Lubich and Roche: 2K − 1 for positions, K for velocities, K − 1 for multipliers."""
    found = orders(INDEX_3, radau(K), N, index=3)
    np.testing.assert_allclose(found, [2 * K - 1, 2 * K - 1, K, K, K - 1], atol=0.3)


def test_gauss_velocities_do_not_converge_at_index_three():
    """|R(∞)| = 1: a jump of the multiplier is handed on undamped; the guide says to use Radau there."""
    found = orders(INDEX_3, gauss(1), 16, index=3)
    assert found[:2].min() > 1.8 and found[2:].max() < 0.2


@pytest.mark.parametrize("K", [2, 3])
def test_prothero_robinson_has_stage_order_and_gains_the_factor_of_the_stiffness(K):
    """x' = −s (x − φ) + φ', φ = sin(t + 1): error of Radau ≈ C h^(K+1)/(h s) for h s ≫ 1, order K."""
    s = 1e6

    def F(dx, x, y, t):
        return stack(dx[:, 0] + s * (x[:, 0] - np.sin(t + 1)) - np.cos(t + 1))

    found = orders((F, [np.sin(1.0)], [], 1.0, lambda t: np.sin([t + 1])), radau(K), 5)
    np.testing.assert_allclose(found, K, atol=0.25)


# --- the pendulum -----------------------------------------------------------------------------
G = 9.81


def pendulum(index):
    """Unit mass on a unit rod: q' = v, v' = −λ q + (0, −g), constraint derived 3 − index times."""
    def F(dx, x, y, t):
        q1, q2, v1, v2 = x.T
        lam = y[:, 0]
        constraint = {3: (q1 ** 2 + q2 ** 2 - 1) / 2, 2: q1 * v1 + q2 * v2,
                      1: v1 ** 2 + v2 ** 2 - lam * (q1 ** 2 + q2 ** 2) - G * q2}[index]
        return stack(dx[:, 0] - v1, dx[:, 1] - v2, dx[:, 2] + lam * q1, dx[:, 3] + lam * q2 + G,
                     constraint)
    return system(F, 4, 1)


def swing(t, angle):
    """(q, v) at t of the pendulum released at rest from `angle`, by the equation of its angle."""
    s = solve_ivp(lambda _, z: [z[1], -G * np.sin(z[0])], (0, t), [angle, 0.0], method="DOP853",
                  rtol=1e-12, atol=1e-12)
    a, w = s.y[:, -1]
    return np.array([np.sin(a), -np.cos(a), w * np.cos(a), w * np.sin(a)])


@pytest.mark.parametrize("index, tolerance", [(1, 1e-7), (2, 1e-7), (3, 2e-5)])
def test_pendulum_in_index_one_two_and_three_form_follows_the_equation_of_its_angle(index, tolerance):
    x0 = swing(1e-12, 1.0)
    x0[2:] = 0.0
    s = simulate(*pendulum(index), radau(3), Mesh.uniform(0, 2, 100), x0, [1.0], index=index)
    assert s.success and s.index == index
    np.testing.assert_allclose(s.x[-1], swing(2.0, 1.0), atol=tolerance)
    energy = (s.x[:, 2:] ** 2).sum(axis=1) / 2 + G * s.x[:, 1]
    np.testing.assert_allclose(energy, energy[0], atol=10 * tolerance)


@pytest.mark.parametrize("index", [1, 2, 3])
def test_pendulum_with_step_control_keeps_near_the_tolerance_and_the_constraint(index):
    x0 = np.array([np.sin(1.0), -np.cos(1.0), 0.0, 0.0])
    s = simulate(*pendulum(index), radau(3), (0, 1.5), x0, [1.0], index=index, rtol=1e-6, atol=1e-7)
    assert s.status is Status.SOLVED
    np.testing.assert_allclose(s.x[-1], swing(1.5, 1.0), atol=2e-4)
    assert np.abs((s.x[:, :2] ** 2).sum(axis=1) - 1).max() < (1e-12 if index == 3 else 1e-4)


# --- step control -----------------------------------------------------------------------------
def robertson(dx, x, y, t):
    fast, slow = 1e4 * x[:, 1] * y[:, 0], 0.04 * x[:, 0]
    return stack(dx[:, 0] + slow - fast, dx[:, 1] - slow + fast + 3e7 * x[:, 1] ** 2,
                 x[:, 0] + x[:, 1] + y[:, 0] - 1)


def test_robertson_to_1e11_agrees_with_the_published_solution():
    s = simulate(*system(robertson, 2, 1), radau(3), (0.0, 1e11), [1.0, 0.0], [0.3], rtol=1e-6,
                 atol=[1e-10, 1e-14, 1e-10])
    assert s.status is Status.SOLVED and s.steps < 400
    # Mazzia and Magherini, Test Set for Initial Value Problem Solvers (2008), problem ROBER
    np.testing.assert_allclose(s.x[-1], [0.2083340149701255e-7, 0.8333360770334713e-13], rtol=1e-4)
    np.testing.assert_allclose(s.y[-1], 0.9999999791665050, rtol=1e-9)


def test_error_follows_the_tolerance():
    errors = []
    for rtol in (1e-4, 1e-6, 1e-8):
        s = simulate(*system(INDEX_1[0], 1, 1), radau(3), (0, 2), [2.0], [0.8], rtol=rtol, atol=rtol)
        errors.append(np.abs(np.append(s.x[-1], s.y[-1]) - INDEX_1[4](2.0)).max())
        assert errors[-1] < 5 * rtol
    assert errors[2] < errors[1] < errors[0]


def test_first_step_that_is_far_too_long_is_repeated():
    s = simulate(*system(INDEX_1[0], 1, 1), radau(2), (0, 2), [2.0], [0.8], rtol=1e-8, initial_step=2.0)
    assert s.rejected > 0
    np.testing.assert_allclose(np.append(s.x[-1], s.y[-1]), INDEX_1[4](2.0), rtol=1e-6)   # steps × rtol


def test_solution_between_the_elements_has_the_order_of_the_polynomial():
    t = np.linspace(0, 2, 77)
    errors = []
    for N in (32, 64):
        s = simulate(*system(INDEX_1[0], 1, 1), radau(3), Mesh.uniform(0, 2, N), [2.0], [0.8])
        x, y = s(t)
        errors.append([np.abs(a[:, 0] - b).max() for a, b in zip((x, y), INDEX_1[4](t))])
    np.testing.assert_allclose(np.log2(np.divide(*errors)), [4, 3], atol=0.5)
    np.testing.assert_allclose(s.derivative([1.0])[0, 0], -1 / 4 - 3 / 16, atol=1e-4)
    with pytest.raises(ValueError, match="outside the mesh"):
        s([2.1])


@pytest.mark.parametrize("T", [1e-12, 1e12])
def test_tiny_and_huge_spans_are_solved(T):
    F = system(lambda dx, x, y, t: stack(dx[:, 0] + x[:, 0] / T), 1, 0)
    s = simulate(*F, radau(3), (0, T), [1.0])
    assert s.success
    np.testing.assert_allclose(s.x[-1, 0], np.exp(-1.0), rtol=1e-5)


# --- starts -----------------------------------------------------------------------------------
def test_wrong_initial_algebraic_value_is_computed_and_reported():
    s = simulate(*system(INDEX_1[0], 1, 1), radau(2), Mesh.uniform(0, 1, 4), [2.0], [5.0])
    np.testing.assert_allclose(s.y[0], 1.0, rtol=1e-12)
    assert s.moved == ("y[0]: 5 given, 1 consistent",)


def test_algebraic_value_that_does_not_exist_is_refused_with_the_residual_norm():
    F = system(lambda dx, x, y, t: stack(dx[:, 0] - y[:, 0], y[:, 0] ** 2 + y[:, 0] + x[:, 0]), 1, 1)
    with pytest.raises((NotConverged, HigherIndex), match="balance.*residual norm.* 0.75"):
        simulate(*F, radau(2), (0, 1), [1.0], [1.0], equation_names=("flow", "balance"))


def test_states_that_violate_a_constraint_or_a_hidden_one_are_refused_by_name():
    names = dict(equation_names=("dq1", "dq2", "dv1", "dv2", "length"), index=3)
    with pytest.raises(InconsistentStart, match=r"violate length \(residual 0.105\)"):
        simulate(*pendulum(3), radau(3), (0, 1), [1.1, 0.0, 0.0, 0.0], [1.0], **names)
    with pytest.raises(InconsistentStart, match="hidden constraint d/dt of length = 0; residual 0.3"):
        simulate(*pendulum(3), radau(3), (0, 1), [1.0, 0.0, 0.3, 0.0], [1.0], **names)


@pytest.mark.parametrize("index", [2, 3])
def test_index_above_the_one_stated_is_refused_with_equation_and_variable(index):
    x0, names = [1.0, 0.0, 0.0, 0.0], dict(algebraic_names=("lambda",))
    with pytest.raises(HigherIndex, match="index is above 1 .*equation 4.*lambda"):
        simulate(*pendulum(index), radau(3), (0, 1), x0, [1.0], **names)
    with pytest.raises(HigherIndex, match="radau or gauss"):
        simulate(*pendulum(index), lobatto(3), (0, 1), x0, [1.0], index=3, **names)


def test_index_three_is_not_taken_for_index_two():
    with pytest.raises(HigherIndex, match="index is 3 or above"):
        simulate(*pendulum(3), radau(3), (0, 1), [1.0, 0.0, 0.0, 0.0], [1.0], index=2)


def test_variable_without_its_derivative_is_named():
    F = system(lambda dx, x, y, t: stack(dx[:, 0] + x[:, 0], x[:, 1] - x[:, 0]), 2, 0)
    with pytest.raises(HigherIndex, match="derivative of level: declare it algebraic"):
        simulate(*F, radau(2), (0, 1), [1.0, 1.0], state_names=("mass", "level"))


# --- folds and failures -----------------------------------------------------------------------
# x' = −y on the slow manifold x = y³/3 − y: y (2) = 2 falls to the fold at y = 1, t = 3/2 − ln 2.
FOLD = system(lambda dx, x, y, t: stack(dx[:, 0] + y[:, 0], x[:, 0] + y[:, 0] - y[:, 0] ** 3 / 3), 1, 1)
FOLD_TIME = 1.5 - np.log(2.0)


@pytest.mark.parametrize("scheme", [radau(2), radau(3), gauss(2), lobatto(3)], ids=label)
def test_simulation_stops_at_a_fold_with_time_and_state(scheme):
    s = simulate(*FOLD, scheme, (0, 2), [2 / 3], [1.7], rtol=1e-5, algebraic_names=("current",))
    assert s.status is Status.SINGULAR and not s.success
    assert abs(s.t[-1] - FOLD_TIME) < 1e-4
    assert f"{s.t[-1]:.9g}" in s.message and "current = 1" in s.message
    assert s.y.min() > 0.99   # never the other branch, y ≤ −1


@pytest.mark.parametrize("N", [3, 10, 57])
@pytest.mark.parametrize("K", [1, 2, 3])
def test_mesh_that_is_given_never_leads_over_a_fold(N, K):
    s = simulate(*FOLD, radau(K), Mesh.uniform(0, 2, N), [2 / 3], [1.7])
    assert not s.success and s.t[-1] < FOLD_TIME + 2 / N and s.y.min() > 0.99


def test_value_that_is_not_finite_is_an_error_at_the_start_and_a_status_in_mid_run():
    def F(dx, x, y, t):
        return stack(dx[:, 0] - np.where(t < 0.5, 1.0, np.nan))

    def start(dx, x, y, t):
        return stack(dx[:, 0] + np.nan * x[:, 0])

    with pytest.raises(NotFinite, match="equation 0 is nan at t = 0"):
        simulate(*system(start, 1, 0), radau(2), (0, 1), [1.0])
    for mesh in ((0, 1), Mesh.uniform(0, 1, 16)):
        s = simulate(*system(F, 1, 0), radau(2), mesh, [0.0])
        assert s.status is Status.NOT_EVALUATED and "nan" in s.message
        assert 0.5 - 1 / 16 <= s.t[-1] <= 0.5
        np.testing.assert_allclose(s.x[-1, 0], s.t[-1], rtol=1e-12)


def test_exception_at_the_start_reaches_the_caller_and_in_mid_run_becomes_a_status():
    def F(dx, x, y, t):
        if t.max() > limit:
            raise ValueError("the valve is closed")
        return stack(dx[:, 0] - 1.0)

    limit = 0.4
    s = simulate(*system(F, 1, 0), radau(2), (0, 1), [0.0])
    assert s.status is Status.NOT_EVALUATED and "valve" in s.message and abs(s.t[-1] - 0.4) < 1e-9
    limit = -1.0
    with pytest.raises(ValueError, match="valve"):
        simulate(*system(F, 1, 0), radau(2), (0, 1), [0.0])


def test_blow_up_stops_at_its_time():
    F = system(lambda dx, x, y, t: stack(dx[:, 0] - x[:, 0] ** 2), 1, 0)
    s = simulate(*F, radau(3), (0, 2), [1.0])
    assert not s.success and abs(s.t[-1] - 1.0) < 1e-3


def test_step_limit_is_a_status():
    s = simulate(*system(INDEX_1[0], 1, 1), radau(3), (0, 2), [2.0], [0.8], rtol=1e-9, max_steps=4)
    assert s.status is Status.STEP_LIMIT and s.steps == 4 and s.t[-1] < 2


def test_wrong_counts_shapes_and_tolerances_are_refused_in_words():
    F, J = system(INDEX_1[0], 1, 1)
    with pytest.raises(ValueError, match=r"shape \(1, 2\).*\(1, 3\)"):
        simulate(F, J, radau(2), (0, 1), [1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="jacobian returned shapes"):
        simulate(F, lambda *a: J(*a)[:2], radau(2), (0, 1), [2.0], [1.0])
    for wrong in (dict(rtol=0), dict(atol=-1.0), dict(atol=[1.0, 1.0, 1.0]), dict(rtol=1e-17)):
        with pytest.raises(ValueError, match="rtol"):
            simulate(F, J, radau(2), (0, 1), [2.0], [1.0], **wrong)
    for span in ((1, 0), (0, 0), (1e9, 1e9 + 1e-9)):
        with pytest.raises(ValueError, match="span"):
            simulate(F, J, radau(2), span, [2.0], [1.0])
    with pytest.raises(ValueError, match="expected 1 names"):
        simulate(F, J, radau(2), (0, 1), [2.0], [1.0], state_names=("a", "b"))
    with pytest.raises(ValueError, match="index is 4"):
        simulate(F, J, radau(2), (0, 1), [2.0], [1.0], index=4)
