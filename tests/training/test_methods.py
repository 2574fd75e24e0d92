"""Every method of `minimize` keeps the `Driver` protocol: registered ones are taken in by their name."""

import numpy as np
import pytest
from small_problems import Linear

import pcl
from pcl.training.methods import METHODS

# Adam walks by its rate, not by the size of the gradient.
SETTINGS = {"adam": dict(maxiter=3000, options={"learning_rate": 0.02})}
STOCHASTIC = {"adam"}       # its losses need not descend
NAMES = sorted(METHODS)


def run(name, **settings):
    problem = Linear()
    return problem, pcl.minimize(problem, name, **{**SETTINGS.get(name, {}), **settings})


@pytest.mark.parametrize("name", NAMES)
def test_a_method_ends_at_the_minimum_of_a_quadratic(name):
    """|Aθ − b|²: gradients of size g leave errors g / λ_min(2AᵀA), losses errors of their square."""
    problem, result = run(name)
    np.testing.assert_allclose(problem.ravel(result.theta), problem.solution, atol=2e-4)
    assert result.fun == pytest.approx(problem.value(problem.solution), rel=1e-6)


@pytest.mark.parametrize("name", sorted(set(NAMES) - STOCHASTIC))
def test_losses_of_accepted_points_descend(name):
    _, result = run(name)
    assert (np.diff(result.history.loss) <= 0.0).all()


@pytest.mark.parametrize("name", NAMES)
def test_an_iteration_limit_is_kept_and_said(name):
    _, result = run(name, maxiter=1, gtol=0.0, ftol=0.0)
    assert len(result.history.loss) <= 2 and result.message


@pytest.mark.parametrize("name", NAMES)
def test_every_default_passes_its_own_check(name):
    assert METHODS[name].maxiter >= 1
    assert all(accepts(default) for default, accepts in METHODS[name].options.values())
