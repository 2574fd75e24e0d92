"""A time limit inside one evaluation: it ends between two parts and leaves nothing half done."""

import functools

import numpy as np
import pytest
import skfem

import fem
import pcl
from pcl.support import clock
from pcl.training.run.status import Status

STEPS = 12
EVALUATIONS = ["value", "gradient", "hessian", "jacobian", "hvp"]


class Looks:
    """A clock that stands still for so many looks and is past any limit after them."""

    def __init__(self, allowed=np.inf):
        self.allowed, self.count = allowed, 0

    def __call__(self):
        self.count += 1
        return 0.0 if self.count <= self.allowed else np.inf


@functools.cache
def space():
    return fem.Space(skfem.MeshTri.init_tensor(np.linspace(0, 1, 5), np.linspace(0, 1, 5)), "P1")


@functools.cache
def solve():
    """−∇·(κ∇u) = 1 with κ a network: blocks of points and of right-hand sides."""
    net, s = pcl.MLP((2, 6, 1)), space()
    x = s.quadrature_points

    def residuals(theta):
        kappa = 1.0 + net(theta["net"], x)[:, 0] ** 2
        return fem.solve(s.laplace(kappa), s.load(1.0), dirichlet=0.0) - 0.05
    return pcl.Problem.from_residuals(residuals, {"net": net.init(3)})


@functools.cache
def march():
    """Mu' + κ K u = 0 in steps."""
    s = space()
    u0 = np.sin(np.pi * s.dof_points).prod(axis=1)

    def residuals(theta):
        K = s.laplace(theta["kappa"] * np.ones(len(s.quadrature_points)))
        return fem.march(s, pcl.FirstOrder(s.mass(1.0), K), u0, np.linspace(0.0, 0.1, STEPS + 1),
                         "backward-euler", dirichlet=0.0)[:, -1] - 0.1
    return pcl.Problem.from_residuals(residuals, {"kappa": 1.0})


@functools.cache
def equation():
    """u + θ u³ = 1 by Newton's method."""
    def residuals(theta):
        u = pcl.solve_nonlinear(lambda u: u + theta["a"] * u ** 3 - 1.0, np.full(5, 2.0))
        return u - 0.5
    return pcl.Problem.from_residuals(residuals, {"a": np.linspace(1.0, 2.0, 5)})


PROBLEMS = {"solve": solve, "march": march, "equation": equation}


def evaluated(problem, name, theta):
    arguments = (theta, np.linspace(1.0, 2.0, theta.size)) if name == "hvp" else (theta,)
    with clock.until(1.0):
        return np.asarray(getattr(problem, name)(*arguments))


@pytest.mark.parametrize("name", EVALUATIONS)
@pytest.mark.parametrize("make", PROBLEMS.values(), ids=PROBLEMS)
def test_an_evaluation_cut_short_anywhere_leaves_the_next_as_it_was(make, name, monkeypatch):
    problem = make()
    theta = problem.theta0
    problem.value(theta + 0.01)         # forgets theta; a first factorisation is judged in more parts
    looks = Looks()
    monkeypatch.setattr(clock, "perf_counter", looks)
    expected = evaluated(problem, name, theta)
    assert looks.count >= 1
    for allowed in sorted({0, looks.count // 3, looks.count - 1}):
        problem.value(theta + 0.01)                                         # forgets theta
        monkeypatch.setattr(clock, "perf_counter", Looks(allowed))
        with pytest.raises(clock.TimeOver):
            evaluated(problem, name, theta)
        monkeypatch.setattr(clock, "perf_counter", Looks())
        # to rounding: after some solves at one θ an equation has a factor of its own, not a near one
        np.testing.assert_allclose(evaluated(problem, name, theta), expected, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("name", EVALUATIONS)
def test_every_step_of_a_march_is_a_part(name, monkeypatch):
    problem, looks = march(), Looks()
    problem.value(problem.theta0 + 0.01)                                    # forgets theta0
    monkeypatch.setattr(clock, "perf_counter", looks)
    evaluated(problem, name, problem.theta0)
    assert looks.count >= STEPS


@pytest.mark.parametrize("method, evaluation", [("trust-exact", "hessian"), ("trust-ncg", "hvp"),
                                                ("levenberg-marquardt", "jacobian")])
def test_a_run_ends_within_an_evaluation_with_its_best_point(method, evaluation, monkeypatch):
    problem = march()
    plain, calls = getattr(problem, evaluation), []

    def second_call_takes_too_long(*arguments):
        calls.append(1)
        monkeypatch.setattr(clock, "perf_counter", Looks(STEPS // 2 if len(calls) == 2 else np.inf))
        return plain(*arguments)
    monkeypatch.setattr(problem, evaluation, second_call_takes_too_long)
    result = pcl.minimize(problem, method, x0=[3.0], max_seconds=1e6, progress=False)
    assert result.status is Status.TIME_LIMIT and not result.success and len(calls) == 2
    assert result.fun == problem.value(result.x)


def test_without_a_limit_the_clock_is_not_over():
    clock.look()
    with pytest.raises(clock.TimeOver), clock.until(-1.0):
        clock.look()
    clock.look()
