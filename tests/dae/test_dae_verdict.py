"""Whether a model fits its data is said, and success withheld only where it plainly does not."""

import re
import warnings

import numpy as np
import pytest
from scipy.stats import chi2

from pcl.dae import Model, Trajectory, fit
from pcl.dae.data.experiments import Data
from pcl.dae.data.scatter import scatter
from pcl.dae.result.fit_result import Fit

T = np.linspace(0.0, 3.0, 61)
SIGMA = 0.02
NOISE = SIGMA * np.random.RandomState(0).standard_normal((2, T.size))
DECAY = Model(states=("x",), parameters=("k",), rates=lambda v: {"x": -v.k * v.x})
STRAIGHT = np.exp(-T) + NOISE[0]                                # what DECAY describes
BENT = np.exp(-T) + 0.3 * np.sin(3.0 * T) + NOISE[0]            # what it does not


def fitted(values, weights=1.0, **options):
    return fit(DECAY, Trajectory(T, {"x": values}, weights=weights), elements=8, **options)


def test_chi2_and_its_p_value_are_those_of_the_residuals():
    found = fitted(STRAIGHT, SIGMA**-2)
    residual = (found.trajectories["0"](T, "x") - STRAIGHT) / SIGMA
    verdict = found.verdict
    assert found.success and verdict.fits
    assert verdict.chi2 == pytest.approx(residual @ residual, rel=1e-9)
    assert verdict.dof == pytest.approx(T.size - 2, abs=0.05)     # k and the start; nonlinear in k
    assert verdict.p_value == pytest.approx(chi2.sf(verdict.chi2, verdict.dof), rel=1e-9)
    assert 1e-3 < verdict.p_value and "agree" in found.status and found.status in str(found)


def test_a_model_that_cannot_describe_data_of_known_variance_is_no_success():
    found = fitted(BENT, SIGMA**-2)
    assert found.result.success and not found.success and not found.verdict.fits
    assert found.verdict.chi2 > 20.0 * T.size and "does not fit" in found.status


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_weights_that_are_no_variances_do_not_withhold_success(factor):
    """χ² is then wrong by `factor`: said, with the errors that do not need it."""
    found = fitted(STRAIGHT, factor * SIGMA**-2)
    assert found.success
    assert re.search(r"contradicts weights of 1/σ².*known_variance=False", found.status)


def test_without_given_variances_nothing_is_said_of_chi2():
    found = fitted(BENT)
    assert found.success and found.verdict.chi2 is None and "χ²" not in found.status


def test_a_misfit_far_above_the_smoothers_is_no_success():
    good = fitted(STRAIGHT)
    bad = Fit(good.setting, good.program, good.result, good.stages, enough=0.5 * good.misfit)
    assert good.success and not bad.success and "far above" in bad.status


def test_scatter_of_neighbours_is_the_variance_whatever_the_spacing():
    """10,000 readings: the mean of their squares is known to about 2 %."""
    random = np.random.RandomState(1)
    t, sigma = np.sort(random.uniform(0.0, 1.0, 10_000)), random.uniform(0.5, 3.0, 10_000)
    y = 5.0 * t + sigma * random.standard_normal(t.size)
    found = scatter(Data(Trajectory(t, {"x": y}, weights={"x": sigma**-2})))
    assert found == pytest.approx(1.0, abs=0.08)


# --- sizes ------------------------------------------------------------------------------------------
PAIR = Model(states=("x", "y"), parameters=("k",),
             rates=lambda v: {"x": -v.k * v.x, "y": -v.k * v.y})


def pair(size, **options):
    data = Trajectory(T, {"x": size * STRAIGHT, "y": np.exp(-T) + NOISE[1]},
                      weights=options.pop("weights", 1.0))
    return fit(PAIR, data, elements=8, **options)


def warned(make):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        make()
    return [str(w.message) for w in found if "one weight" in str(w.message)]


def test_equal_weights_for_variables_of_different_sizes_are_warned_of_once():
    assert len(warned(lambda: pair(100.0))) == 1 and "x is 1" in warned(lambda: pair(100.0))[0]
    assert not warned(lambda: pair(5.0))
    assert not warned(lambda: pair(100.0, scaling="variance"))
    assert not warned(lambda: pair(100.0, weights={"x": 1e-4, "y": 1.0}))


def test_a_variable_over_decades_with_one_weight_is_warned_of():
    t = np.linspace(0.0, 12.0, 61)
    wide = Trajectory(t, {"x": np.exp(-t)})
    relative = Trajectory(t, {"x": np.exp(-t)}, weights={"x": (0.1 * np.exp(-t))**-2})
    found = warned(lambda: fit(DECAY, wide, elements=8))
    assert len(found) == 1 and "x spans 5 decades" in found[0]
    assert not warned(lambda: fit(DECAY, relative, elements=8))


@pytest.mark.parametrize("bounds, fits", [((-0.1, 0.1), False), (None, True)])
def test_a_model_that_explains_no_more_than_constants_is_no_success(bounds, fits):
    """x' = k from x = 3 against 1 − t/2, of unknown variance."""
    model = Model(states="x", parameters="k", rates=lambda v: {"x": v.k},
                  bounds={} if bounds is None else {"k": bounds})
    t = np.linspace(0.0, 2.0, 21)
    seen = 1.0 - 0.5 * t + 0.01 * np.random.RandomState(0).randn(t.size)
    found = fit(model, Trajectory(t, {"x": seen}, {"x": 1.0 if fits else 3.0}), elements=4)
    assert found.result.success and found.success == fits
    assert ("no smaller than that of constants" in found.status) != fits
