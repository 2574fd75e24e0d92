"""Laws that are asked outside what they were trained on."""

import numpy as np
import pytest

from pcl import MLP
from pcl.dae import Law, Model, Trajectory, fit, load

DECAY = Model(states="x", outputs="z", inputs="u", rates=lambda v: {"x": v.z})


@pytest.fixture(scope="module")
def found():
    t = np.linspace(0.0, 3.0, 25)
    seen = 2.0 * np.exp(-t) + 0.01 * np.random.default_rng(0).standard_normal(25)
    return fit(DECAY, Trajectory(t, {"x": seen}, {"x": 2.0}, {"u": 1.0}), Law(MLP((1, 3, 1)), "x", "z"),
               elements=10)


def test_a_prediction_within_what_was_seen_tells_nothing(found):
    told = found.predict({"x": 1.5}, {"u": 1.0}, [0.0, 1.0])
    assert not told.outside and "outside" not in told.message


@pytest.mark.parametrize("again", [False, True])
def test_a_prediction_beyond_it_tells_law_input_and_range(again, found, tmp_path):
    if again:
        found.save(tmp_path / "decay.npz")
    told = (load(tmp_path / "decay.npz", DECAY) if again else found).simulate(
        {"x": 3.0}, {"u": 1.0}, [0.0, 0.5])
    least, largest = told.outside["z"]["x"]
    assert largest == pytest.approx(told.curve.values["x"].max()) and largest > 2.1
    assert "law of z is asked outside" in told.message and "x from" in told.message
    low, high = found.laws[0].seen[:, 0]
    assert 1.9 < high <= 2.0 and low == pytest.approx(2.0 * np.exp(-3.0), abs=0.03)
    assert not found.laws[0].outside(np.array([[low], [high]]))
