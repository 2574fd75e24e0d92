"""Degenerate and pathological nonlinear programs with the right answer in words.

Statements are those of `hock_schittkowski.Problem`; `names` are status names that are right. Where
SOLVED is among them the optimum counts, to `within` relative to 1 + |optimum|.
"""
from dataclasses import dataclass

from hock_schittkowski.problem import GE, EQ, FREE, INF, Problem

SOLVED, INFEASIBLE, UNBOUNDED = ("SOLVED",), ("INFEASIBLE",), ("UNBOUNDED",)
FAILURES = ("ACCEPTABLE", "DIVERGED", "ITERATION_LIMIT", "RESTORATION_FAILED", "STEP_TOO_SMALL")
LE = (-INF, 0)


@dataclass(frozen=True)
class Case:
    """`violation`: least possible max-norm violation of rows and bounds, for infeasible ones."""

    name: str
    answer: str
    names: tuple
    problem: Problem
    within: float = 1e-6
    violation: float = 0.0


def _case(name, answer, names, x0, objective, optimum=0.0, within=1e-6, violation=0.0, **statement):
    return Case(name, answer, names, Problem(0, x0, objective, optimum, **statement), within, violation)


def _sum(x, m):
    return sum(x[i] for i in range(2))


def _squares(x, m):
    return x[0]**2 + x[1]**2


def _rosenbrock(x, m):
    return 100 * (x[1] - x[0]**2)**2 + (1 - x[0])**2


NO_POINT = (
    _case("disc and half plane apart", "the disc of radius 1 does not reach x1 + x2 = 3",
          INFEASIBLE, (0.3, 0.2), _sum, rows=(LE, GE), violation=0.4,
          constraints=lambda x, m: [_squares(x, m) - 1, _sum(x, m) - 3]),
    _case("sum beyond the box", "0 ≤ x ≤ 1 allows x1 + x2 ≤ 2, the row asks for 5", INFEASIBLE,
          (0.5, 0.5), _squares, bounds=2 * ((0, 1),), rows=(EQ,), violation=1.0,
          constraints=lambda x, m: [_sum(x, m) - 5]),
    _case("contradictory linear rows", "x1 + x2 cannot be 1 and 2", INFEASIBLE, (0.0, 0.0),
          _squares, rows=(EQ, EQ), violation=0.5,
          constraints=lambda x, m: [_sum(x, m) - 1, _sum(x, m) - 2]),
    _case("no real root", "x1² + 1 = 0 has none; the violation is least, 1, at x1 = 0", INFEASIBLE,
          (3.0,), lambda x, m: x[0], rows=(EQ,), violation=1.0,
          constraints=lambda x, m: [x[0]**2 + 1]),
    _case("more rows than unknowns, contradictory", "three lines without a common point",
          INFEASIBLE, (0.0, 0.0), _squares, rows=3 * (EQ,), violation=0.3,
          constraints=lambda x, m: [x[0] - 1, x[1] - 1, _sum(x, m) - 3]),
    _case("empty row that cannot hold", "the row says 0 = 1", INFEASIBLE, (0.5, 0.5), _squares,
          rows=(EQ,), violation=1.0, constraints=lambda x, m: [0 * x[0] - 1]),
    _case("all unknowns fixed, infeasible", "the one point violates the row by 2", INFEASIBLE,
          (0.0, 0.0), _squares, bounds=((1, 1), (2, 2)), rows=(EQ,), violation=2.0,
          constraints=lambda x, m: [_sum(x, m) - 5]),
)

NO_MINIMUM = (
    _case("linear without rows", "x1 → −∞", UNBOUNDED, (0.0, 0.0), lambda x, m: x[0] + x[1]**2),
    _case("linear along a row", "x1 = x2 → +∞", UNBOUNDED, (1.0, 1.0), lambda x, m: -_sum(x, m),
          bounds=2 * (GE,), rows=(EQ,), constraints=lambda x, m: [x[0] - x[1]]),
    _case("concave", "x1 → ±∞", UNBOUNDED, (0.1, 0.0), lambda x, m: -x[0]**2 + x[1]**2),
    _case("descent without a feasible point", "x1² + 1 ≤ 0 holds nowhere and x2 falls for ever",
          INFEASIBLE + UNBOUNDED, (1.0, 1.0), _sum, rows=(LE,),
          constraints=lambda x, m: [x[0]**2 + 1]),
    _case("infimum not attained", "exp(−x1) falls to 0 for ever: the gradient gets below any "
          "tolerance, or the iterates diverge", SOLVED + UNBOUNDED + FAILURES, (0.0,),
          lambda x, m: m.exp(-x[0])),
)

DEPENDENT = (
    _case("repeated equality row", "the second row is twice the first; (0.5, 0.5)", SOLVED,
          (3.0, 0.0), _squares, 0.5, rows=(EQ, EQ),
          constraints=lambda x, m: [_sum(x, m) - 1, 2 * _sum(x, m) - 2]),
    _case("repeated circle", "both rows say |x| = 1", SOLVED, (2.0, 1.0), _sum, -2**0.5,
          rows=(EQ, EQ),
          constraints=lambda x, m: [_squares(x, m) - 1, 3 * _squares(x, m) - 3]),
    _case("repeated active inequality", "x1 ≤ 1 twice as a row and once as a bound", SOLVED,
          (0.0,), lambda x, m: (x[0] - 2)**2, 1.0, bounds=((-INF, 1),), rows=(LE, LE),
          constraints=lambda x, m: [x[0] - 1, 3 * x[0] - 3]),
    _case("more rows than unknowns, consistent", "three lines through (1, 2)", SOLVED,
          (0.0, 0.0), _squares, 5.0, rows=3 * (EQ,),
          constraints=lambda x, m: [x[0] - 1, x[1] - 2, _sum(x, m) - 3]),
    _case("inequalities without interior", "x1 ≥ 1 and x1 ≤ 1 as two rows", SOLVED, (4.0, 4.0),
          _squares, 1.0, rows=(GE, GE), constraints=lambda x, m: [x[0] - 1, 1 - x[0]]),
    _case("active rows with parallel gradients", "x2 ≥ x1² and x2 ≥ −x1² touch at the minimiser",
          SOLVED, (1.0, 2.0), lambda x, m: x[1], rows=(GE, GE), bounds=(FREE, GE),
          constraints=lambda x, m: [x[1] - x[0]**2, x[1] + x[0]**2]),
    _case("flat face of minimisers", "every point with x1 + x2 = 1 is one", SOLVED, (5.0, 3.0),
          _sum, 1.0, bounds=2 * (GE,), rows=(GE,), constraints=lambda x, m: [_sum(x, m) - 1]),
)

