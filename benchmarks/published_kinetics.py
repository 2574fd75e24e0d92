"""Reaction kinetics with published optima: handbook problems, COPS, degradation in soil, denitrogenation.

EF: W. R. Esposito and C. A. Floudas, Global optimization for the parameter estimation of
differential-algebraic systems, Ind. Eng. Chem. Res. 39 (2000) 1291–1310. COPS: E. D. Dolan, J. J. Moré,
T. S. Munson, Benchmarking optimization software with COPS 3.0, 2004; gasoil and marine as H. Mittelmann's
benchmark of large problems prints them.
"""
import csv
from pathlib import Path

import numpy as np

from benchmarks.published import Case, most_probable_deviation, series
from pcl.dae import Model, Trajectory

_EF = "EF"
_COPS = "COPS 3.0"
_PINENE = Path(__file__).parents[1] / "examples" / "data" / "alpha_pinene.csv"


def _experiment(name, time, states, initial):
    """All states of a file; the start is given."""
    t, seen = series(name, time, *states)
    return Trajectory(None, seen, initial, span=(float(t[0]), float(t[-1])))


def _model(states, parameters, rates, upper):
    """Rate constants between 0 and `upper`."""
    return Model(states=tuple(states), parameters=parameters, rates=rates,
                 bounds=dict.fromkeys(parameters, (0.0, upper)))


def _constants(n):
    return tuple(f"k{i + 1}" for i in range(n))


def _printed(*values):
    return dict(zip(_constants(len(values)), values))


def _within(*ends):
    return dict(zip(_constants(len(ends)), ends))


def _cracking(v):
    """Gas oil A → gasoline B, both → the rest: A' = −(k1 + k3) A², B' = k1 A² − k2 B."""
    return {"a": -(v.k1 + v.k3) * v.a ** 2, "b": v.k1 * v.a ** 2 - v.k2 * v.b}


def _hydrocarbons(loss):
    """Methanol a → hydrocarbons b, c; `loss` is 2 k1 (EF) or 2 k2 (COPS) in a'."""
    def rates(v):
        below = (v.k2 + v.k5) * v.a + v.b
        return {"a": -(2.0 * v[loss] - v.k1 * v.b / below + v.k3 + v.k4) * v.a,
                "b": v.k1 * v.a * (v.k2 * v.a - v.b) / below + v.k3 * v.a,
                "c": v.k1 * v.a * (v.b + v.k5 * v.a) / below + v.k4 * v.a}
    return rates


CHAIN = Case(
    "chain", False, f"{_EF}, first-order irreversible chain",
    _model("ab", _constants(2), lambda v: {"a": -v.k1 * v.a, "b": v.k1 * v.a - v.k2 * v.b}, 10.0),
    lambda: _experiment("chain", "t", "ab", {"a": 1.0, "b": 0.0}),
    _within((0.1, 10.0), (0.1, 10.0)), "1.18584e-6", parameters=_printed("5.0035", "1.0000"))

REVERSIBLE = Case(
    "reversible chain", False, f"{_EF}, first-order reversible chain",
    Model(states=tuple("abc"), parameters=_constants(4),
          rates=lambda v: {"a": -v.k1 * v.a + v.k2 * v.b,
                           "b": v.k1 * v.a - (v.k2 + v.k3) * v.b + v.k4 * v.c,
                           "c": v.k3 * v.b - v.k4 * v.c},
          bounds={"k1": (0.0, 10.0), "k2": (0.0, 10.0), "k3": (10.0, 50.0), "k4": (10.0, 50.0)}),
    lambda: _experiment("reversible_chain", "t", "abc", {"a": 1.0, "b": 0.0, "c": 0.0}),
    _within((0.1, 10.0), (0.1, 10.0), (10.0, 50.0), (10.0, 50.0)), "1.8897e-7",
    parameters=_printed("4.000", "2.000", "40.013", "20.007"))

GAS_OIL = Case(
    "gas oil", False, f"{_EF}, catalytic cracking of gas oil",
    _model("ab", _constants(3), _cracking, 20.0),
    lambda: _experiment("gas_oil", "t", "ab", {"a": 1.0, "b": 0.0}),
    _within((0.2, 20.0), (0.2, 20.0), (0.2, 20.0)), "2.65567e-3",
    parameters=_printed("12.214", "7.9798", "2.2216"))

