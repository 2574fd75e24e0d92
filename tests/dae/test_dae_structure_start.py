"""Given starts at which the equations determine nothing: named with variable, trajectory and times."""

import warnings

import numpy as np
import pytest

from pcl.dae import Model, StructureError, Trajectory
from pcl.dae.program.setting import Setting
from pcl.dae.stages.doors import require_structure
from pcl.dae.stages.guess import first_guess

T = np.linspace(0.0, 10.0, 21)
FEED = ([0.0, 3.0], [0.0, 1.0], "constant")     # nothing until t = 3

SHARE = Model(states=("S", "P"), algebraic=("q",), parameters=("k",), inputs=("F",),
              rates=lambda v: {"S": v.F - v.k * v.S * v.q, "P": v.k * v.S * v.q},
              equations=lambda v: {"share": v.q * (v.S + v.P) - v.S})
RATIO = Model(states=("S", "P"), parameters=("k",), inputs=("F",),
              rates=lambda v: {"S": v.F - v.k * v.S * v.S / (v.S + v.P),
                               "P": v.k * v.S * v.S / (v.S + v.P)})
VESSEL = Model(states=("M", "V"), algebraic=("c",), parameters=("k",), inputs=("F",),
               rates=lambda v: {"M": 2.0 * v.F - v.k * v.M, "V": v.F},
               equations=lambda v: {"concentration": v.c * v.V - v.M})
DILUTED = Model(states=("X", "V"), parameters=("k",), inputs=("F",),
                rates=lambda v: {"X": v.k * v.X - v.F * v.X / v.V, "V": v.F})


def looked_at(model, initial, feed, observed):
    data = [Trajectory(T, {observed: np.ones(21)}, initial, inputs={"F": feed}, name="run 7")]
    setting = Setting.of(model, data)
    return require_structure(setting, [], first_guess(setting))


def test_an_algebraic_variable_of_an_empty_reactor_is_not_determined_until_the_feed_begins():
    """q (S + P) = S with S = P = 0: any q will do."""
    with pytest.raises(StructureError, match=r"'run 7', t from 0 to 3: while S = 0, P = 0, the equations "
                                             r"do not determine q\. Let the span begin later"):
        looked_at(SHARE, {"S": 0.0, "P": 0.0}, FEED, "S")
    with pytest.raises(StructureError, match="t from 0 to 3: while M = 0, V = 0, .* do not determine c"):
        looked_at(VESSEL, {"M": 0.0, "V": 0.0}, FEED, "M")


def test_a_rate_of_0_over_0_is_warned_of_with_its_stretch():
    with pytest.warns(UserWarning, match=r"'run 7', t from 0 to 3: while S = 0, P = 0, equation S, P can"
                                         r"not be evaluated \(0/0\)"):
        report = looked_at(RATIO, {"S": 0.0, "P": 0.0}, FEED, "S")
    assert "0/0" in report.notes[-1]


def test_a_rate_that_is_infinite_at_the_start_is_refused():
    """F X / V with V = 0 and X = 1."""
    with pytest.raises(StructureError, match="rate of X is infinite at the start, t = 0, X = 1, V = 0"):
        looked_at(DILUTED, {"X": 1.0, "V": 0.0}, 1.0, "X")


@pytest.mark.parametrize("model, initial, feed, observed", [
    (SHARE, {"S": 0.0, "P": 0.0}, 1.0, "S"),         # one point only: the feed begins at once
    (VESSEL, {"M": 0.0, "V": 0.0}, 1.0, "M"),
    (VESSEL, {"M": 0.0, "V": 1.0}, FEED, "M"),       # not empty
    (VESSEL, {"M": 0.0}, FEED, "M"),                 # V starts free
    (RATIO, {"S": 1.0, "P": 0.0}, FEED, "S")])
def test_what_is_determined_but_for_one_point_is_accepted(model, initial, feed, observed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert looked_at(model, initial, feed, observed).ok
