"""The interior point on the collection of Hock and Schittkowski, from the published starts."""
import functools

import numpy as np
import pytest
from hock_schittkowski import PROBLEMS
from hock_schittkowski.first_order import residuals
from hock_schittkowski.program import DualProgram

from benchmarks import nonlinear_programs
from pcl.interior_point import solve

named = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)


@functools.cache
def outcome(number, hessian="exact"):
    """(program, result) of one problem, solved once."""
    problem = next(p for p in PROBLEMS if p.number == number)
    program = DualProgram(problem)
    return program, solve(program, problem.x0, hessian=hessian, maxiter=1000)


def distance(problem, value):
    """Relative distance of an objective to the nearest optimum that is known."""
    optima = np.array((problem.optimum, *problem.other_optima))
    return (np.abs(value - optima) / np.maximum(1.0, np.abs(optima))).min()


def solved(problem):
    """Success, and an objective right to 1e-5; 1e-3 where no multipliers exist (a cusp)."""
    result = outcome(problem.number)[1]
    return result.success and distance(problem, result.fun) < (1e-5 if problem.multipliers else 1e-3)


def test_numbers_are_those_of_the_book():
    numbers = [problem.number for problem in PROBLEMS]
    assert len(set(numbers)) == len(numbers) >= 100
    assert numbers == sorted(numbers) and not {58, 82, 94, 115} & set(numbers)


@pytest.mark.parametrize("problem", [p for p in PROBLEMS if p.minimiser], ids=lambda p: p.name)
def test_minimiser_is_feasible_and_gives_the_optimum(problem):
    program, x = DualProgram(problem), np.array(problem.minimiser, dtype=float)
    c = program.constraints(x)
    gaps = np.concatenate((x - program.x_lower, program.x_upper - x, c - program.c_lower,
                           program.c_upper - c))
    assert gaps.min() > -1e-9                    # rounding of entries up to 1e4
    assert program.objective(x) == pytest.approx(problem.optimum, rel=1e-9, abs=1e-9)


@named
def test_derivatives_are_those_of_the_formulas(problem):
    """Central differences of step h: error h² and rounding 1e-16 / h, relative to the largest entry."""
    program = DualProgram(problem)
    x = np.clip(np.array(problem.x0, dtype=float), program.x_lower, program.x_upper)
    rng = np.random.default_rng(problem.number)
    size = 1e-5 * np.maximum(1e-2, np.abs(x))
    x, v = x + size * rng.random(x.size), size * rng.standard_normal(x.size)
    lam = rng.standard_normal(program.m)

    def gradient(y):
        return program.gradient(y) + program.jacobian(y).T @ lam

    def lagrangian(y):
        return program.objective(y) + lam @ program.constraints(y)

    slope = lagrangian(x + v) - lagrangian(x - v), 2 * gradient(x) @ v
    bend = gradient(x + v) - gradient(x - v), 2 * program.hessian(x, lam, 1.0) @ v
    terms = np.abs(program.gradient(x)) + np.abs(program.jacobian(x)).T @ np.abs(lam)
    assert abs(slope[0] - slope[1]) < 1e-5 * terms @ np.abs(v) + 1e-13 * abs(lagrangian(x))
    assert np.abs(bend[0] - bend[1]).max() < 1e-4 * np.abs(bend[1]).max() + 1e-13 * terms.max()


def test_at_least_95_percent_are_solved():
    failed = [(p.name, outcome(p.number)[1].status.name) for p in PROBLEMS if not solved(p)]
    assert len(failed) <= 0.05 * len(PROBLEMS), failed


@named
def test_no_success_is_false(problem):
    program, result = outcome(problem.number)
    if not result.success:
        pytest.skip("no success claimed")
    assert solved(problem), f"objective {result.fun}, known optimum {problem.optimum}"
    assert residuals(program, result).worst < 1e-6


# Beside a singularity the rows' gradients at the start are 1e5 and more times those at the solution.
BESIDE = [(64, (0.618067, -0.333364, 0.938592)), (72, (-1.24744, -0.681918, 0.971296, 0.691917)),
          (102, (13.751, 0.832238, -4.58694, 3.06222, 10.5626, 7.14366, 10.9271))]


@pytest.mark.parametrize("number, x0", BESIDE)
def test_violation_is_small_in_units_of_the_program_wherever_it_starts(number, x0):
    program = DualProgram(next(p for p in PROBLEMS if p.number == number))
    result = solve(program, x0, maxiter=500)
    assert not result.success or result.constraint_violation < 1e-7
    assert not result.success or residuals(program, result).worst < 1e-6


@pytest.mark.parametrize("number", [6, 71])
def test_ipopt_of_the_benchmark_finds_the_same_optimum(number):
    pytest.importorskip("casadi")
    row = nonlinear_programs.compare(next(p for p in PROBLEMS if p.number == number), "exact", 1e-8)
    assert row["ours end"] == row["IPOPT end"] == "solved"
    ours, ipopt = row["runs"]["ours"]["fun"], row["runs"]["IPOPT"]["fun"]
    assert ours == pytest.approx(ipopt, rel=1e-6, abs=1e-6)


def test_flat_objective_in_a_box_is_not_called_unbounded():
    """f = −exp(−h/2) is about −1e-60 at the start of problem 54 below, and the box is finite."""
    program = DualProgram(next(p for p in PROBLEMS if p.number == 54))
    result = solve(program, (-2616.73, -1.1653, -2484039.1, 0.89897, 1.03305, 58708337.9))
    assert result.status.name != "UNBOUNDED"


def test_no_success_from_random_starts_is_false():
    rng, false = np.random.default_rng(2), []
    for problem in PROBLEMS:
        program, x0 = DualProgram(problem), np.array(problem.x0, dtype=float)
        x0 = x0 + np.maximum(1.0, np.abs(x0)) * rng.standard_normal(x0.size)
        result = solve(program, x0, maxiter=300)
        if result.success and not residuals(program, result).worst < 1e-6:
            false.append((problem.name, x0, residuals(program, result)))
    assert not false
