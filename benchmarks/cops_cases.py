"""Problems after COPS as programs of CasADi: E. D. Dolan, J. J. Moré and T. S. Munson, *Benchmarking
optimization software with COPS 3.0* (2004). Optimal control by the trapezoidal rule; grids and starts may
differ from there."""

from dataclasses import dataclass

import casadi
import numpy as np

_INF = np.inf


@dataclass(frozen=True)
class Case:
    """minimise f(x) subject to c_lower ≤ c(x) ≤ c_upper, lower ≤ x ≤ upper, from `start`; x, f, c: SX."""

    x: casadi.SX
    f: casadi.SX
    c: casadi.SX
    c_lower: np.ndarray
    c_upper: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    start: np.ndarray


class _Builder:
    """Variables and rows as they come."""

    def __init__(self):
        self._x, self._c = [], []
        self._bounds, self._sides = [], []

    def variable(self, size, start, lower=-_INF, upper=_INF):
        """A vector of unknowns (size,)."""
        x = casadi.SX.sym("x", size)
        self._x.append(x)
        self._bounds.append([np.broadcast_to(np.asarray(value, float), (size,)).copy()
                             for value in (start, lower, upper)])
        return x

    def fix(self, k, place, value):
        """Entry `place` of the k-th vector has the value."""
        self._bounds[k][1][place] = self._bounds[k][2][place] = value

    def rows(self, c, lower=0.0, upper=0.0):
        """lower ≤ c ≤ upper."""
        c = casadi.vec(casadi.SX(c))
        self._c.append(c)
        self._sides.append([np.full(c.shape[0], float(side)) for side in (lower, upper)])

    def follow(self, x, rate, step):
        """The trapezoidal rule for x' = rate over all intervals."""
        self.rows(x[1:] - x[:-1] - 0.5 * step * (rate[1:] + rate[:-1]))

    def case(self, f):
        """The whole."""
        start, lower, upper = (np.concatenate(part) for part in zip(*self._bounds))
        c_lower, c_upper = ((np.concatenate(part) for part in zip(*self._sides))
                            if self._c else (np.zeros(0), np.zeros(0)))
        return Case(casadi.vertcat(*self._x), f, casadi.vertcat(*self._c) if self._c else
                    casadi.SX(0, 1), c_lower, c_upper, lower, upper, start)


def chain(n):
    """Hanging chain: least potential energy with length 4 between the heights 1 and 3."""
    b, t = _Builder(), np.linspace(0.0, 1.0, n + 1)
    a, end, h = 1.0, 3.0, 1.0 / n
    lowest = 0.25
    slope = 4.0 * abs(end - a)
    x = b.variable(n + 1, slope * t * (0.5 * t - lowest) + a)
    energy = b.variable(n + 1, (slope * t * (0.5 * t - lowest) + a) * slope * np.abs(t - lowest))
    length = b.variable(n + 1, slope * np.abs(t - lowest))
    u = b.variable(n + 1, slope * (t - lowest))
    for k, values in enumerate(((a, end), (0.0, None), (0.0, 4.0))):
        for place, value in zip((0, n), values):
            if value is not None:
                b.fix(k, place, value)
    root = casadi.sqrt(1.0 + u**2)
    b.follow(x, u, h)
    b.follow(energy, x * root, h)
    b.follow(length, root, h)
    return b.case(energy[n])


def catmix(n):
    """Mixing of two catalysts along a tubular reactor."""
    b, h = _Builder(), 1.0 / n
    x, y, u = b.variable(n + 1, 1.0), b.variable(n + 1, 0.0), b.variable(n + 1, 0.0, 0.0, 1.0)
    b.fix(0, 0, 1.0)
    b.fix(1, 0, 0.0)
    flow = u * (10.0 * y - x)
    b.follow(x, flow, h)
    b.follow(y, -flow - (1.0 - u) * y, h)
    return b.case(x[n] + y[n] - 1.0)


def rocket(n):
    """Goddard's rocket: greatest height with the fuel given."""
    b, t = _Builder(), np.linspace(0.0, 1.0, n + 1)
    c, final, h_c, drag, thrust = 0.5, 0.6, 500.0, 310.0, 3.5
    h = b.variable(n + 1, 1.0, 1.0)
    v = b.variable(n + 1, t * (1.0 - t), 0.0)
    m = b.variable(n + 1, (final - 1.0) * t + 1.0, final, 1.0)
    T = b.variable(n + 1, 0.5 * thrust, 0.0, thrust)
    step = b.variable(1, 1.0 / n, 0.0)
    for k, place, value in ((0, 0, 1.0), (1, 0, 0.0), (2, 0, 1.0), (2, n, final)):
        b.fix(k, place, value)
    b.follow(h, v, step)
    b.follow(v, (T - drag * v**2 * casadi.exp(-h_c * (h - 1.0))) / m - 1.0 / h**2, step)
    b.follow(m, -T / c, step)
    return b.case(-h[n])


