"""Families of formulas: z = Σ_j c_j φ_j(a; q), linear in c, with few further numbers q."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pcl.support.types import Array


@dataclass(frozen=True, eq=False)
class Family:
    """One form of formula.

    Attributes
    ----------
    name : str
    columns : function (a (n, d), q (nonlinear,)) -> (n, k), the φ_j
    words : function (names, numbers q as text) -> k texts of the φ_j
    nonlinear : number of q
    start : function of the box (2, d) -> starts of q
    limits : function of the box -> (lower, upper) of q
    positive : whether all inputs have to be ≥ 0
    linear : number of c
    """

    name: str
    columns: Callable[[Array, Array], Array]
    words: Callable[[Sequence[str], Sequence[str]], Sequence[str]]
    nonlinear: int = 0
    start: Callable[[Array], Sequence] = lambda box: [()]
    limits: Callable[[Array], tuple] = lambda box: ((), ())
    positive: bool = False
    linear: int = 1

    @property
    def size(self) -> int:
        """How many numbers c and q there are."""
        return self.linear + self.nonlinear

    def applies(self, box: Array) -> bool:
        """Whether it can be evaluated in the box."""
        return not self.positive or bool((box[0] >= 0.0).all() and box[1].all())

    def starts(self, box: Array) -> Sequence:
        """Where its q are looked for."""
        return self.start(box)

    def bounds(self, box: Array) -> tuple:
        """(lower, upper) of its q."""
        return self.limits(box)

    def text(self, names: Sequence[str], c: Array, q: Array) -> str:
        """The formula with all digits, a Python expression."""
        terms = [number(value) if word == "1" else f"{number(value)}*{word}"
                 for value, word in zip(c, self.words(names, [number(value) for value in q]))]
        return " + ".join(terms).replace("+ -", "- ")


def number(value: float) -> str:
    """All digits that count."""
    return repr(float(value))


# --- polynomials ----------------------------------------------------------------------------------

def _exponents(d, degree):
    return [e for e in itertools.product(range(degree + 1), repeat=d) if sum(e) <= degree]


def _power(name, e):
    return name if e == 1 else f"{name}**{e}"


def _monomial(names, exponents):
    return "*".join(_power(name, e) for name, e in zip(names, exponents) if e) or "1"


def polynomial(d: int, degree: int) -> Family:
    """All monomials up to a degree."""
    exponents = _exponents(d, degree)
    return Family(f"polynomial of degree {degree}",
                  lambda a, q: np.stack([(a ** e).prod(axis=1) for e in exponents], axis=1),
                  lambda names, q: [_monomial(names, e) for e in exponents],
                  linear=len(exponents))


def rational(d: int, above: int, below: int) -> Family:
    """P(a) / (1 + Σ q a^e), degrees `above` and `below`; the denominator is positive in the box."""
    top, bottom = _exponents(d, above), [e for e in _exponents(d, below) if any(e)]

    def columns(a, q):
        under = 1.0 + sum(v * (a ** e).prod(axis=1) for v, e in zip(q, bottom))
        under = np.where(under > 0.0, under, np.nan)
        return np.stack([(a ** e).prod(axis=1) / under for e in top], axis=1)

    def words(names, q):
        under = "(1 + " + " + ".join(f"{v}*{_monomial(names, e)}" for v, e in zip(q, bottom)) + ")"
        return [f"{_monomial(names, e)}/{under}" for e in top]

    def start(box):
        far = np.abs(box).max(axis=0)
        unit = np.array([1.0 / np.prod(far ** e) for e in bottom])
        return [0.1 * unit, unit, 10.0 * unit]
    bounds = (np.full(len(bottom), -np.inf), np.full(len(bottom), np.inf))
    return Family(f"ratio of polynomials of degrees {above} and {below}", columns,
                  words, len(bottom), start, lambda box: bounds, linear=len(top))


# --- rates ----------------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class Rate:
    """φ(x; q) of one input x.

    Attributes
    ----------
    value : function (x (n,), q) -> (n,)
    word : its text, a format of x and q
    starts : function (least, largest x) -> starts of q
    limits : function of the same -> (lower, upper)
    positive : whether x has to be ≥ 0
    """

    name: str
    value: Callable[[Array, Sequence], Array]
    word: str
    starts: Callable[[float, float], Sequence]
    limits: Callable[[float, float], tuple]
    positive: bool = True


def _scales(low, high):
    return [(s * high,) for s in (0.1, 1.0)]


def _positive(count):
    return lambda low, high: (np.full(count, 1e-9 * high), np.full(count, 1e6 * high))


RATES = {rate.name: rate for rate in (
    Rate("Monod", lambda x, q: x / (q[0] + x), "{x}/({0} + {x})", _scales, _positive(1)),
    Rate("inhibition", lambda x, q: q[0] / (q[0] + x), "{0}/({0} + {x})", _scales, _positive(1)),
    Rate("Haldane", lambda x, q: x / (q[0] + x + x ** 2 / q[1]), "{x}/({0} + {x} + {x}**2/{1})",
         lambda low, high: [(s * high, r * high) for s in (0.03, 0.3) for r in (0.1, 1.0)], _positive(2)),
    Rate("Hill", lambda x, q: x ** q[1] / (q[0] ** q[1] + x ** q[1]), "{x}**{1}/({0}**{1} + {x}**{1})",
         lambda low, high: [(s * high, 2.0) for s in (0.1, 0.5)],
         lambda low, high: ([1e-9 * high, 0.2], [1e6 * high, 20.0])),
    Rate("power", lambda x, q: x ** q[0], "{x}**{0}", lambda low, high: [(0.5,), (1.5,)],
         lambda low, high: ([0.05 if low == 0.0 else -6.0], [6.0])),
    Rate("Arrhenius", lambda x, q: np.exp(-q[0] / x), "exp(-{0}/{x})",
         lambda low, high: [(high,), (10.0 * high,)],
         lambda low, high: ([-100.0 * (high if low > 0.0 else 0.0)], [100.0 * high])),
    Rate("exponential", lambda x, q: np.exp(q[0] * x), "exp({0}*{x})",
         lambda low, high: [(s / (high - low),) for s in (-3.0, -0.5, 0.5, 3.0)],
         lambda low, high: ([-50.0 / (high - low)], [50.0 / (high - low)]), positive=False),
    Rate("logistic", lambda x, q: 1.0 / (1.0 + np.exp(-q[1] * (x - q[0]))),
         "1/(1 + exp(-{1}*({x} - {0})))",
         lambda low, high: [((low + high) / 2, s / (high - low)) for s in (4.0, 15.0)],
         lambda low, high: ([2 * low - high, 0.1 / (high - low)], [2 * high - low, 200.0 / (high - low)]),
         positive=False),
)}


def rates(names: Sequence[str], constant: bool = False) -> Family:
    """c Π_i φ_i(x_i; q_i), one rate an input, and a constant beside it."""
    chosen = [RATES[name] for name in names]
    counts = [len(rate.starts(0.0, 1.0)[0]) for rate in chosen]
    ends = np.cumsum([0, *counts])
    parts = [slice(a, b) for a, b in zip(ends, ends[1:])]

    def columns(a, q):
        found = np.prod([rate.value(x, q[part]) for rate, x, part in zip(chosen, a.T, parts)], axis=0)
        return np.stack([found, np.ones(len(a))][:1 + constant], axis=1)

    def words(inputs, q):
        found = "*".join(f"({rate.word.format(*q[part], x=x)})"
                         for rate, x, part in zip(chosen, inputs, parts))
        return [found, "1"][:1 + constant]

    def start(box):
        return [np.concatenate(each) for each in itertools.product(
            *(rate.starts(*side) for rate, side in zip(chosen, box.T)))]

    def limits(box):
        sides = [rate.limits(*side) for rate, side in zip(chosen, box.T)]
        return tuple(np.concatenate([side[k] for side in sides]) for k in range(2))
    label = " × ".join(names) + (" and a constant" if constant else "")
    return Family(label, columns, words, int(ends[-1]), start, limits,
                  any(rate.positive for rate in chosen), 1 + constant)


def _by_name(*families):
    return {family.name: family for family in families}


_PAIRS = [(a, b) for a in ("Monod", "inhibition", "Haldane", "power") for b in (
    "Monod", "inhibition", "power", "Arrhenius", "exponential")] + [("exponential", "Monod"),
                                                                    ("Arrhenius", "Monod")]

FAMILIES = {
    1: _by_name(*(polynomial(1, k) for k in range(6)), *(rates((name,)) for name in RATES),
                *(rates((name,), constant=True) for name in RATES),
                *(rational(1, *degrees) for degrees in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 2)))),
    2: _by_name(*(polynomial(2, k) for k in range(5)), *(rates(pair) for pair in _PAIRS),
                rational(2, 1, 1), rational(2, 2, 1)),
    3: _by_name(*(polynomial(3, k) for k in range(4))),
}