PLAIN = (
    _case("no constraints", "Rosenbrock's valley, (1, 1)", SOLVED, (-1.2, 1.0), _rosenbrock),
    _case("one fixed unknown", "x2 is held at 3, x1 = √3", SOLVED, (-1.0, 0.0),
          lambda x, m: (x[0]**2 - x[1])**2, bounds=(FREE, (3, 3))),
    _case("all unknowns fixed", "the one point is the answer", SOLVED, (0.0, 0.0), _squares, 5.0,
          bounds=((1, 1), (2, 2)), rows=(EQ,), constraints=lambda x, m: [_sum(x, m) - 3]),
    _case("free row", "a row without bounds changes nothing", SOLVED, (2.0, 2.0), _squares,
          rows=(FREE,), constraints=lambda x, m: [_sum(x, m)]),
    _case("empty row", "0 lies between −1 and 1", SOLVED, (2.0, 2.0), _squares, rows=((-1, 1),),
          constraints=lambda x, m: [0 * x[0]]),
    _case("empty equality row", "the row says 0 = 0", SOLVED, (2.0, 2.0), _squares, rows=(EQ,),
          constraints=lambda x, m: [0 * x[0]]),
    _case("no objective", "a point of the circle and the diagonal", SOLVED, (2.0, 1.0),
          lambda x, m: 0 * x[0], rows=(EQ, EQ),
          constraints=lambda x, m: [_squares(x, m) - 2, x[0] - x[1]]),
    _case("as many rows as unknowns", "Newton's method on a square system", SOLVED, (2.0, 0.5),
          lambda x, m: x[0], 1.0, rows=(EQ, EQ), bounds=2 * (GE,),
          constraints=lambda x, m: [x[0] * x[1] - 1, x[0] - x[1]]),
    _case("start far outside the box", "pushed inside first", SOLVED, (1e6, -1e6), _squares, 0.25,
          bounds=((0.5, 1), (-1, 1))),
    _case("indefinite at the start", "x1² − x2² in a box from near the saddle", SOLVED,
          (1e-3, 1e-3), lambda x, m: x[0]**2 - x[1]**2, -1.0, bounds=2 * ((-1, 1),)),
    _case("singular Hessian at the minimiser", "x1⁴ + x2²: linear convergence only", SOLVED,
          (1.0, 1.0), lambda x, m: x[0]**4 + x[1]**2),
    _case("barrier of the objective's own", "x1 − log x1 is not defined for x1 ≤ 0", SOLVED,
          (10.0,), lambda x, m: x[0] - m.log(x[0]), 1.0),
    _case("not defined at the start", "log(−1)", ("START_FAILED",), (-1.0,),
          lambda x, m: x[0] - m.log(x[0])),
)

HARD = (
    _case("Wächter–Biegler", "(1, 0, 0.5), or (−1, 0, 0), where the violation 1.5 is least nearby. A "
          "line search without filter or restoration stops at neither (Mathematical Programming "
          "88, 2000, 565–574)", SOLVED + INFEASIBLE, (-2.0, 3.0, 1.0), lambda x, m: x[0], 1.0,
          bounds=(FREE, GE, GE), rows=(EQ, EQ),
          constraints=lambda x, m: [x[0]**2 - x[1] - 1, x[0] - x[2] - 0.5]),
    _case("complementarity", "(1, 0) or (0, 1): no feasible point has x1 x2 < 0, so no constraint "
          "qualification holds", SOLVED + FAILURES, (0.4, 0.7),
          lambda x, m: (x[0] - 1)**2 + (x[1] - 1)**2, 1.0, 1e-3, bounds=2 * (GE,), rows=(LE,),
          constraints=lambda x, m: [x[0] * x[1]]),
    _case("cusp", "(1, 0), Kuhn and Tucker's example without multipliers", SOLVED + FAILURES,
          (0.1, 0.1), lambda x, m: -x[0], -1.0, 1e-2, bounds=2 * (GE,), rows=(GE,),
          constraints=lambda x, m: [(1 - x[0])**3 - x[1]]),
    _case("cusp of an equality", "(0, 0) on x2² = x1³, without multipliers", SOLVED + FAILURES,
          (1.0, 1.0), lambda x, m: x[0], 0.0, 1e-2, rows=(EQ,),
          constraints=lambda x, m: [x[1]**2 - x[0]**3]),
    _case("one feasible point", "x1² + x2² ≤ 0: (0, 0), without multipliers", SOLVED + FAILURES,
          (1.0, 1.0), _sum, 0.0, 1e-2, rows=(LE,), constraints=lambda x, m: [_squares(x, m)]),
)

CASES = NO_POINT + NO_MINIMUM + DEPENDENT + PLAIN + HARD