def robot(n):
    """Robot arm: least time from one position to another, at rest at both."""
    b, t, length = _Builder(), np.linspace(0.0, 1.0, n + 1), 5.0
    r = b.variable(n + 1, 4.5, 0.0, length)
    a = b.variable(n + 1, 2.0 * np.pi / 3.0 * t**2, -np.pi, np.pi)
    p = b.variable(n + 1, np.pi / 4.0, 0.0, np.pi)
    dr, da, dp = b.variable(n + 1, 0.0), b.variable(n + 1, 4.0 * np.pi / 3.0 * t), b.variable(n + 1, 0.0)
    u, v, w = (b.variable(n + 1, 0.0, -1.0, 1.0) for _ in range(3))
    time = b.variable(1, 1.0, 0.0)
    for k, (first, last) in enumerate(((4.5, 4.5), (0.0, 2.0 * np.pi / 3.0), (np.pi / 4.0, np.pi / 4.0),
                                       (0.0, 0.0), (0.0, 0.0), (0.0, 0.0))):
        b.fix(k, 0, first)
        b.fix(k, n, last)
    inertia = ((length - r)**3 + r**3) / 3.0
    for x, rate in ((r, dr), (a, da), (p, dp), (dr, u / length),
                    (da, v / (inertia * casadi.sin(p)**2)), (dp, w / inertia)):
        b.follow(x, rate, time / n)
    return b.case(time)


def steering(n):
    """A particle steered to a height and a velocity in least time."""
    b, t = _Builder(), np.linspace(0.0, 1.0, n + 1)
    u = b.variable(n + 1, 0.0, -0.5 * np.pi, 0.5 * np.pi)
    x, y = b.variable(n + 1, 0.0), b.variable(n + 1, 5.0 * t)
    v, w = b.variable(n + 1, 45.0 * t), b.variable(n + 1, 0.0)
    time = b.variable(1, 1.0, 0.0)
    for k in (1, 2, 3, 4):
        b.fix(k, 0, 0.0)
    for k, value in ((2, 5.0), (3, 45.0), (4, 0.0)):
        b.fix(k, n, value)
    for z, rate in ((x, v), (y, w), (v, 100.0 * casadi.cos(u)), (w, 100.0 * casadi.sin(u))):
        b.follow(z, rate, time / n)
    return b.case(time)


def glider(n):
    """Hang glider: greatest distance through a thermal."""
    b, t = _Builder(), np.linspace(0.0, 1.0, n + 1)
    time = b.variable(1, 1.0, 0.0)
    x, y = b.variable(n + 1, 1248.0 * t, 0.0), b.variable(n + 1, 1000.0 - 100.0 * t)
    v, w = b.variable(n + 1, 13.23, 0.0), b.variable(n + 1, -1.288)
    lift = b.variable(n + 1, 1.0, 0.0, 1.4)
    ends = ((1, 0.0, None), (2, 1000.0, 900.0), (3, 13.227567500, 13.227567500),
            (4, -1.2875005200, -1.2875005200))
    for k, first, last in ends:
        b.fix(k, 0, first)
        if last is not None:
            b.fix(k, n, last)
    r = (x / 100.0 - 2.5)**2
    relative = w - 2.5 * (1.0 - r) * casadi.exp(-r)
    speed = casadi.sqrt(v**2 + relative**2)
    D, L = (0.5 * factor * 1.13 * 14.0 * speed**2 for factor in (0.034 + 0.069662 * lift**2, lift))
    for z, rate in ((x, v), (y, w), (v, (-L * relative / speed - D * v / speed) / 100.0),
                    (w, (L * v / speed - D * relative / speed) / 100.0 - 9.81)):
        b.follow(z, rate, time / n)
    return b.case(-x[n])


def _triangles(v, hx, hy):
    """The differences of v on the lower and the upper triangles of a grid."""
    return (((v[1:, :-1] - v[:-1, :-1]) / hx, (v[:-1, 1:] - v[:-1, :-1]) / hy),
            ((v[1:, 1:] - v[:-1, 1:]) / hx, (v[1:, 1:] - v[1:, :-1]) / hy))


