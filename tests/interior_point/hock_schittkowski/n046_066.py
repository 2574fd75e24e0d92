"""Problems 46 to 66: mostly equality rows in five to seven unknowns."""
import math

from .problem import GE, EQ, INF, Problem

_R2, _R3 = math.sqrt(2), math.sqrt(3)
_A56, _B56 = math.asin(math.sqrt(1 / 4.2)), math.asin(math.sqrt(5 / 7.2))
_A57 = (8, 8, *4 * (10,), *4 * (12,), *3 * (14,), *3 * (16,), 18, 18, *3 * (20,), *3 * (22,),
        *3 * (24,), *3 * (26,), 28, 28, *3 * (30,), 32, 32, 34, 36, 36, 38, 38, 40, 42)
_B57 = (49, 49, 48, 47, 48, 47, 46, 46, 45, 43, 45, 43, 43, 44, 43, 43, 46, 45, 42, 42, 43,
        41, 41, 40, 42, 40, 40, 41, 40, 41, 41, 40, 40, 40, 38, 41, 40, 40, 41, 38, 40, 40, 39, 39)


def _rows_52(x, m):
    return [x[0] + 3 * x[1], x[2] + x[3] - 2 * x[4], x[1] - x[4]]


def _normal(x, m):
    """−exp(−h/2), h a correlated quadratic form: −exp(−27/280) at the minimiser."""
    h = (((x[0] - 1e4)**2 / 6.4e7 + (x[0] - 1e4) * (x[1] - 1) / 2e4 + (x[1] - 1)**2) / 0.96
         + (x[2] - 2e6)**2 / 4.9e13 + (x[3] - 10)**2 / 2.5e3 + (x[4] - 1e-3)**2 / 2.5e-3
         + (x[5] - 1e8)**2 / 2.5e17)
    return -m.exp(-0.5 * h)


def _chlorine(x, m):
    return sum((0.01 * b - x[0] - (0.49 - x[0]) * m.exp(-x[1] * (a - 8)))**2
               for a, b in zip(_A57, _B57))


def _barnes(x, m):
    return (-75.196 + 3.8112 * x[0] - 0.12694 * x[0]**2 + 0.0020567 * x[0]**3 - 1.0345e-5 * x[0]**4
            + 6.8306 * x[1] - 0.030234 * x[0] * x[1] + 1.28134e-3 * x[1] * x[0]**2
            + 2.266e-7 * x[0]**4 * x[1]
            - 0.25645 * x[1]**2 + 0.0034604 * x[1]**3 - 1.3514e-5 * x[1]**4 + 28.106 / (x[1] + 1)
            + 5.2375e-6 * x[0]**2 * x[1]**2 + 6.3e-8 * x[0]**3 * x[1]**2 - 7e-10 * x[0]**3 * x[1]**3
            - 3.405e-4 * x[0] * x[1]**2 + 1.6638e-6 * x[0] * x[1]**3
            + 2.8673 * m.exp(0.0005 * x[0] * x[1]) - 3.5256e-5 * x[0]**3 * x[1])


def _sequencing(x, m):
    return -32.174 * (
        255 * m.log((x[0] + x[1] + x[2] + 0.03) / (0.09 * x[0] + x[1] + x[2] + 0.03))
        + 280 * m.log((x[1] + x[2] + 0.03) / (0.07 * x[1] + x[2] + 0.03))
        + 290 * m.log((x[2] + 0.03) / (0.13 * x[2] + 0.03)))


