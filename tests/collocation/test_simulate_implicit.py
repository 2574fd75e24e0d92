"""Simulation of equations implicit in x', with zeros, breaks and many rows, against other integrators."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from test_collocation_simulate import stack, system

from pcl.collocation import Mesh, Status, gauss, radau, simulate


def rate(F, x, t, low, high):
    """x' with F(x') = 0 between low and high."""
    return brentq(lambda d: F(d, x, t), low, high, xtol=1e-15, rtol=4e-15)


def truth(f, x0, t, **options):
    """Of x' = f(t, x), far below the tolerances tested."""
    found = solve_ivp(f, (t[0], t[-1]), x0, t_eval=t, rtol=1e-10, atol=1e-12,
                      **{"method": "LSODA", **options})
    assert found.success
    return found.y.T


IMPLICIT = {
    "cubic": (lambda d, x, t: d ** 3 + d - 1.5 * np.sin(t) + x, (-3.0, 3.0)),
    "exponential": (lambda d, x, t: (1 + d) * np.exp(d) - 1.0 - np.sin(t) + 0.3 * x, (-0.9, 3.0)),
    "root": (lambda d, x, t: d * np.sqrt(1 + d ** 2) + 2.0 * x - np.cos(3 * t), (-5.0, 5.0)),
    "stiff": (lambda d, x, t: 1e-6 * (d ** 3 + d) + x - np.cos(t), (-400.0, 400.0)),
}


@pytest.mark.parametrize("rtol", [1e-4, 1e-7])
@pytest.mark.parametrize("name", IMPLICIT)
def test_regular_equation_nonlinear_in_its_derivative_is_solved_in_few_steps(name, rtol):
    F, (low, high) = IMPLICIT[name]
    x0 = 1.0 if name == "stiff" else 0.0
    s = simulate(*system(lambda dx, x, y, t: F(dx, x, t[:, None]), 1, 0), radau(3), (0.0, 6.0), [x0],
                 rtol=rtol, atol=rtol)
    assert s.status is Status.SOLVED, s.message
    assert s.steps < 300 and s.rejected < 30
    exact = truth(lambda t, x: [rate(F, x[0], t, low, high)], [x0], s.t)
    np.testing.assert_allclose(s.x, exact, atol=50 * rtol)


def two_roots(dx, x, y, t):
    """x' = −x y + cos t, y² = 1 + x²: y has two branches."""
    return stack(dx[:, 0] + x[:, 0] * y[:, 0] - np.cos(t), y[:, 0] ** 2 - 1 - x[:, 0] ** 2)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_branch_of_an_algebraic_variable_is_kept(sign):
    s = simulate(*system(two_roots, 1, 1), radau(3), (0.0, 0.5), [0.0], [3.0 * sign], rtol=1e-7)
    t = np.linspace(0.0, 0.5, 9)
    exact = truth(lambda t, x: [-sign * x[0] * np.sqrt(1 + x[0] ** 2) + np.cos(t)], [0.0], t)
    assert s.success and (sign * s.y > 0.9).all()
    np.testing.assert_allclose(s(t)[0], exact, atol=1e-5)


def test_newton_that_cannot_converge_says_that_the_equations_are_regular():
    """The Jacobian is wrong by a factor of minus three: no contraction, and no fold."""
    F, J = system(lambda dx, x, y, t: dx + x - np.where(t > 0.5, 1.0, 0.0)[:, None] * dx ** 2, 1, 0)

    def wrong(dx, x, y, t):
        F_dx, F_x, F_y = J(dx, x, y, t)
        return np.where((t > 0.5)[:, None, None], -3.0, 1.0) * F_dx, F_x, F_y
    s = simulate(F, wrong, radau(2), (0.0, 1.0), [0.1])
    assert s.status in (Status.NEWTON_FAILED, Status.OTHER_BRANCH) and 0.4 < s.t[-1] < 0.6
    assert "regular at the time reached" in s.message


# --- zeros ------------------------------------------------------------------------------------
def heat(n, left):
    """u_t = u_xx on n inner nodes, boundary values as algebraic variables with an equation each."""
    def F(dx, x, y, t):
        u = np.concatenate([y[:, :1], x, y[:, 1:]], axis=1)
        return np.concatenate([dx - (u[:, 2:] - 2 * u[:, 1:-1] + u[:, :-2]) * (n + 1) ** 2,
                               y[:, :1] - left(t)[:, None], y[:, 1:]], axis=1)
    return system(F, n, 2)