NITRIC_OXIDE = Case(
    "nitric oxide", True, f"{_EF}, Bellman's problem; 2 NO + O2, Bodenstein 1922",
    _model("x", _constants(2),
           lambda v: {"x": v.k1 * (126.2 - v.x) * (91.9 - v.x) ** 2 - v.k2 * v.x ** 2}, 0.1),
    lambda: _experiment("nitric_oxide", "minutes", "x", {"x": 0.0}),
    _within((1e-7, 1e-4), (1e-5, 1e-2)), "22.03094", parameters=_printed("4.5704e-6", "2.7845e-4"))

METHANOL = Case(
    "methanol", True, f"{_EF}, methanol to hydrocarbons; Maria 1989",
    _model("abc", _constants(5), _hydrocarbons("k1"), 100.0),
    lambda: _experiment("methanol", "t", "abc", {"a": 1.0, "b": 0.0, "c": 0.0}),
    _within(*[(0.1, 100.0)] * 5), "0.10652", parameters={"k1": "5.2407", "k2": "1.2176"},
    doubt="0.10652 is the objective of the elements of the publication; the rate constants printed with "
          "it have 0.10693 with the equations solved to 1e-11.")

PREDATOR = Case(
    "Lotka-Volterra", False, f"{_EF}, Lotka–Volterra; Luus 1998",
    _model(("x", "y"), _constants(2),
           lambda v: {"x": v.k1 * v.x * (1.0 - v.y), "y": v.k2 * v.y * (v.x - 1.0)}, 10.0),
    lambda: _renamed("lotka_volterra", "t", {"x": "prey", "y": "predator"}, {"x": 1.2, "y": 1.1}),
    _within((0.3, 10.0), (0.1, 10.0)), "1.24924e-3", parameters=_printed("3.2434", "0.9209"))

GAS_OIL_COPS = Case(
    "gas oil COPS", False, f"{_COPS}, gasoil",
    _model("ab", _constants(3), _cracking, None),
    lambda: _experiment("gas_oil_cops", "t", "ab", {"a": 1.0, "b": 0.0}),
    _within(*[(0.1, 100.0)] * 3), "5.236596e-03")

METHANOL_COPS = Case(
    "methanol COPS", True, f"{_COPS}, methanol",
    _model("abc", _constants(5), _hydrocarbons("k2"), None),
    lambda: _experiment("methanol_cops", "t", "abc", {"a": 1.0, "b": 0.0, "c": 0.0}),
    _within(*[(0.1, 10.0)] * 5), "9.02229e-03")


