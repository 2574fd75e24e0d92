"""Problems 99 to 108: seven to nine unknowns."""
import math

from .problem import GE, EQ, FREE, Problem

_ROCKET = tuple(zip((50, 50, 75, 75, 75, 100, 100), (25, 25, 50, 50, 50, 90, 90)))


def _range(x, m):
    return -sum(a * h * m.cos(angle) for (a, h), angle in zip(_ROCKET, [x[i] for i in range(7)]))**2


def _flight(x, m):
    """Height and vertical speed after seven legs of length h with thrust a, gravity 32."""
    height = speed = 0
    for (a, h), angle in zip(_ROCKET, [x[i] for i in range(7)]):
        lift = a * m.sin(angle) - 32
        height, speed = height + h * speed + 0.5 * h**2 * lift, speed + h * lift
    return [height - 1e5, speed - 1e3]


def _monomial(factor, x, exponents):
    for i, exponent in enumerate(exponents):
        factor = factor * x[i]**exponent if exponent else factor
    return factor


def _geometric(number, a, optimum):
    """Problems 101 to 103, which differ in one exponent."""
    def cost(x, m):
        return (_monomial(10, x, (1, -1, 0, 2, 0, -3, a))
                + _monomial(15, x, (-1, -2, 1, 1, -1, 0, -0.5))
                + _monomial(20, x, (-2, 1, 0, -1, -2, 1, 0))
                + _monomial(25, x, (2, 2, -1, 0, 0.5, -2, 1)))

    return Problem(
        number, 7 * (6,), cost, optimum, bounds=6 * ((0.1, 10),) + ((0.01, 10),),
        rows=4 * (GE,) + ((100, 3000),),
        constraints=lambda x, m: _geometric_rows(x) + [cost(x, m)])


def _geometric_rows(x):
    return [
        1 - _monomial(0.5, x, (0.5, 0, -1, 0, 0, -2, 1))
        - _monomial(0.7, x, (3, 1, -2, 0, 0, 1, 0.5))
        - _monomial(0.2, x, (0, -1, 1, -0.5, 0, 2 / 3, 0.25)),
        1 - _monomial(1.3, x, (-0.5, 1, -1, 0, -1, 1, 0))
        - _monomial(0.8, x, (0, 0, 1, -1, -1, 2, 0))
        - _monomial(3.1, x, (-1, 0.5, 0, -2, -1, 1 / 3, 0)),
        1 - _monomial(2, x, (1, 0, -1.5, 0, 1, -1, 1 / 3))
        - _monomial(0.1, x, (0, 1, -0.5, 0, 1, -1, -0.5))
        - _monomial(1, x, (-1, 1, 0.5, 0, 1, 0, 0))
        - _monomial(0.65, x, (0, -2, 1, 0, 1, -1, 1)),
        1 - _monomial(0.2, x, (-2, 1, 0, -1, 0.5, 0, 1 / 3))
        - _monomial(0.3, x, (0.5, 2, 1, 1 / 3, -2 / 3, 0, 0.25))
        - _monomial(0.4, x, (-3, -2, 1, 0, 1, 0, 0.75))
        - _monomial(0.5, x, (0, 0, -2, 1, 0, 0, 0.5))]


def _reactor(x, m):
    return (0.4 * x[0]**0.67 * x[6]**-0.67 + 0.4 * x[1]**0.67 * x[7]**-0.67 + 10 - x[0] - x[1])


def _reactor_rows(x, m):
    return [1 - 0.0588 * x[4] * x[6] - 0.1 * x[0],
            1 - 0.0588 * x[5] * x[7] - 0.1 * x[0] - 0.1 * x[1],
            1 - 4 * x[2] / x[4] - 2 * x[2]**-0.71 / x[4] - 0.0588 * x[2]**-1.3 * x[6],
            1 - 4 * x[3] / x[5] - 2 * x[3]**-0.71 / x[5] - 0.0588 * x[3]**-1.3 * x[7], _reactor(x, m)]


def _exchanger_rows(x, m):
    return [1 - 0.0025 * (x[3] + x[5]), 1 - 0.0025 * (x[4] + x[6] - x[3]), 1 - 0.01 * (x[7] - x[4]),
            x[0] * x[5] - 833.33252 * x[3] - 100 * x[0] + 83333.333,
            x[1] * x[6] - 1250 * x[4] - x[1] * x[3] + 1250 * x[3],
            x[2] * x[7] - 1250000 - x[2] * x[4] + 2500 * x[4]]


_C107, _D107 = (48.4 / 50.176 * f(0.25) for f in (math.sin, math.cos))


