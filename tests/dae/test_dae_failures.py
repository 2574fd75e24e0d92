"""What fails in the middle of a fit is a line of its report; what does not fit is refused at the door."""

import numpy as np
import pytest
import tensorflow as tf

from pcl import MLP
from pcl.dae import Model, Trajectory, fit, solver
from pcl.dae.result import shift
from pcl.dae.stages import fit as fitting, pretrain, refinement, smooth, together
from pcl.errors import NotFinite

T = np.linspace(0.0, 2.0, 21)
NOISE = 0.01 * np.random.RandomState(0).standard_normal(T.size)
GROWTH = Model(states=("x",), outputs=("r",), rates=lambda v: {"x": v.r})
DATA = Trajectory(T, {"x": np.exp(-T) + NOISE})


def fails(*_, **__):
    raise NotFinite("nothing works")


def assert_fits(found, words):
    a = np.array([0.3, 0.6, 0.9])
    assert found.success and words in str(found)
    np.testing.assert_allclose(found.laws[0](a)[:, 0], -a, atol=0.2)


def smoother_fails(monkeypatch):
    """Its solves, which are those to 1e-5."""
    true = solver.solve
    monkeypatch.setattr(solver, "solve", lambda *a, **options: (
        fails() if options["tol"] == smooth._TOL else true(*a, **options)))


@pytest.mark.parametrize("stage, words", [
    (smoother_fails, "Not possible: nothing works"),
    (lambda m: m.setattr(fitting, "smooth", fails), "nothing works; gone on with the guess"),
    (lambda m: m.setattr(together, "relaxed", fails), "once not possible: nothing works"),
    (lambda m: m.setattr(pretrain, "pretrain", fails), "not possible: nothing works; initial weights"),
    (lambda m: m.setattr(shift, "prolonged", fails), "not estimated: nothing works"),
    (lambda m: m.setattr(refinement, "_finer", fails), "ended by what failed: nothing works"),
    (lambda m: m.setattr(refinement, "_errors", fails), "collocation not estimated: nothing works")])
def test_a_fit_goes_on_where_a_stage_fails(stage, words, monkeypatch):
    stage(monkeypatch)
    elements = "auto" if "ended" in words else 8
    assert_fits(fit(GROWTH, DATA, MLP((1, 3, 1)), elements=elements), words)


def test_a_refinement_that_fails_leaves_the_fit_without_success(monkeypatch):
    monkeypatch.setattr(refinement, "carried", fails)
    found = fit(GROWTH, DATA, MLP((1, 3, 1)), elements=3, smoothing=1.0, refine=1e-12)
    assert not found.success and found.result.success
    assert "ended by what failed" in str(found) and "not met" in found.status


def test_a_model_that_refuses_its_input_in_the_middle_is_a_trial_that_fails():
    """x' = −k √x with an assertion of the user's own: trial points with x < 0 do not end the fit."""
    def rates(v):
        with tf.control_dependencies([tf.debugging.assert_non_negative(v.x)]):
            return {"x": -v.k * tf.sqrt(tf.identity(v.x))}
    model = Model(states=("x",), parameters=("k",), rates=rates, bounds={"x": (0.0, None)})
    found = fit(model, Trajectory(T, {"x": (1.0 - 0.2 * T) ** 2 + NOISE}), elements=6)
    assert found.success and abs(found.parameters["k"] - 0.4) < 0.03


@pytest.mark.parametrize("network", [MLP((1, 3, 1)), None])
def test_errors_of_the_callback_reach_the_caller_from_every_stage(network):
    def callback(snapshot):
        raise LookupError("mine")
    model = GROWTH if network else Model(states="x", parameters="k", rates=lambda v: {"x": -v.k * v.x})
    with pytest.raises(LookupError, match="mine"):
        fit(model, DATA, network, elements=4, callback=callback)


@pytest.mark.parametrize("options, error, words", [
    ({"max_seconds": -1.0}, ValueError, "max_seconds is -1"), ({"tol": 0.0}, ValueError, "tol is 0"),
    ({"maxiter": -1}, ValueError, "maxiter is -1"),
    ({"hessian": "best"}, ValueError, "hessian is .best."),
    ({"hessian": ("exact",)}, ValueError, "hessian has 1"),
    ({"callback": 3}, TypeError, "callback is a int"),
    ({"kkt": "best"}, ValueError, "kkt is 'best'")])
@pytest.mark.parametrize("network", [MLP((1, 3, 1)), None])
def test_options_that_do_not_fit_are_refused_before_anything_is_solved(options, error, words, network):
    model = GROWTH if network else Model(states="x", parameters="k", rates=lambda v: {"x": -v.k * v.x})
    with pytest.raises(error, match=words):
        fit(model, DATA, network, **{"elements": 4, **options})