def _pinene():
    with open(_PINENE, encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    rows = np.array(rows, dtype=float)
    return Trajectory(rows[1:, 0], dict(zip("ABCDE", rows[1:].T[1:])), dict(zip("ABCDE", rows[0, 1:])),
                      span=(0.0, rows[-1, 0]))


PINENE = Case(
    "alpha-pinene", True, f"{_COPS}, pinene; Box, Hunter, MacGregor and Erjavec, Technometrics 15 (1973)",
    _model("ABCDE", _constants(5),
           lambda v: {"A": -(v.k1 + v.k2) * v.A, "B": v.k1 * v.A,
                      "C": v.k2 * v.A - (v.k3 + v.k4) * v.C + v.k5 * v.E, "D": v.k3 * v.C,
                      "E": v.k4 * v.C - v.k5 * v.E}, None),
    _pinene, _within(*[(1e-6, 1e-3)] * 5), "19.872",
    parameters=_printed("5.93e-5", "2.96e-5", "2.05e-5", "27.5e-5", "4.00e-5"),
    doubt="k4 is printed as 27.5e-5, which is 27.45e-5 rounded once more; the least squares have "
          "27.447e-5.")


def _renamed(name, time, columns, initial):
    """States under other names than the columns of the file."""
    t, seen = series(name, time, *columns.values())
    return Trajectory(None, {state: seen[column] for state, column in columns.items()}, initial,
                      span=(float(t[0]), float(t[-1])))


FOCUS_C = Case(
    "FOCUS C", True, "FOCUS kinetics report 2006, data set C, two parallel pools; values of mkin",
    Model(states=("u", "w"), parameters=("P0", "k1", "k2", "g"),
          rates=lambda v: {"u": -v.k1 * v.u, "w": -v.k2 * v.w},
          bounds={"P0": (0.0, None), "k1": (0.1, 1e3), "k2": (1e-4, 0.1), "g": (0.0, 1.0)},
          observed={"parent": lambda v: v.u + v.w}),
    lambda: _renamed("focus_c", "days", {"parent": "parent"},
                     {"u": lambda p: p.g * p.P0, "w": lambda p: (1.0 - p.g) * p.P0}),
    {"P0": (50.0, 150.0), "k1": (0.1, 2.0), "k2": (1e-3, 0.08), "g": (0.3, 0.95)}, "0.6962",
    most_probable_deviation,
    {"P0": "85.00", "k1": "0.4596", "k2": "0.01785", "g": "0.8539"})

FOCUS_D = Case(
    "FOCUS D", True, "FOCUS kinetics report 2006, data set D, parent and metabolite; values of mkin",
    Model(states=("p", "m"), parameters=("P0", "sink", "forms", "decays"),
          rates=lambda v: {"p": -(v.sink + v.forms) * v.p, "m": v.forms * v.p - v.decays * v.m},
          bounds={"P0": (0.0, None), "sink": (1e-4, 1e2), "forms": (1e-4, 1e2), "decays": (1e-5, 1e2)}),
    lambda: _renamed("focus_d", "days", {"p": "parent", "m": "metabolite"},
                     {"p": lambda p: p.P0, "m": 0.0}),
    {"P0": (50.0, 150.0), "sink": (0.01, 0.5), "forms": (0.01, 0.5), "decays": (1e-3, 0.1)}, "3.126",
    most_probable_deviation,
    {"P0": "99.60", "sink": "0.04792", "forms": "0.05078", "decays": "0.005261"},
    {"P0": "1.570", "ln sink": "0.07626", "ln forms": "0.04033", "ln decays": "0.1332"})

_PYRIDINE = ("pyridine", "piperidine", "pentylamine", "pentylpiperidine", "dipentylamine", "ammonia")


def _denitrogenation(v):
    """Reactions of pyridine A to ammonia F, pentane left out; Bock 1981."""
    joined, doubled = v.k3 * v.B * v.C, v.k4 * v.C ** 2
    back, apart = v.k10 * v.D * v.F, v.k11 * v.E * v.F
    return {"A": -v.k1 * v.A + v.k9 * v.B,
            "B": v.k1 * v.A - (v.k2 + v.k9) * v.B - joined + v.k7 * v.D + back,
            "C": v.k2 * v.B - joined - 2.0 * doubled - v.k6 * v.C + v.k8 * v.E + back + 2.0 * apart,
            "D": joined - (v.k5 + v.k7) * v.D - back,
            "E": doubled + v.k5 * v.D - v.k8 * v.E - apart,
            "F": joined + doubled + v.k6 * v.C - back - apart}


PYRIDINE = Case(
    "pyridine", True, "H. G. Bock 1981, denitrogenation; data as in Schittkowski's collection",
    _model("ABCDEF", _constants(11), _denitrogenation, 100.0),
    lambda: _renamed("pyridine", "hours", dict(zip("ABCDEF", _PYRIDINE)),
                     dict(zip("ABCDEF", (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)))),
    _within(*[(0.1, 10.0)] * 11), "",
    parameters=_printed("1.81", "0.894", "29.4", "9.21", "0.058", "2.43", "0.0644", "5.55", "0.0201",
                        "0.577", "2.15"),
    doubt="No weights are printed. k7 = 0.0644 must read 0.644 (sum of squares 0.237 against 2.3e-4); "
          "even so the constants minimise neither the plain sum, whose least is 1.7732e-4, nor that of "
          "relative errors.")

CASES = (CHAIN, REVERSIBLE, GAS_OIL, NITRIC_OXIDE, METHANOL, PREDATOR, GAS_OIL_COPS, METHANOL_COPS,
         PINENE, FOCUS_C, FOCUS_D, PYRIDINE)
