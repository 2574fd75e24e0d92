"""Degenerate and pathological programs get the right answer, in words."""
import pytest
from hock_schittkowski.first_order import residuals
from hock_schittkowski.problem import Problem
from hock_schittkowski.program import DualProgram
from nlp_cases import CASES, NO_POINT

from pcl.interior_point import solve

named = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def answer(case, **options):
    program = DualProgram(case.problem)
    return program, solve(program, case.problem.x0, maxiter=500, **options)


@named
def test_status_is_the_right_answer(case):
    program, result = answer(case)
    assert result.status.name in case.names, f"{case.answer}; got: {result.message}"
    assert result.success == (result.status.name == "SOLVED")


@named
def test_success_is_a_first_order_point_at_the_optimum(case):
    program, result = answer(case)
    if not result.success:
        pytest.skip("no success claimed")
    optimum = case.problem.optimum
    assert result.fun == pytest.approx(optimum, abs=case.within * (1 + abs(optimum)))
    assert residuals(program, result).worst < 1e-6


@pytest.mark.parametrize("case", NO_POINT, ids=lambda case: case.name)
def test_infeasibility_reports_the_violation_and_names_a_row(case):
    program, result = answer(case)
    assert result.constraint_violation >= 0.999 * case.violation
    assert any(program.row_name(j) in result.message for j in range(program.m)), result.message


def test_no_unknowns_is_solved_or_refused_in_words():
    program = DualProgram(Problem(0, (), lambda x, m: 3.0, 3.0))
    try:
        result = solve(program, ())
    except ValueError as refusal:
        assert len(str(refusal).split()) > 3
    else:
        assert result.success and result.fun == 3.0