@pytest.mark.parametrize("mesh", [(0.0, 0.1), Mesh.uniform(0.0, 0.1, 20)], ids=["span", "mesh"])
def test_boundary_values_that_are_zero_are_no_obstacle(mesh):
    n, t = 9, 0.1
    nodes = np.arange(1, n + 1) / (n + 1)
    s = simulate(*heat(n, lambda t: 0 * t), radau(3), mesh, np.sin(np.pi * nodes), [0.0, 0.0])
    rate_h = -4 * (n + 1) ** 2 * np.sin(np.pi / (2 * (n + 1))) ** 2
    assert s.success and np.abs(s.y).max() < 1e-18
    np.testing.assert_allclose(s.x[-1], np.sin(np.pi * nodes) * np.exp(rate_h * t), atol=1e-6)


def test_a_solution_that_is_zero_throughout_is_solved():
    for mesh in ((0.0, 1.0), Mesh.uniform(0.0, 1.0, 5)):
        s = simulate(*heat(5, lambda t: 0 * t), radau(2), mesh, np.zeros(5), [0.0, 0.0])
        assert s.success and not s.x.any()


# --- breaks -----------------------------------------------------------------------------------
def pulse(t, left=3.0, right=3.01):
    return np.where((t > left) & (t <= right), 100.0, 0.0)


def test_a_pulse_between_the_nodes_is_seen_by_its_breaks_and_not_without():
    F = system(lambda dx, x, y, t: dx + 0.1 * (x - pulse(np.real(t))[:, None] * 10.0), 1, 0)
    exact = 1000.0 * (1.0 - np.exp(-0.001)) * np.exp(-0.299)
    for scheme in (radau(3), gauss(2)):
        s = simulate(*F, scheme, (0.0, 6.0), [0.0], rtol=1e-8, breaks=[3.0, 3.01])
        assert np.isin([3.0, 3.01], s.t).all()
        np.testing.assert_allclose(s.x[-1, 0], exact, rtol=1e-6)
    assert abs(simulate(*F, radau(3), (0.0, 6.0), [0.0], rtol=1e-4).x[-1, 0]) < 1e-3 * exact


@pytest.mark.parametrize("closed", [np.less, np.less_equal])
def test_an_algebraic_variable_jumps_at_a_break_whichever_side_the_function_counts_it_to(closed):
    """x' = y, y³ + y = u with u = 2, then 10 from t = 1: y = 1, then 2."""
    F = system(lambda dx, x, y, t: stack(dx[:, 0] - y[:, 0], y[:, 0] ** 3 + y[:, 0]
                                         - np.where(closed(np.real(t), 1.0), 2.0, 10.0)), 1, 1)
    s = simulate(*F, radau(3), (0.0, 2.0), [0.0], [1.0], breaks=[1.0], rtol=1e-8)
    x, y = s(np.array([1.0, 1.0 + 1e-9, 2.0]))
    np.testing.assert_allclose(y[:, 0], [1.0, 2.0, 2.0], rtol=1e-12)
    np.testing.assert_allclose(x[:, 0], [1.0, 1.0, 3.0], rtol=1e-8)


def test_breaks_inside_an_element_of_a_given_mesh_are_refused():
    F = system(lambda dx, x, y, t: dx + x, 1, 0)
    with pytest.raises(ValueError, match=r"breaks has 0\.5,.*boundaries"):
        simulate(*F, radau(2), Mesh.uniform(0.0, 1.0, 3), [1.0], breaks=[0.5])


def test_many_breaks_are_crossed_by_steps_that_hold_several():
    """x' = −x + u with 400 random steps of u, exact from step to step."""
    edges = np.linspace(0.0, 40.0, 401)
    u = np.random.default_rng(0).uniform(size=400)
    calls = []

    def F(dx, x, y, t):
        calls.append(t.size)
        place = np.clip(np.searchsorted(edges, np.real(t), side="left") - 1, 0, 399)
        return dx + x - u[place][:, None]
    s = simulate(*system(F, 1, 0), radau(3), (0.0, 40.0), [0.0], rtol=1e-7, breaks=edges[1:-1])
    exact = [0.0]
    for value in u:
        exact.append(value + (exact[-1] - value) * np.exp(-0.1))
    assert s.success and np.isin(edges, s.t).all() and len(calls) < 800
    np.testing.assert_allclose(s(edges)[0][:, 0], exact, atol=1e-7)


def test_elements_solved_together_from_a_guess_are_those_solved_one_by_one():
    F = system(lambda dx, x, y, t: stack(dx[:, 0] - x[:, 1], dx[:, 1] + np.sin(x[:, 0])), 2, 0)
    mesh = Mesh.uniform(0.0, 10.0, 50)
    slow = simulate(*F, radau(3), mesh, [1.0, 0.0])
    guess = [a + 1e-3 * np.sin(np.arange(a.size)).reshape(a.shape)
             for a in (slow.start, slow.slots, slow.algebraic)]
    fast = simulate(*F, radau(3), mesh, [1.0, 0.0], guess=guess)
    np.testing.assert_allclose(fast.x, slow.x, atol=1e-12)
    assert fast.iterations < 10 < slow.iterations