def _grid(inner, nx, ny):
    v = casadi.SX.zeros(nx + 2, ny + 2)
    v[1:-1, 1:-1] = casadi.reshape(inner, nx, ny)
    return v


def torsion(n):
    """Elastic–plastic torsion of a square bar, n × n inner points."""
    b, h = _Builder(), 1.0 / (n + 1)
    at = np.arange(1, n + 1)
    near = np.minimum(at, n + 1 - at) * h
    distance = np.minimum(near[:, None], near).ravel(order="F")
    v = _grid(b.variable(n * n, distance, -distance, distance), n, n)
    energy = sum(casadi.sum1(casadi.sum2(d**2)) for pair in _triangles(v, h, h) for d in pair)
    return b.case(0.25 * h * h * energy - 5.0 * h * h * casadi.sum1(casadi.sum2(v)))


def bearing(n):
    """Pressure in a journal bearing, n × n inner points."""
    b, eccentricity = _Builder(), 0.1
    hx, hy = 2.0 * np.pi / (n + 1), 20.0 / (n + 1)
    start = np.repeat(np.maximum(np.sin(hx * np.arange(1, n + 1)), 0.0)[None], n, 0).ravel()
    v = _grid(b.variable(n * n, start, 0.0), n, n)
    weight = (1.0 + eccentricity * np.cos(hx * np.arange(n + 2)))**3
    energy = 0.0
    shares = (2.0 * weight[:-1] + weight[1:], weight[:-1] + 2.0 * weight[1:])
    for share, pair in zip(shares, _triangles(v, hx, hy)):
        energy += sum(casadi.sum2(casadi.mtimes(casadi.SX(share[None]), d**2)) for d in pair)
    load = casadi.sum2(casadi.mtimes(casadi.SX(np.sin(hx * np.arange(n + 2))[None]), v))
    return b.case(hx * hy * (energy / 12.0 - eccentricity * load))


def minsurf(n):
    """A minimal surface over an obstacle, n × n inner points."""
    b, h, at = _Builder(), 1.0 / (n + 1), np.linspace(0.0, 1.0, n + 2)
    edge = 1.0 - (2.0 * at - 1.0)**2
    block = np.abs(at[1:-1] - 0.5) <= 0.25
    lower = np.where(block[:, None] & block, 1.0, 0.0).ravel(order="F")
    v = _grid(b.variable(n * n, np.maximum(np.repeat(edge[1:-1], n), lower), lower), n, n)
    v[0, :] = v[-1, :] = casadi.SX(edge[None])
    area = sum(casadi.sum1(casadi.sum2(casadi.sqrt(1.0 + p**2 + q**2)))
               for p, q in _triangles(v, h, h))
    return b.case(0.5 * h * h * area)


def elec(n):
    """n electrons on a sphere."""
    b, rng = _Builder(), np.random.default_rng(0)
    a, p = 2.0 * np.pi * rng.random(n), np.pi * rng.random(n)
    start = (np.cos(a) * np.sin(p), np.sin(a) * np.sin(p), np.cos(p))
    x = [b.variable(n, s) for s in start]
    i, j = np.triu_indices(n, 1)
    i, j = i.tolist(), j.tolist()
    b.rows(sum(z**2 for z in x) - 1.0)
    return b.case(casadi.sum1(1.0 / casadi.sqrt(sum((z[i] - z[j])**2 for z in x))))


def polygon(n):
    """The largest polygon with n corners and diameter one."""
    b, at = _Builder(), np.arange(1, n + 1)
    r = b.variable(n, 4.0 * at * (n + 1 - at) / (n + 1)**2, 0.0, 1.0)
    a = b.variable(n, np.pi * at / n, 0.0, np.pi)
    b.fix(0, n - 1, 0.0)
    b.fix(1, n - 1, np.pi)
    i, j = np.triu_indices(n - 1, 1)
    i, j = i.tolist(), j.tolist()
    b.rows(r[i]**2 + r[j]**2 - 2.0 * r[i] * r[j] * casadi.cos(a[j] - a[i]), -_INF, 1.0)
    b.rows(a[1:] - a[:-1], 0.0, _INF)
    return b.case(-0.5 * casadi.sum1(r[1:] * r[:-1] * casadi.sin(a[1:] - a[:-1])))


# case, sizes: below 5,000 unknowns and above
CASES = {chain: (400, 2000), catmix: (400, 2000), rocket: (400, 2000), robot: (100, 600),
         steering: (200, 1200), glider: (100, 1200), torsion: (50, 75), bearing: (50, 75),
         minsurf: (50, 75), elec: (50,), polygon: (25,)}
