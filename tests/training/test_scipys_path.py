"""trust-exact from point to point is SciPy's one run: its radius is followed to the last bit."""

import numpy as np
import pytest
import scipy.optimize
from scipy.optimize import rosen, rosen_der, rosen_hess
from small_problems import Scalar

from pcl.training.minimize import minimize

RADII = {"default": {}, "met cap": {"initial_trust_radius": 0.1, "max_trust_radius": 0.4},
         "grows": {"initial_trust_radius": 1e-6}, "shrinks": {"initial_trust_radius": 500.0}}


def quartic(seed):
    """½ tᵀHt + ¼|t|⁴ with H indefinite: steps on the boundary and inside."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    H = (Q * np.linspace(-1.0, 1.0, 20)) @ Q.T
    H = 0.5 * (H + H.T)
    return Scalar(rng.standard_normal(20), lambda t: 0.5 * t @ H @ t + 0.25 * (t @ t)**2,
                  lambda t: H @ t + (t @ t) * t,
                  lambda t: H + (t @ t) * np.eye(20) + 2.0 * np.outer(t, t))


PROBLEMS = {"valley": lambda: Scalar(np.linspace(-1.2, 1.5, 30), rosen, rosen_der, rosen_hess),
            "quartic": lambda: quartic(0), "another quartic": lambda: quartic(1)}


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("radii", RADII)
def test_every_iterate_is_scipys_to_the_last_bit(name, radii):
    problem, mine, theirs = PROBLEMS[name](), [], []
    minimize(problem, "trust-exact", gtol=1e-9, options=RADII[radii],
             callback=lambda snapshot: mine.append(snapshot.theta))
    scipy.optimize.minimize(
        problem.value, problem.theta0, jac=problem.gradient, hess=problem.hessian,
        method="trust-exact", callback=lambda x: theirs.append(x.copy()), options={
            "gtol": 0.0, "maxiter": len(mine), "subproblem_maxiter": 100, **RADII[radii]})
    assert len(mine) > 5
    np.testing.assert_array_equal(mine, theirs)
