"""Events at conditions on the state in simulations of fitted models, against closed forms."""

import numpy as np
import pytest

from pcl.dae import Model, Trajectory, fit

TANK = Model(states="h", parameters="q", inputs="u", algebraic="out", rates=lambda v: {"h": v.u - v.out},
             equations=lambda v: {"out": v.out - v.q * v.h},
             jumps={"empty": lambda v: {"h": 0.25 * v.h}, "rest": lambda v: {"h": v.h}})


@pytest.fixture(scope="module")
def found():
    t = np.linspace(0.0, 3.0, 13)
    level = 2.0 - 2.0 * np.exp(-0.5 * t)
    return fit(TANK, Trajectory(t, {"h": level}, {"h": 0.0}, {"u": 1.0}), elements=12)


def test_a_tank_is_emptied_each_time_it_is_full(found):
    """h = 2 (1 − e^(−t/2)) reaches 1 after 2 ln 2, from 1/4 after 2 ln (7/4)."""
    t = np.linspace(0.0, 6.0, 61)
    told = found.simulate({"h": 0.0}, {"u": 1.0}, t, rtol=1e-8, when={"empty": lambda v: 1.0 - v.h})
    q = found.parameters["q"]
    times = 2.0 * np.log(2.0) + 2.0 * np.log(1.75) * np.arange(5)
    assert q == pytest.approx(0.5, rel=1e-5)
    assert [name for _, name in told.events] == 5 * ["empty"]
    assert [time for time, _ in told.events] == pytest.approx(times, rel=1e-4)
    assert told.success and told["h"].max() <= 1.0 + 1e-9
    late = t > times[0]
    since = (t[late] - times[0]) % (2.0 * np.log(1.75))
    off = np.minimum(since, 2.0 * np.log(1.75) - since) > 1e-3
    assert told["h"][late][off] == pytest.approx((2.0 - 1.75 * np.exp(-since / 2.0))[off], abs=1e-3)


def test_a_simulation_ends_where_it_is_asked_to(found):
    told = found.simulate({"h": 0.0}, {"u": 1.0}, np.linspace(0.0, 6.0, 61), rtol=1e-8,
                          until=lambda v: 0.5 - v.out)
    (time, name), = told.events
    assert name == "until" and time == pytest.approx(2.0 * np.log(2.0), rel=1e-4)
    assert told.success and told.t[-1] == 1.3 and told.curve.mesh.times[-1] == time


def test_conditions_of_no_jump_are_refused(found):
    with pytest.raises(ValueError, match="'full'"):
        found.simulate({"h": 0.0}, {"u": 1.0}, [0.0, 1.0], when={"full": lambda v: v.h})
    with pytest.raises(TypeError, match="function of v"):
        found.simulate({"h": 0.0}, {"u": 1.0}, [0.0, 1.0], when={"empty": 1.0})
