"""A run that fails before it is feasible is followed by others; what each of them did is told."""
import numpy as np
import pytest
from hock_schittkowski import PROBLEMS
from hock_schittkowski.problem import Problem
from hock_schittkowski.program import DualProgram
from hock_schittkowski.versions import versions

from pcl.interior_point import Status, solve

NOWHERE = Problem(0, (2.0,), lambda x, m: x[0], 0.0,
                  constraints=lambda x, m: (x[0]**2 + 1,), rows=((0, 0),))


def perturbed(number, seed):
    """(program, start, optimum) of a problem of the book, one size of its start away."""
    problem = next(p for p in PROBLEMS if p.number == number)
    version = list(versions(problem, "perturbed"))[seed].problem
    return DualProgram(version), version.x0, problem.optimum


@pytest.mark.parametrize("number, seed", [(17, 2), (63, 0), (63, 3)])
def test_a_local_minimum_of_the_violation_is_left_by_another_attempt(number, seed):
    program, x0, optimum = perturbed(number, seed)
    alone = solve(program, x0, attempts=1)
    assert alone.status is Status.INFEASIBLE and alone.attempts == [Status.INFEASIBLE]
    result = solve(program, x0)
    assert result.success and result.fun == pytest.approx(optimum, rel=1e-6)
    assert result.attempts[0] is Status.INFEASIBLE and result.attempts[-1] is Status.SOLVED
    assert "INFEASIBLE, INFEASIBLE, SOLVED" in result.message


def test_iterations_and_evaluations_of_all_attempts_are_counted_together():
    seen = []
    result = solve(DualProgram(NOWHERE), [2.0], callback=seen.append)
    assert result.status is Status.INFEASIBLE and result.attempts == 4 * [Status.INFEASIBLE]
    assert result.nit == len(seen) - 1 == len(result.history) - 1
    alone = solve(DualProgram(NOWHERE), [2.0], attempts=1)
    assert alone.nit < result.nit and alone.counts["constraints"] < result.counts["constraints"]
    assert np.array_equal(alone.x, result.x)        # the first attempt's point is the one that is told


def test_the_limit_of_iterations_holds_for_all_attempts_together():
    alone = solve(DualProgram(NOWHERE), [2.0], attempts=1)
    result = solve(DualProgram(NOWHERE), [2.0], maxiter=alone.nit + 3)
    assert result.nit <= alone.nit + 3 and result.status is Status.INFEASIBLE
    assert result.attempts == [Status.INFEASIBLE, Status.ITERATION_LIMIT]


def test_a_program_that_is_not_defined_at_its_start_is_not_tried_elsewhere():
    problem = Problem(0, (-1.0,), lambda x, m: m.log(x[0]) ** 2, 0.0)
    assert solve(DualProgram(problem), [-1.0]).attempts == [Status.START_FAILED]


@pytest.mark.parametrize("attempts", [0, 1.5, "two"])
def test_a_number_of_attempts_that_is_none_is_refused(attempts):
    with pytest.raises((ValueError, TypeError), match="attempts"):
        solve(DualProgram(NOWHERE), [2.0], attempts=attempts)


def test_no_step_raises_the_objective_by_decades_for_the_sake_of_the_violation():
    """Σ (b − x₀ − (0.49 − x₀) exp(−x₁ (a − 8)))²: the full first step has x₁ < −3 and 1e114."""
    program, x0, _ = perturbed(57, 3)
    result = solve(program, x0, attempts=1)
    assert result.success and result.history[:, 0].max() < 1e8


@pytest.mark.parametrize("number, seed, most", [(103, 0, 200), (102, 3, 400), (89, 4, 150)])
def test_large_shifts_do_not_outlive_the_restoration_that_ends_them(number, seed, most):
    program, x0, optimum = perturbed(number, seed)
    result = solve(program, x0, attempts=1, maxiter=most)
    assert result.success and result.fun == pytest.approx(optimum, rel=1e-5)
