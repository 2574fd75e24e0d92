"""Laws with a bounded output keep their range through normalisation, smoothing and pre-training."""

import numpy as np
import pytest

import pcl
from pcl import MLP
from pcl.dae import Law, Model, Trajectory, fit
from pcl.dae.laws.output_range import normalised, output_range
from pcl.dae.program.setting import Setting
from pcl.dae.stages.guess import first_guess
from pcl.dae.stages.pretrain import pretrain
from pcl.dae.stages.smooth import smooth

A = np.linspace(0.0, 50.0, 40)[:, None]
TARGET = 7.0 + 0.5 * np.sin(A)


def law(output, shift=0.0, scale=1.0):
    return Law(MLP((1, 4, 1), output=output), "t", "r", 0.0, 1.0, shift, scale)


def extremes(given):
    """The least and the largest value of a law, by biases of the last layer of ±700."""
    ends = []
    for bias in (-700.0, 700.0):
        theta = given.init(0)
        theta[-1] = bias
        ends.append(given(theta, A)[:, 0])
    return np.min(ends), np.max(ends)


@pytest.mark.parametrize("output, lower, upper", [
    (pcl.softplus(), 0.0, np.inf), (pcl.softplus(2.0), 2.0, np.inf), (pcl.exponential(), 0.0, np.inf),
    (pcl.bounded(-1.0, 9.0), -1.0, 9.0), (None, -np.inf, np.inf)])
@pytest.mark.parametrize("shift, scale", [(0.0, 1.0), (3.0, -2.0)])
def test_normalisation_keeps_the_range_of_a_law(output, lower, upper, shift, scale):
    ends = sorted((shift + scale * lower, shift + scale * upper))
    for given in (law(output, shift, scale), normalised(law(output, shift, scale), A, TARGET)):
        np.testing.assert_allclose(np.concatenate(output_range(given)), ends, rtol=1e-14)
        least, largest = extremes(given)
        assert least >= ends[0] - 1e-12 and largest <= ends[1] + 1e-12
        for found, end in zip((least, largest), ends):
            assert abs(found - end) < 1e-9 if np.isfinite(end) else abs(found) > 100.0


def test_an_open_law_is_normalised_to_mean_and_standard_deviation():
    made = normalised(law("identity"), A, TARGET)
    assert made.output_shift == pytest.approx(TARGET.mean()) and made.output_scale == pytest.approx(
        TARGET.std())


def test_a_network_that_does_not_declare_its_output_keeps_it():
    class Sigmoid:
        """A bounded network of somebody else."""
        size, n_in, n_out = 2, 1, 1
        init = at = None
    made = normalised(Law(Sigmoid(), "t", "r"), A, TARGET)
    assert made.output_shift == 0.0 and made.output_scale == 1.0 and made.input_scale == A.std()


def test_a_law_far_smaller_than_one_is_pretrained_in_its_own_size():
    """bounded(0, 1e-3): squared errors of 1e-7 are not to drown in the ridge."""
    given, target = law(pcl.bounded(0.0, 1e-3)), 1e-3 * (0.5 + 0.4 * np.sin(A / 10.0))
    a = normalised(given, A, target)
    found = a.at(pretrain(a, A, target, a.init(0)).x, A).value
    assert np.sqrt(np.mean((found - target)**2)) < 0.1 * target.std()


T = np.linspace(0.0, 8.0, 33)
SIGMA = 0.01


def seen(seed=0):
    """x' = −r(t) x with r between 0.05 and 0.45."""
    x = np.exp(-0.25 * T - 0.2 * np.sin(T))
    return x + SIGMA * np.random.RandomState(seed).standard_normal(T.size)


def model():
    return Model(states=("x",), outputs=("r",), rates=lambda v: {"x": -v.r * v.x})


@pytest.mark.parametrize("output", [pcl.softplus(), pcl.exponential(), pcl.bounded(0.0, 0.6)])
def test_a_bounded_law_explains_its_data_with_default_arguments(output):
    data = Trajectory(T, {"x": seen()}, {"x": 1.0}, weights=1.0 / SIGMA**2)
    found = fit(model(), data, Law(MLP((1, 5, 1), output=output), "t", "r"), elements=12)
    assert found.success and found.misfit < 2.0 * T.size
    assert np.sqrt(np.mean((found.laws[0](T)[:, 0] - 0.25 - 0.2 * np.cos(T))**2)) < 0.06


def test_the_smoother_keeps_the_range_of_the_laws():
    setting = Setting.of(model(), Trajectory(T, {"x": seen()}, {"x": 1.0}), 12)
    x = first_guess(setting)
    free, kept = (smooth(setting, x, 1e-6, None, ranges).x for ranges in
                  ((), [(("r",), np.array([0.15]), np.array([0.35]))]))
    z = [setting.points_of(Law(MLP((1, 1)), "t", "r"), each)[1] for each in (free, kept)]
    assert z[0].min() < 0.1 and z[0].max() > 0.4
    assert z[1].min() >= 0.15 - 1e-6 and z[1].max() <= 0.35 + 1e-6
