"""States that jump at known times, against exponentials."""

import numpy as np
import pytest

from pcl.collocation import Mesh, gauss, lobatto, radau, simulate

AT = (0.5, 0.5 + 1e-3, 2.0)
JUMPS = [(t, lambda dx, x, y, t: 3.0 * x + y) for t in AT]


def residual(dx, x, y, t):                      # x' = −x, y = x²
    return np.stack([dx[:, 0] + x[:, 0], y[:, 0] - x[:, 0] ** 2], axis=-1)


def jacobian(dx, x, y, t):
    F_dx, F_x, F_y = (np.zeros((t.size, 2, 1)) for _ in range(3))
    F_dx[:, 0, 0], F_x[:, 0, 0], F_x[:, 1, 0], F_y[:, 1, 0] = 1.0, 1.0, -2.0 * x[:, 0], 1.0
    return F_dx, F_x, F_y


def exact(t):
    """x⁺ = 3 x + x² at these times; the value before it at each."""
    found, start = np.empty_like(t), 0.5
    for a, b in zip((0.0, *AT), (*AT, np.inf)):
        mine = (t > a) & (t <= b) if a else t <= b
        found[mine] = start * np.exp(a - t[mine])
        start = 3.0 * start * np.exp(a - b) + (start * np.exp(a - b)) ** 2
    return found


@pytest.mark.parametrize("scheme", [radau(3), gauss(3), lobatto(4)], ids=lambda s: s.name)
@pytest.mark.parametrize("rtol", [1e-3, 1e-8])
def test_no_step_leads_over_a_jump(scheme, rtol):
    t = np.linspace(0.0, 4.0, 33)
    done = simulate(residual, jacobian, scheme, (0.0, 4.0), [0.5], [0.25], rtol=rtol, jumps=JUMPS)
    assert done.success and set(AT) <= set(done.t)
    x, y = done(t)
    assert x[:, 0] == pytest.approx(exact(t), rel=30 * rtol)
    assert done(np.nextafter(2.0, 3.0))[0][0, 0] == pytest.approx(
        3.0 * exact(np.array([2.0]))[0] + exact(np.array([2.0]))[0] ** 2, rel=30 * rtol)


def test_elements_solved_together_stop_at_jumps_too():
    mesh = Mesh(np.union1d(np.linspace(0.0, 4.0, 41), AT))
    once = simulate(residual, jacobian, radau(3), mesh, [0.5], [0.25], jumps=JUMPS)
    again = simulate(residual, jacobian, radau(3), mesh, [0.5], [0.25], jumps=JUMPS,
                     guess=(once.start, once.slots, once.algebraic))
    assert again.iterations < once.iterations
    assert again.x[:, 0] == pytest.approx(once.x[:, 0], rel=1e-9)
    assert once(mesh.times)[0][:, 0] == pytest.approx(exact(mesh.times), rel=1e-6)


def test_a_jump_inside_an_element_of_a_mesh_is_refused():
    with pytest.raises(ValueError, match="inside an element"):
        simulate(residual, jacobian, radau(2), Mesh.uniform(0.0, 4.0, 3), [0.5], [0.25], jumps=JUMPS)


def test_states_of_the_wrong_number_after_a_jump_are_refused():
    done = simulate(residual, jacobian, radau(2), (0.0, 1.0), [0.5], [0.25],
                    jumps=[(0.5, lambda dx, x, y, t: np.ones(2))])
    assert not done.success and "after the jump at t = 0.5" in done.message
