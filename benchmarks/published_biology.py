"""Populations, viruses and cells with published optima."""
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.published import Case, series
from pcl.dae import Model, Trajectory
from pcl.uncertainty import noise

_PELTS = Path(__file__).parents[1] / "examples" / "data" / "lynx_hare.csv"
_STAGES = tuple(f"n{i}" for i in range(1, 9))
_GROWTH, _DEATH = tuple(f"g{i}" for i in range(1, 8)), tuple(f"m{i}" for i in range(1, 9))


def _population(v):
    """Stages of a species: n_i' = g_(i−1) n_(i−1) − (m_i + g_i) n_i; nothing grows out of the last."""
    left = [(v[m] + v[g]) * v[n] for m, g, n in zip(_DEATH, _GROWTH, _STAGES)] + [v.m8 * v.n8]
    come = [0.0] + [v[g] * v[n] for g, n in zip(_GROWTH, _STAGES)]
    return {n: a - b for n, a, b in zip(_STAGES, come, left)}


def _marine():
    t, seen = series("marine", "t", *_STAGES)
    return Trajectory(None, seen, span=(float(t[0]), float(t[-1])))


MARINE = Case(
    "marine population", False, "COPS 3.0, marine; starts are free",
    Model(states=_STAGES, parameters=(*_GROWTH, *_DEATH), rates=_population,
          bounds=dict.fromkeys((*_GROWTH, *_DEATH), (0.0, None))),
    _marine, dict.fromkeys((*_GROWTH, *_DEATH), (0.01, 10.0)), "1.974653e+07")


def _pelts():
    rows = np.genfromtxt(_PELTS, delimiter=",", names=True)
    return Trajectory(rows["year"] - rows["year"][0],
                      {"H": rows["hare_thousands"], "L": rows["lynx_thousands"]}, {"H": 30.0, "L": 4.0})


PELTS = Case(
    "hares and lynxes", True,
    "P. Howard, Modeling basics, Texas A&M M469, 2009; Hudson's Bay Company, starts as read",
    Model(states=("H", "L"), parameters=("a", "b", "c", "r"),
          rates=lambda v: {"H": v.a * v.H - v.b * v.H * v.L, "L": v.c * v.H * v.L - v.r * v.L},
          bounds={"a": (0.0, 3.0), "b": (0.0, 1.0), "c": (0.0, 1.0), "r": (0.0, 3.0)}),
    _pelts, {"a": (0.2, 2.0), "b": (0.01, 0.1), "c": (0.01, 0.1), "r": (0.2, 2.0)}, "744.7935",
    parameters={"a": "0.5486", "b": "0.0283", "c": "0.0264", "r": "0.8375"},
    doubt="Fitted with an integrator of relative tolerance 1e-3: solved to 1e-10 the least sum is "
          "753.716, at 0.5475, 0.0281, 0.0266, 0.8432.")


def _virus():
    rows = series("hiv", "days", "virus")[1]["virus"]
    return Trajectory(rows[0], {"virus": np.log10(rows[1])},
                      {"T": lambda p: p.c * p.V0 / (480.0 * p.delta), "V": lambda p: p.V0, "W": 0.0})


HIV = Case(
    "HIV", True, "Perelson and others, Science 271 (1996), patient 105; PEtab benchmark collection",
    Model(states=("T", "V", "W"), parameters=("c", "delta", "V0"),
          rates=lambda v: {"T": v.c / 480.0 * v.V - v.delta * v.T, "V": -v.c * v.V,
                           "W": 480.0 * v.delta * v.T - v.c * v.W},
          bounds={"c": (1e-5, 1e5), "delta": (1e-5, 1e5), "V0": (1.0, 1e10), "V": (1e-3, None),
                  "W": (0.0, None)},
          observed={"virus": lambda v: tf.math.log(v.V + v.W) / np.log(10.0)}),
    _virus, {"c": (1.0, 10.0), "delta": (0.1, 1.0), "V0": (1e5, 1e7)}, "0.1771",
    parameters={"c": "2.062", "delta": "0.525", "V0": "1.832e6"})

_RATIO, _SPEC = 0.693, 0.107
_CYTOSOL, _NUCLEUS = 1.4, 0.45


def _stat5(v):
    """Dimers of A and B form under a decaying hormone, enter the nucleus and come apart there."""
    epo = 1.25e-7 * tf.exp(-v.epo * v.t) * v.phos
    homo, hetero = v.imp_homo, v.imp_hetero
    to, fro = _CYTOSOL / _NUCLEUS, _NUCLEUS / _CYTOSOL
    return {"A": -2.0 * epo * v.A ** 2 - epo * v.A * v.B
            + fro * (2.0 * v.exp_homo * v.nAA + v.exp_hetero * v.nAB),
            "B": -2.0 * epo * v.B ** 2 - epo * v.A * v.B
            + fro * (2.0 * v.exp_homo * v.nBB + v.exp_hetero * v.nAB),
            "AA": epo * v.A ** 2 - homo * v.AA, "AB": epo * v.A * v.B - hetero * v.AB,
            "BB": epo * v.B ** 2 - homo * v.BB, "nAA": to * homo * v.AA - v.exp_homo * v.nAA,
            "nAB": to * hetero * v.AB - v.exp_hetero * v.nAB,
            "nBB": to * homo * v.BB - v.exp_homo * v.nBB}


def _phosphorylated_a(v):
    a = v.A + 2.0 * v.AA
    return 100.0 * (v.AB + 2.0 * _SPEC * v.AA) / (v.AB + _SPEC * a)


def _phosphorylated_b(v):
    b = v.B + 2.0 * v.BB
    return 100.0 * (v.AB + 2.0 * (1.0 - _SPEC) * v.BB) / (v.AB + (1.0 - _SPEC) * b)


def _share_a(v):
    a, b = v.A + 2.0 * v.AA, v.B + 2.0 * v.BB
    return 100.0 * (v.AB + _SPEC * a) / (2.0 * v.AB + _SPEC * a + (1.0 - _SPEC) * b)


def _cells():
    t, seen = series("stat5", "minutes", "pA", "pB", "rA")
    start = dict.fromkeys(("AA", "AB", "BB", "nAA", "nAB", "nBB"), 0.0)
    return Trajectory(None, seen, {"A": 207.6 * _RATIO, "B": 207.6 * (1.0 - _RATIO), **start},
                      span=(0.0, float(t[-1])))


_CELLS = ("epo", "exp_hetero", "exp_homo", "imp_hetero", "imp_homo", "phos")

STAT5 = Case(
    "STAT5", True, "Boehm and others, J. Proteome Res. 13 (2014); PEtab benchmark collection",
    Model(states=("A", "B", "AA", "AB", "BB", "nAA", "nAB", "nBB"), parameters=_CELLS, rates=_stat5,
          bounds=dict.fromkeys(_CELLS, (1e-5, 1e5)),
          observed={"pA": _phosphorylated_a, "pB": _phosphorylated_b, "rA": _share_a}),
    _cells, {"epo": (1e-3, 1.0), "exp_hetero": (1e-4, 0.1), "exp_homo": (1e-4, 0.1),
             "imp_hetero": (1e-3, 1.0), "imp_homo": (1e-2, 1e2), "phos": (1e3, 1e5)}, "138.22197",
    lambda found: found.likelihood.deviance / 2.0,
    options={"noise": dict.fromkeys(("pA", "pB", "rA"), noise.Gaussian())})

CASES = (MARINE, PELTS, HIV, STAT5)
