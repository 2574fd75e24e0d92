"""Events at conditions on the state, against closed forms."""

import numpy as np
import pytest

from pcl.collocation import Mesh, Status, gauss, lobatto, radau, simulate

G = 9.81


def fall(dx, x, y, t):                          # h' = v, v' = −g, y = h + v²/(2 g)
    energy = x[:, 0] + x[:, 1] ** 2 / (2 * G)
    return np.stack([dx[:, 0] - x[:, 1], dx[:, 1] + G, y[:, 0] - energy], axis=-1)


def slopes(dx, x, y, t):
    F_dx, F_x, F_y = np.zeros((t.size, 3, 2)), np.zeros((t.size, 3, 2)), np.zeros((t.size, 3, 1))
    F_dx[:, 0, 0] = F_dx[:, 1, 1] = F_y[:, 2, 0] = 1.0
    F_x[:, 0, 1], F_x[:, 2, 0], F_x[:, 2, 1] = -1.0, -1.0, -x[:, 1] / G
    return F_dx, F_x, F_y


def height(dx, x, y, t):
    return x[:, 0]


def bounce(dx, x, y, t):
    return np.array([0.0, -0.8 * x[1]])


def times(count, factor=0.8):
    """Of the bounces of a ball dropped from 1 m."""
    first = np.sqrt(2.0 / G)
    return first + 2.0 * first * np.cumsum(np.concatenate([[0.0], factor ** np.arange(1, count)]))


@pytest.mark.parametrize("scheme", [radau(3), gauss(2), lobatto(3)], ids=lambda s: s.name)
def test_a_ball_bounces_when_it_reaches_the_ground(scheme):
    done = simulate(fall, slopes, scheme, (0.0, 2.5), [1.0, 0.0], [1.0], events=[(height, bounce)])
    found = [time for time, number in done.events]
    exact = times(30)
    assert done.success
    assert found == pytest.approx(exact[exact < 2.5], rel=1e-9)
    assert set(found) <= set(done.t)
    x, y = done(np.array([found[0] - 1e-12, np.nextafter(found[0], 9.0)]))
    assert y[1, 0] / y[0, 0] == pytest.approx(0.64, rel=1e-9)       # energy
    assert done.x[:, 0].min() > -1e-12


def test_a_simulation_ends_at_an_event_without_a_jump():
    top = simulate(fall, slopes, radau(3), (0.0, 2.5), [0.0, 3.0], [0.0],
                   events=[(lambda dx, x, y, t: x[:, 1], None), (height, bounce)])
    assert top.status is Status.EVENT and top.success and top.events == ((top.t[-1], 0),)
    assert top.t[-1] == pytest.approx(3.0 / G, rel=1e-12)
    assert top.end_state == pytest.approx([9.0 / (2 * G), 0.0], abs=1e-12)


def test_a_condition_that_begins_below_zero_has_to_rise_first():
    done = simulate(fall, slopes, radau(3), (0.0, 1.0), [-0.1, 3.0], [0.0],
                    events=[(height, lambda dx, x, y, t: x)])
    time = (3.0 + np.sqrt(9.0 - 0.2 * G)) / G
    assert [t for t, _ in done.events] == pytest.approx([time], rel=1e-9)


def test_a_thermostat_of_two_conditions_switches_in_closed_form():
    """T' = u − T with u = 0 or 3: off at 2, on at 1; both stretches take ln 2."""
    def residual(dx, x, y, t):
        return np.stack([dx[:, 0] - x[:, 1] + x[:, 0], dx[:, 1]], axis=-1)

    def jacobian(dx, x, y, t):
        F_dx, F_x = np.tile(np.eye(2), (t.size, 1, 1)), np.zeros((t.size, 2, 2))
        F_x[:, 0] = 1.0, -1.0
        return F_dx, F_x, np.zeros((t.size, 2, 0))
    off = (lambda dx, x, y, t: 2.0 - x[:, 0], lambda dx, x, y, t: np.array([x[0], 0.0]))
    on = (lambda dx, x, y, t: x[:, 0] - 1.0, lambda dx, x, y, t: np.array([x[0], 3.0]))
    done = simulate(residual, jacobian, radau(3), (0.0, 4.0), [1.0, 3.0], rtol=1e-9, events=[off, on])
    assert [number for _, number in done.events] == [0, 1, 0, 1, 0]
    found = np.array([t for t, _ in done.events])
    assert np.abs(found / np.log(2.0) - np.arange(1, 6)).max() < 1e-7


def test_events_without_end_are_told_in_words():
    done = simulate(fall, slopes, radau(3), (0.0, 9.0), [1.0, 0.0], [1.0],
                    events=[(height, lambda dx, x, y, t: np.array([0.0, -0.2 * x[1]]))])
    assert done.status is Status.CROWDED and not done.success
    assert done.t[-1] == pytest.approx(1.5 * np.sqrt(2.0 / G), rel=1e-7)        # 1 + 2 (0.2 + 0.04 + …)


def test_events_on_a_mesh_are_refused():
    with pytest.raises(ValueError, match="given with a mesh"):
        simulate(fall, slopes, radau(3), Mesh.uniform(0.0, 1.0, 4), [1.0, 0.0], [1.0],
                 events=[(height, bounce)])
