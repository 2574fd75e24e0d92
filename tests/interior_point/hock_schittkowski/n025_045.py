"""Problems 25 to 45: three to five unknowns."""
import math

from .problem import GE, EQ, Problem

_U = tuple(25 + (-50 * math.log(0.01 * i))**(2 / 3) for i in range(1, 100))


def _weibull(x, m):
    """Σᵢ (exp(−(uᵢ − x₂)^x₃ / x₁) − i/100)²; all terms are flat at the published start."""
    return sum((m.exp(-m.exp(x[2] * m.log(u - x[1])) / x[0]) - 0.01 * i)**2
               for i, u in enumerate(_U, 1))


def _wood(x, m):
    return (100 * (x[1] - x[0]**2)**2 + (1 - x[0])**2 + 90 * (x[3] - x[2]**2)**2 + (1 - x[2])**2
            + 10.1 * ((x[1] - 1)**2 + (x[3] - 1)**2) + 19.8 * (x[1] - 1) * (x[3] - 1))


def _volume(x, m):
    return -x[0] * x[1] * x[2]


PROBLEMS = (
    Problem(
        25, (100, 12.5, 3), _weibull, 0.0, bounds=((0.1, 100), (0, 25.6), (0, 5)),
        minimiser=(50, 25, 1.5), other_optima=(32.835,)),
    Problem(
        26, (-2.6, 2, 2), lambda x, m: (x[0] - x[1])**2 + (x[1] - x[2])**4, 0.0, rows=(EQ,),
        constraints=lambda x, m: [(1 + x[1]**2) * x[0] + x[2]**4 - 3], minimiser=(1, 1, 1)),
    Problem(
        27, (2, 2, 2), lambda x, m: 0.01 * (x[0] - 1)**2 + (x[1] - x[0]**2)**2, 0.04, rows=(EQ,),
        constraints=lambda x, m: [x[0] + x[2]**2 + 1], minimiser=(-1, 1, 0)),
    Problem(
        28, (-4, 1, 1), lambda x, m: (x[0] + x[1])**2 + (x[1] + x[2])**2, 0.0, rows=(EQ,),
        constraints=lambda x, m: [x[0] + 2 * x[1] + 3 * x[2] - 1], minimiser=(0.5, -0.5, 0.5)),
    Problem(
        29, (1, 1, 1), _volume, -16 * math.sqrt(2), rows=(GE,),
        constraints=lambda x, m: [-x[0]**2 - 2 * x[1]**2 - 4 * x[2]**2 + 48],
        minimiser=(4, 2 * math.sqrt(2), 2)),
    Problem(
        30, (1, 1, 1), lambda x, m: x[0]**2 + x[1]**2 + x[2]**2, 1.0,
        bounds=((1, 10), (-10, 10), (-10, 10)), rows=(GE,),
        constraints=lambda x, m: [x[0]**2 + x[1]**2 - 1], minimiser=(1, 0, 0)),
    Problem(
        31, (1, 1, 1), lambda x, m: 9 * x[0]**2 + x[1]**2 + 9 * x[2]**2, 6.0,
        bounds=((-10, 10), (1, 10), (-10, 1)), rows=(GE,),
        constraints=lambda x, m: [x[0] * x[1] - 1], minimiser=(1 / math.sqrt(3), math.sqrt(3), 0)),
    Problem(
        32, (0.1, 0.7, 0.2), lambda x, m: (x[0] + 3 * x[1] + x[2])**2 + 4 * (x[0] - x[1])**2, 1.0,
        bounds=3 * (GE,), rows=(GE, EQ),
        constraints=lambda x, m: [6 * x[1] + 4 * x[2] - x[0]**3 - 3, 1 - x[0] - x[1] - x[2]],
        minimiser=(0, 0, 1)),
    Problem(
        33, (0, 0, 3), lambda x, m: (x[0] - 1) * (x[0] - 2) * (x[0] - 3) + x[2], math.sqrt(2) - 6,
        bounds=(GE, GE, (0, 5)), rows=(GE, GE),
        constraints=lambda x, m: [x[2]**2 - x[1]**2 - x[0]**2,
                                  x[0]**2 + x[1]**2 + x[2]**2 - 4],
        minimiser=(0, math.sqrt(2), math.sqrt(2)), other_optima=(-4.0,)),
    Problem(
        34, (0, 1.05, 2.9), lambda x, m: -x[0], -math.log(math.log(10)),
        bounds=((0, 100), (0, 100), (0, 10)), rows=(GE, GE),
        constraints=lambda x, m: [x[1] - m.exp(x[0]), x[2] - m.exp(x[1])],
        minimiser=(math.log(math.log(10)), math.log(10), 10)),
    Problem(
        35, (0.5, 0.5, 0.5),
        lambda x, m: (9 - 8 * x[0] - 6 * x[1] - 4 * x[2] + 2 * x[0]**2 + 2 * x[1]**2 + x[2]**2
                      + 2 * x[0] * x[1] + 2 * x[0] * x[2]), 1 / 9,
        bounds=3 * (GE,), rows=(GE,), constraints=lambda x, m: [3 - x[0] - x[1] - 2 * x[2]],
        minimiser=(4 / 3, 7 / 9, 4 / 9)),
    Problem(
        36, (10, 10, 10), _volume, -3300.0, bounds=((0, 20), (0, 11), (0, 42)), rows=(GE,),
        constraints=lambda x, m: [72 - x[0] - 2 * x[1] - 2 * x[2]], minimiser=(20, 11, 15)),
    Problem(
        37, (10, 10, 10), _volume, -3456.0, bounds=3 * ((0, 42),), rows=(GE, GE),
        constraints=lambda x, m: [72 - x[0] - 2 * x[1] - 2 * x[2], x[0] + 2 * x[1] + 2 * x[2]],
        minimiser=(24, 12, 12)),
    Problem(38, (-3, -1, -3, -1), _wood, 0.0, bounds=4 * ((-10, 10),), minimiser=(1, 1, 1, 1)),
    Problem(
        39, (2, 2, 2, 2), lambda x, m: -x[0], -1.0, rows=(EQ, EQ), minimiser=(1, 1, 0, 0),
        constraints=lambda x, m: [x[1] - x[0]**3 - x[2]**2, x[0]**2 - x[1] - x[3]**2]),
    Problem(
        40, (0.8, 0.8, 0.8, 0.8), lambda x, m: -x[0] * x[1] * x[2] * x[3], -0.25, rows=3 * (EQ,),
        constraints=lambda x, m: [x[0]**3 + x[1]**2 - 1, x[0]**2 * x[3] - x[2], x[3]**2 - x[1]],
        minimiser=(2**(-1 / 3), 2**-0.5, 2**(-11 / 12), 2**-0.25)),
    Problem(
        41, (2, 2, 2, 2), lambda x, m: 2 - x[0] * x[1] * x[2], 52 / 27,
        bounds=3 * ((0, 1),) + ((0, 2),), rows=(EQ,),
        constraints=lambda x, m: [x[0] + 2 * x[1] + 2 * x[2] - x[3]], minimiser=(2 / 3, 1 / 3, 1 / 3, 2)),
    Problem(
        42, (1, 1, 1, 1),
        lambda x, m: (x[0] - 1)**2 + (x[1] - 2)**2 + (x[2] - 3)**2 + (x[3] - 4)**2,
        28 - 10 * math.sqrt(2), rows=(EQ, EQ),
        constraints=lambda x, m: [x[0] - 2, x[2]**2 + x[3]**2 - 2],
        minimiser=(2, 2, 0.6 * math.sqrt(2), 0.8 * math.sqrt(2))),
    Problem(
        43, (0, 0, 0, 0),
        lambda x, m: (x[0]**2 + x[1]**2 + 2 * x[2]**2 + x[3]**2 - 5 * x[0] - 5 * x[1] - 21 * x[2]
                      + 7 * x[3]),
        -44.0, rows=3 * (GE,), minimiser=(0, 1, 2, -1),
        constraints=lambda x, m: [
            8 - x[0]**2 - x[1]**2 - x[2]**2 - x[3]**2 - x[0] + x[1] - x[2] + x[3],
            10 - x[0]**2 - 2 * x[1]**2 - x[2]**2 - 2 * x[3]**2 + x[0] + x[3],
            5 - 2 * x[0]**2 - x[1]**2 - x[2]**2 - 2 * x[0] + x[1] + x[3]]),
    Problem(
        44, (0, 0, 0, 0),
        lambda x, m: x[0] - x[1] - x[2] - x[0] * x[2] + x[0] * x[3] + x[1] * x[2] - x[1] * x[3], -15.0,
        bounds=4 * (GE,), rows=6 * (GE,), minimiser=(0, 3, 0, 4), other_optima=(-13.0,),
        constraints=lambda x, m: [8 - x[0] - 2 * x[1], 12 - 4 * x[0] - x[1], 12 - 3 * x[0] - 4 * x[1],
                                  8 - 2 * x[2] - x[3], 8 - x[2] - 2 * x[3], 5 - x[2] - x[3]]),
    Problem(
        45, (2, 2, 2, 2, 2), lambda x, m: 2 - x[0] * x[1] * x[2] * x[3] * x[4] / 120, 1.0,
        bounds=tuple((0, i) for i in range(1, 6)), minimiser=(1, 2, 3, 4, 5)),
)
