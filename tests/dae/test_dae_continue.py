"""A fit that goes on from an earlier one, and stages that are left out or replaced."""

import numpy as np
import pytest

from pcl import MLP
from pcl.dae import Data, Model, Trajectory, fit

T = np.linspace(0.0, 4.0, 33)
GROWTH = Model(states="x", outputs="r", rates=lambda v: {"x": v.r}, bounds={"x": (0.0, None)})
DECAY = Model(states="x", parameters=("k", "a"), rates=lambda v: {"x": -v.k * v.x + v.a})
SEEN = np.exp(-0.7 * T) + 0.2 + 0.01 * np.random.default_rng(0).standard_normal(T.size)
DATA = Data(Trajectory(T, {"x": SEEN}, weights=1e4))
NET = MLP((1, 4, 1))


@pytest.fixture(scope="module")
def earlier():
    return fit(GROWTH, DATA, NET, elements=12)


def names(found):
    return [stage.name for stage in found.stages]


def test_the_same_again_is_there_at_once_without_guess_and_smoother(earlier):
    again = fit(GROWTH, DATA, NET, start=earlier)
    assert again.success and again.objective == pytest.approx(earlier.objective, rel=1e-6)
    assert "smoother" not in names(again) and "pre-training" not in names(again)
    first = next(stage for stage in again.stages if stage.name == "main")
    assert first.iterations <= 3
    assert [mesh.elements for mesh in again.setting.meshes] == [12]


def test_parameters_go_on_with_their_multipliers():
    found = fit(DECAY, DATA, elements=12)
    again = fit(DECAY, DATA, start=found)
    main, = [stage for stage in again.stages if stage.name == "main"]
    assert main.iterations <= 2 and again.parameters == pytest.approx(found.parameters, rel=1e-6)


def test_more_data_of_the_same_law_and_a_new_trajectory(earlier):
    other = Trajectory(T, {"x": 0.5 * np.exp(-0.7 * T) + 0.2}, weights=1e4, name="other")
    again = fit(GROWTH, [*DATA, other], NET, start=earlier)
    assert again.success and set(again.trajectories) == {"0", "other"}
    assert again.setting.meshes[0].elements == 12
    assert names(again)[:2] == ["guess", "main"]


def test_another_width_is_refused_in_words(earlier):
    with pytest.raises(ValueError, match="the law of r has 13 weights .* 7 in network"):
        fit(GROWTH, DATA, MLP((1, 2, 1)), start=earlier)
    found = fit(GROWTH, DATA, MLP((1, 2, 1)), start=earlier.parameters, trajectories=earlier.trajectories,
                elements=12)
    assert found.success


def test_stages_are_left_out_and_replaced(earlier):
    theta = earlier.laws[0].theta
    asked = []

    def given(law, a, z, weights):
        asked.append((law.outputs, a.shape, z.shape, weights.shape))
        return theta
    found = fit(GROWTH, DATA, NET, elements=12, guess=None, smoother=None, pretrain=given)
    words = {stage.name: stage.words for stage in reversed(found.stages)}
    assert "data interpolated, as asked for" in words["guess"]
    assert words["smoother"] == "left out, as asked for"
    assert asked[0] == (("r",), (36, 1), (36, 1), (13,))
    assert found.success
    plain = fit(GROWTH, DATA, NET, elements=12, pretrain=None, seed=1)
    assert plain.success and plain.objective == pytest.approx(earlier.objective, rel=0.3)


def test_a_model_without_laws_may_leave_the_guess_out():
    found = fit(DECAY, DATA, elements=12, guess=None)
    assert found.success and not any("data and equations" in stage.words for stage in found.stages)


@pytest.mark.parametrize("options, words", [
    ({"smoother": "none"}, "smoother"), ({"pretrain": "none"}, "pretrain"),
    ({"guess": {}, "trajectories": {}}, "both given"), ({"pretrain": lambda *a: np.zeros(3)}, None)])
def test_what_does_not_fit_is_refused(options, words):
    if words is None:           # the shape of weights: a line of the report, and initial weights
        found = fit(GROWTH, DATA, NET, elements=6, smoother=None, maxiter=5, **options)
        assert "what pretrain returns" in str(found)
        return
    with pytest.raises((TypeError, ValueError), match=words):
        fit(GROWTH, DATA, NET, **options)