PROBLEMS = (
    Problem(
        46, (_R2 / 2, 1.75, 0.5, 2, 2),
        lambda x, m: (x[0] - x[1])**2 + (x[2] - 1)**2 + (x[3] - 1)**4 + (x[4] - 1)**6, 0.0,
        rows=(EQ, EQ), minimiser=(1, 1, 1, 1, 1),
        constraints=lambda x, m: [x[0]**2 * x[3] + m.sin(x[3] - x[4]) - 1, x[1] + x[2]**4 * x[3]**2 - 2]),
    # The book's minimiser (1, …, 1) is none: the cubic term falls below 0 in every neighbourhood.
    Problem(
        47, (2, _R2, -1, 2 - _R2, 0.5),
        lambda x, m: (x[0] - x[1])**2 + (x[1] - x[2])**3 + (x[2] - x[3])**4 + (x[3] - x[4])**4, 0.0,
        rows=3 * (EQ,), minimiser=(1, 1, 1, 1, 1), other_optima=(-0.0267141827,),
        constraints=lambda x, m: [x[0] + x[1]**2 + x[2]**3 - 3,
                                  x[1] - x[2]**2 + x[3] - 1, x[0] * x[4] - 1]),
    Problem(
        48, (3, 5, -3, 2, -2), lambda x, m: (x[0] - 1)**2 + (x[1] - x[2])**2 + (x[3] - x[4])**2, 0.0,
        rows=(EQ, EQ), minimiser=(1, 1, 1, 1, 1),
        constraints=lambda x, m: [x[0] + x[1] + x[2] + x[3] + x[4] - 5,
                                  x[2] - 2 * (x[3] + x[4]) + 3]),
    Problem(
        49, (10, 7, 2, -3, 0.8),
        lambda x, m: (x[0] - x[1])**2 + (x[2] - 1)**2 + (x[3] - 1)**4 + (x[4] - 1)**6, 0.0,
        rows=(EQ, EQ), minimiser=(1, 1, 1, 1, 1),
        constraints=lambda x, m: [x[0] + x[1] + x[2] + 4 * x[3] - 7, x[2] + 5 * x[4] - 6]),
    Problem(
        50, (35, -31, 11, 5, -5),
        lambda x, m: (x[0] - x[1])**2 + (x[1] - x[2])**2 + (x[2] - x[3])**4 + (x[3] - x[4])**2, 0.0,
        rows=3 * (EQ,), minimiser=(1, 1, 1, 1, 1),
        constraints=lambda x, m: [x[0] + 2 * x[1] + 3 * x[2] - 6, x[1] + 2 * x[2] + 3 * x[3] - 6,
                                  x[2] + 2 * x[3] + 3 * x[4] - 6]),
    Problem(
        51, (2.5, 0.5, 2, -1, 0.5),
        lambda x, m: (x[0] - x[1])**2 + (x[1] + x[2] - 2)**2 + (x[3] - 1)**2 + (x[4] - 1)**2, 0.0,
        rows=3 * (EQ,), minimiser=(1, 1, 1, 1, 1),
        constraints=lambda x, m: [x[0] + 3 * x[1] - 4, x[2] + x[3] - 2 * x[4], x[1] - x[4]]),
    Problem(
        52, (2, 2, 2, 2, 2),
        lambda x, m: (4 * x[0] - x[1])**2 + (x[1] + x[2] - 2)**2 + (x[3] - 1)**2 + (x[4] - 1)**2,
        1859 / 349, rows=3 * (EQ,), constraints=_rows_52,
        minimiser=tuple(v / 349 for v in (-33, 11, 180, -158, 11))),
    Problem(
        53, (2, 2, 2, 2, 2),
        lambda x, m: (x[0] - x[1])**2 + (x[1] + x[2] - 2)**2 + (x[3] - 1)**2 + (x[4] - 1)**2, 176 / 43,
        bounds=5 * ((-10, 10),), rows=3 * (EQ,), constraints=_rows_52,
        minimiser=tuple(v / 43 for v in (-33, 11, 27, -5, 11))),
    Problem(
        54, (6e3, 1.5, 4e6, 2, 3e-3, 5e7), _normal, -math.exp(-27 / 280),
        bounds=((0, 2e4), (-10, 10), (0, 1e7), (0, 20), (-1, 1), (0, 2e8)), rows=(EQ,),
        constraints=lambda x, m: [x[0] + 4e3 * x[1] - 1.76e4],
        minimiser=(91600 / 7, 79 / 70, 2e6, 10, 1e-3, 1e8)),
    Problem(
        55, (1, 2, 0, 0, 0, 2), lambda x, m: x[0] + 2 * x[1] + 4 * x[4] + m.exp(x[0] * x[3]), 19 / 3,
        bounds=((0, 1), GE, GE, (0, 1), GE, GE), rows=6 * (EQ,),
        constraints=lambda x, m: [x[0] + 2 * x[1] + 5 * x[4] - 6, x[0] + x[1] + x[2] - 3,
                                  x[3] + x[4] + x[5] - 2, x[0] + x[3] - 1,
                                  x[1] + x[4] - 2, x[2] + x[5] - 2],
        minimiser=(0, 4 / 3, 5 / 3, 1, 2 / 3, 1 / 3), other_optima=(20 / 3,)),
    Problem(
        56, (1, 1, 1, _A56, _A56, _A56, _B56), lambda x, m: -x[0] * x[1] * x[2], -3.456,
        rows=4 * (EQ,),
        constraints=lambda x, m: [x[0] - 4.2 * m.sin(x[3])**2, x[1] - 4.2 * m.sin(x[4])**2,
                                  x[2] - 4.2 * m.sin(x[5])**2,
                                  x[0] + 2 * x[1] + 2 * x[2] - 7.2 * m.sin(x[6])**2],
        minimiser=(2.4, 1.2, 1.2, math.asin(math.sqrt(4 / 7)), math.asin(math.sqrt(2 / 7)),
                   math.asin(math.sqrt(2 / 7)), math.pi / 2)),
    Problem(
        57, (0.42, 5), _chlorine, 0.02845966972, bounds=((0.4, INF), (-4, INF)), rows=(GE,),
        constraints=lambda x, m: [0.49 * x[1] - x[0] * x[1] - 0.09],
        other_optima=(0.03064761905,)),                 # where x₂ → ∞
    Problem(                                            # the book gives −7.804226324
        59, (90, 10), _barnes, -7.80278947, bounds=((0, 75), (0, 65)), rows=3 * (GE,),
        constraints=lambda x, m: [x[0] * x[1] - 700, x[1] - x[0]**2 / 125,
                                  (x[1] - 50)**2 - 5 * (x[0] - 55)],
        other_optima=(-6.7495052,)),
    Problem(
        60, (2, 2, 2), lambda x, m: (x[0] - 1)**2 + (x[0] - x[1])**2 + (x[1] - x[2])**4, 0.03256820025,
        bounds=3 * ((-10, 10),), rows=(EQ,),
        constraints=lambda x, m: [x[0] * (1 + x[1]**2) + x[2]**4 - 4 - 3 * _R2]),
    Problem(
        61, (0, 0, 0),
        lambda x, m: 4 * x[0]**2 + 2 * x[1]**2 + 2 * x[2]**2 - 33 * x[0] + 16 * x[1] - 24 * x[2],
        -143.6461422, rows=(EQ, EQ),
        constraints=lambda x, m: [3 * x[0] - 2 * x[1]**2 - 7, 4 * x[0] - x[2]**2 - 11]),
    Problem(
        62, (0.7, 0.2, 0.1), _sequencing, -26272.51448, bounds=3 * ((0, 1),), rows=(EQ,),
        constraints=lambda x, m: [x[0] + x[1] + x[2] - 1]),
    Problem(
        63, (2, 2, 2),
        lambda x, m: 1000 - x[0]**2 - 2 * x[1]**2 - x[2]**2 - x[0] * x[1] - x[0] * x[2], 961.7151721,
        bounds=3 * (GE,), rows=(EQ, EQ),
        constraints=lambda x, m: [8 * x[0] + 14 * x[1] + 7 * x[2] - 56,
                                  x[0]**2 + x[1]**2 + x[2]**2 - 25]),
    Problem(
        64, (1, 1, 1),
        lambda x, m: 5 * x[0] + 50000 / x[0] + 20 * x[1] + 72000 / x[1] + 10 * x[2] + 144000 / x[2],
        6299.842428, bounds=3 * ((1e-5, INF),), rows=(GE,),
        constraints=lambda x, m: [1 - 4 / x[0] - 32 / x[1] - 120 / x[2]]),
    Problem(
        65, (-5, 5, 0),
        lambda x, m: (x[0] - x[1])**2 + (x[0] + x[1] - 10)**2 / 9 + (x[2] - 5)**2, 0.9535288567,
        bounds=((-4.5, 4.5), (-4.5, 4.5), (-5, 5)), rows=(GE,),
        constraints=lambda x, m: [48 - x[0]**2 - x[1]**2 - x[2]**2]),
    Problem(
        66, (0, 1.05, 2.9), lambda x, m: 0.2 * x[2] - 0.8 * x[0], 0.5181632741,
        bounds=((0, 100), (0, 100), (0, 10)), rows=(GE, GE),
        constraints=lambda x, m: [x[1] - m.exp(x[0]), x[2] - m.exp(x[1])]),
)
