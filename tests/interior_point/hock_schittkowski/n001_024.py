"""Problems 1 to 24: two unknowns."""
import math

from .problem import GE, EQ, FREE, INF, Problem


def _rosenbrock(x, m):
    return 100 * (x[1] - x[0]**2)**2 + (1 - x[0])**2


def _cubic(x, m):
    return (1 - x[0])**2 + 0 * x[1]


_A = math.sqrt(598 / 1200)
_HS2 = 2 * _A * math.cos(math.acos(1 / (400 * _A**3)) / 3)

PROBLEMS = (
    Problem(1, (-2, 1), _rosenbrock, 0.0, bounds=(FREE, (-1.5, INF)), minimiser=(1, 1)),
    Problem(
        2, (-2, 1), _rosenbrock, 0.0504261879, bounds=(FREE, (1.5, INF)), minimiser=(_HS2, 1.5),
        other_optima=(4.94122932,)),
    Problem(
        3, (10, 1), lambda x, m: x[1] + 1e-5 * (x[1] - x[0])**2, 0.0, bounds=(FREE, GE),
        minimiser=(0, 0)),
    Problem(
        4, (1.125, 0.125), lambda x, m: (x[0] + 1)**3 / 3 + x[1], 8 / 3, bounds=((1, INF), GE),
        minimiser=(1, 0)),
    Problem(
        5, (0, 0),
        lambda x, m: m.sin(x[0] + x[1]) + (x[0] - x[1])**2 - 1.5 * x[0] + 2.5 * x[1] + 1,
        -math.sqrt(3) / 2 - math.pi / 3, bounds=((-1.5, 4), (-3, 3)),
        minimiser=(0.5 - math.pi / 3, -0.5 - math.pi / 3)),
    Problem(
        6, (-1.2, 1), _cubic, 0.0, rows=(EQ,), minimiser=(1, 1),
        constraints=lambda x, m: [10 * (x[1] - x[0]**2)]),
    Problem(
        7, (2, 2), lambda x, m: m.log(1 + x[0]**2) - x[1], -math.sqrt(3), rows=(EQ,),
        constraints=lambda x, m: [(1 + x[0]**2)**2 + x[1]**2 - 4], minimiser=(0, math.sqrt(3))),
    Problem(
        8, (2, 1), lambda x, m: -1 + 0 * x[0], -1.0, rows=(EQ, EQ),
        constraints=lambda x, m: [x[0]**2 + x[1]**2 - 25, x[0] * x[1] - 9],
        minimiser=(math.sqrt((25 + math.sqrt(301)) / 2), 9 / math.sqrt((25 + math.sqrt(301)) / 2))),
    Problem(
        9, (0, 0), lambda x, m: m.sin(math.pi * x[0] / 12) * m.cos(math.pi * x[1] / 16), -0.5,
        rows=(EQ,), constraints=lambda x, m: [4 * x[0] - 3 * x[1]], minimiser=(-3, -4)),
    Problem(
        10, (-10, 10), lambda x, m: x[0] - x[1], -1.0, rows=(GE,), minimiser=(0, 1),
        constraints=lambda x, m: [-3 * x[0]**2 + 2 * x[0] * x[1] - x[1]**2 + 1]),
    Problem(
        11, (4.9, 0.1), lambda x, m: (x[0] - 5)**2 + x[1]**2 - 25, -8.498464223, rows=(GE,),
        constraints=lambda x, m: [-x[0]**2 + x[1]]),
    Problem(
        12, (0, 0), lambda x, m: 0.5 * x[0]**2 + x[1]**2 - x[0] * x[1] - 7 * x[0] - 7 * x[1], -30.0,
        rows=(GE,), constraints=lambda x, m: [25 - 4 * x[0]**2 - x[1]**2], minimiser=(2, 3)),
    # A cusp: no multipliers exist at the minimiser, so no method can show optimality there.
    Problem(
        13, (-2, -2), lambda x, m: (x[0] - 2)**2 + x[1]**2, 1.0, bounds=2 * (GE,), rows=(GE,),
        constraints=lambda x, m: [(1 - x[0])**3 - x[1]], minimiser=(1, 0), multipliers=False),
    Problem(
        14, (2, 2), lambda x, m: (x[0] - 2)**2 + (x[1] - 1)**2, 9 - 2.875 * math.sqrt(7),
        rows=(GE, EQ),
        constraints=lambda x, m: [-x[0]**2 / 4 - x[1]**2 + 1, x[0] - 2 * x[1] + 1],
        minimiser=((math.sqrt(7) - 1) / 2, (math.sqrt(7) + 1) / 4)),
    Problem(
        15, (-2, 1), _rosenbrock, 306.5, bounds=((-INF, 0.5), FREE), rows=(GE, GE),
        constraints=lambda x, m: [x[0] * x[1] - 1, x[0] + x[1]**2], minimiser=(0.5, 2),
        other_optima=(360.37977,)),
    Problem(
        16, (-2, 1), _rosenbrock, 0.25, bounds=((-2, 0.5), (-INF, 1)), rows=(GE, GE),
        constraints=lambda x, m: [x[0] + x[1]**2, x[0]**2 + x[1]], minimiser=(0.5, 0.25),
        other_optima=(3.98206046, 404.0)),
    Problem(
        17, (-2, 1), _rosenbrock, 1.0, bounds=((-0.5, 0.5), (-INF, 1)), rows=(GE, GE),
        constraints=lambda x, m: [x[1]**2 - x[0], x[0]**2 - x[1]], minimiser=(0, 0)),
    Problem(
        18, (2, 2), lambda x, m: 0.01 * x[0]**2 + x[1]**2, 5.0, bounds=((2, 50), (0, 50)),
        rows=(GE, GE), constraints=lambda x, m: [x[0] * x[1] - 25, x[0]**2 + x[1]**2 - 25],
        minimiser=(math.sqrt(250), math.sqrt(2.5))),
    Problem(
        19, (20.1, 5.84), lambda x, m: (x[0] - 10)**3 + (x[1] - 20)**3, -6961.81381,
        bounds=((13, 100), (0, 100)), rows=(GE, GE),
        constraints=lambda x, m: [(x[0] - 5)**2 + (x[1] - 5)**2 - 100,
                                  -(x[1] - 5)**2 - (x[0] - 6)**2 + 82.81]),
    Problem(
        20, (-2, 1), _rosenbrock, 81.5 - 25 * math.sqrt(3), bounds=((-0.5, 0.5), FREE),
        rows=(GE, GE, GE),
        constraints=lambda x, m: [x[0] + x[1]**2, x[0]**2 + x[1], x[0]**2 + x[1]**2 - 1],
        minimiser=(0.5, math.sqrt(3) / 2), other_optima=(83.5 - 25 * math.sqrt(3),)),
    Problem(
        21, (-1, -1), lambda x, m: 0.01 * x[0]**2 + x[1]**2 - 100, -99.96,
        bounds=((2, 50), (-50, 50)), rows=(GE,),
        constraints=lambda x, m: [10 * x[0] - x[1] - 10], minimiser=(2, 0)),
    Problem(
        22, (2, 2), lambda x, m: (x[0] - 2)**2 + (x[1] - 1)**2, 1.0, rows=(GE, GE),
        constraints=lambda x, m: [-x[0] - x[1] + 2, -x[0]**2 + x[1]], minimiser=(1, 1)),
    Problem(
        23, (3, 1), lambda x, m: x[0]**2 + x[1]**2, 2.0, bounds=2 * ((-50, 50),), rows=5 * (GE,),
        constraints=lambda x, m: [x[0] + x[1] - 1, x[0]**2 + x[1]**2 - 1, 9 * x[0]**2 + x[1]**2 - 9,
                                  x[0]**2 - x[1], x[1]**2 - x[0]], minimiser=(1, 1)),
    Problem(
        24, (1, 0.5), lambda x, m: ((x[0] - 3)**2 - 9) * x[1]**3 / (27 * math.sqrt(3)), -1.0,
        bounds=2 * (GE,), rows=3 * (GE,),
        constraints=lambda x, m: [x[0] / math.sqrt(3) - x[1], x[0] + math.sqrt(3) * x[1],
                                  -x[0] - math.sqrt(3) * x[1] + 6], minimiser=(3, math.sqrt(3))),
)