def _power_rows(x, m):
    c, d = _C107, _D107
    y1, y2, y3, y4 = m.sin(x[7]), m.cos(x[7]), m.sin(x[8]), m.cos(x[8])
    y5, y6 = m.sin(x[7] - x[8]), m.cos(x[7] - x[8])
    return [
        0.4 - x[0] + 2 * c * x[4]**2 - x[4] * x[5] * (d * y1 + c * y2) - x[4] * x[6] * (d * y3 + c * y4),
        0.4 - x[1] + 2 * c * x[5]**2 + x[4] * x[5] * (d * y1 - c * y2) + x[5] * x[6] * (d * y5 - c * y6),
        0.8 + 2 * c * x[6]**2 + x[4] * x[6] * (d * y3 - c * y4) - x[5] * x[6] * (d * y5 + c * y6),
        0.2 - x[2] + 2 * d * x[4]**2 + x[4] * x[5] * (c * y1 - d * y2) + x[4] * x[6] * (c * y3 - d * y4),
        0.2 - x[3] + 2 * d * x[5]**2 - x[4] * x[5] * (c * y1 + d * y2) - x[5] * x[6] * (c * y5 + d * y6),
        -0.337 + 2 * d * x[6]**2 - x[4] * x[6] * (c * y3 + d * y4) + x[5] * x[6] * (c * y5 - d * y6)]


def _hexagon_rows(x, m):
    return [1 - x[2]**2 - x[3]**2, 1 - x[8]**2, 1 - x[4]**2 - x[5]**2, 1 - x[0]**2 - (x[1] - x[8])**2,
            1 - (x[0] - x[4])**2 - (x[1] - x[5])**2, 1 - (x[0] - x[6])**2 - (x[1] - x[7])**2,
            1 - (x[2] - x[4])**2 - (x[3] - x[5])**2, 1 - (x[2] - x[6])**2 - (x[3] - x[7])**2,
            1 - x[6]**2 - (x[7] - x[8])**2, x[0] * x[3] - x[1] * x[2],
            x[2] * x[8], -x[4] * x[8], x[4] * x[7] - x[5] * x[6]]


PROBLEMS = (
    Problem(
        99, 7 * (0.5,), _range, -831079891.5, bounds=7 * ((0, 1.58),), rows=(EQ, EQ),
        constraints=_flight),
    Problem(
        100, (1, 2, 0, 4, 0, 1, 1),
        lambda x, m: ((x[0] - 10)**2 + 5 * (x[1] - 12)**2 + x[2]**4 + 3 * (x[3] - 11)**2 + 10 * x[4]**6
                      + 7 * x[5]**2 + x[6]**4 - 4 * x[5] * x[6] - 10 * x[5] - 8 * x[6]), 680.6300573,
        rows=4 * (GE,),
        constraints=lambda x, m: [
            127 - 2 * x[0]**2 - 3 * x[1]**4 - x[2] - 4 * x[3]**2 - 5 * x[4],
            282 - 7 * x[0] - 3 * x[1] - 10 * x[2]**2 - x[3] + x[4],
            196 - 23 * x[0] - x[1]**2 - 6 * x[5]**2 + 8 * x[6],
            -4 * x[0]**2 - x[1]**2 + 3 * x[0] * x[1] - 2 * x[2]**2 - 5 * x[5] + 11 * x[6]]),
    _geometric(101, -0.25, 1809.76476),
    _geometric(102, 0.125, 911.880571),
    _geometric(103, 0.5, 543.667958),
    Problem(
        104, (6, 3, 0.4, 0.2, 6, 6, 1, 0.5), _reactor, 3.9511634396, bounds=8 * ((0.1, 10),),
        rows=4 * (GE,) + ((0.1, 4.2),), constraints=_reactor_rows),
    Problem(                                            # the book gives 7049.330923
        106, (5000, 5000, 5000, 200, 350, 150, 225, 425), lambda x, m: x[0] + x[1] + x[2], 7049.248021,
        bounds=((100, 10000), (1000, 10000), (1000, 10000)) + 5 * ((10, 1000),), rows=6 * (GE,),
        constraints=_exchanger_rows),
    Problem(
        107, (0.8, 0.8, 0.2, 0.2, 1.0454, 1.0454, 1.0454, 0, 0),
        lambda x, m: 3000 * x[0] + 1000 * x[0]**3 + 2000 * x[1] + 666.667 * x[1]**3, 5055.011803,
        bounds=(GE, GE, FREE, FREE) + 3 * ((0.90909, 1.0909),) + (FREE, FREE), rows=6 * (EQ,),
        constraints=_power_rows),
    Problem(
        108, 9 * (1,),
        lambda x, m: -0.5 * (x[0] * x[3] - x[1] * x[2] + x[2] * x[8] - x[4] * x[8] + x[4] * x[7]
                             - x[5] * x[6]),
        -math.sqrt(3) / 2, bounds=8 * (FREE,) + (GE,), rows=13 * (GE,),
        constraints=_hexagon_rows, other_optima=(-0.674981443,)),
)
