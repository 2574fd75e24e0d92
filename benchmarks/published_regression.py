"""Regressions whose curves solve differential equations: NIST's certified problems, and those of R.

Certified values: Statistical Reference Datasets, National Institute of Standards and Technology,
www.itl.nist.gov/div898/strd/nls. The first two starts of those cases are the published ones.
"""
import numpy as np
import tensorflow as tf

from benchmarks.published import Case, residual_deviation, series
from pcl.dae import Model, Trajectory

_NIST = "NIST StRD"
_R = "R, package stats, data set and example of"
_POSITIVE = (0.0, None)


def _experiment(name, time, state, initial, start=0.0, stretch=lambda t: t):
    """One state of a file from a start at or before the first reading."""
    t, seen = series(name, time, state)
    times, values = seen[state]
    return Trajectory(stretch(t), {"y": (stretch(times), values)}, initial,
                      span=(start, float(stretch(t)[-1])))


def _starts(*rows):
    return tuple({f"b{i + 1}": value for i, value in enumerate(row)} for row in rows)


def _values(*rows):
    return {f"b{i + 1}": printed for i, printed in enumerate(rows)}


def _model(n, rates, **options):
    names = tuple(f"b{i + 1}" for i in range(n))
    return Model(states=options.pop("states", "y"), parameters=names, rates=rates,
                 bounds=dict.fromkeys(names, _POSITIVE), **options)


def _misra(letter, order, starts, least, values, errors):
    """Adsorption of gas at pressure x: y' = b1 b2 (1 − y/b1)^order, y(0) = 0."""
    return Case(
        f"Misra1{letter}", True, f"{_NIST}, Misra1{letter}: dental research, adsorption",
        _model(2, lambda v: {"y": v.b1 * v.b2 * tf.maximum(1.0 - v.y / v.b1, 0.0) ** order}),
        lambda: _experiment("misra1", "pressure", "volume", {"y": 0.0}),
        {"b1": (100.0, 1000.0), "b2": (1e-4, 1e-3)}, least, parameters=_values(*values),
        errors=_values(*errors), starts=_starts(*starts))


MISRA = (
    _misra("a", 1.0, ((500.0, 1e-4), (250.0, 5e-4)), "1.2455138894E-01",
           ("2.3894212918E+02", "5.5015643181E-04"), ("2.7070075241E+00", "7.2668688436E-06")),
    _misra("b", 1.5, ((500.0, 1e-4), (300.0, 2e-4)), "7.5464681533E-02",
           ("3.3799746163E+02", "3.9039091287E-04"), ("3.1643950207E+00", "4.2547321834E-06")),
    _misra("c", 3.0, ((500.0, 1e-4), (600.0, 2e-4)), "4.0966836971E-02",
           ("6.3642725809E+02", "2.0813627256E-04"), ("4.6638326572E+00", "1.7728423155E-06")),
    _misra("d", 2.0, ((500.0, 1e-4), (450.0, 3e-4)), "5.6419295283E-02",
           ("4.3736970754E+02", "3.0227324449E-04"), ("3.6489174345E+00", "2.9334354479E-06")))

BOX_BOD = Case(
    "BoxBOD", True, f"{_NIST}, BoxBOD: biochemical oxygen demand",
    _model(2, lambda v: {"y": v.b2 * (v.b1 - v.y)}),
    lambda: _experiment("box_bod", "days", "bod", {"y": 0.0}),
    {"b1": (50.0, 500.0), "b2": (0.1, 5.0)}, "1.1680088766E+03",
    parameters=_values("2.1380940889E+02", "5.4723748542E-01"),
    errors=_values("1.2354515176E+01", "1.0455993237E-01"), starts=_starts((1.0, 1.0), (100.0, 0.75)))

PASTURE = Case(
    "Rat42", True, f"{_NIST}, Rat42: yield of a pasture",
    _model(3, lambda v: {"y": v.b3 * v.y * (1.0 - v.y / v.b1)}),
    lambda: _experiment("pasture", "days", "yield", {"y": lambda p: p.b1 / (1.0 + tf.exp(p.b2))}),
    {"b1": (40.0, 200.0), "b2": (0.5, 5.0), "b3": (0.02, 0.3)}, "8.0565229338E+00",
    parameters=_values("7.2462237576E+01", "2.6180768402E+00", "6.7359200066E-02"),
    errors=_values("1.7340283401E+00", "8.8295217536E-02", "3.4465663377E-03"),
    starts=_starts((100.0, 1.0, 0.1), (75.0, 2.5, 0.07)))

ONIONS = Case(
    "Rat43", True, f"{_NIST}, Rat43: weight of onions",
    _model(4, lambda v: {"y": v.b3 / v.b4 * v.y * (1.0 - (tf.maximum(v.y, 1e-12) / v.b1) ** v.b4)}),
    lambda: _experiment("onions", "time", "weight",
                        {"y": lambda p: p.b1 / (1.0 + tf.exp(p.b2)) ** (1.0 / p.b4)}),
    {"b1": (300.0, 1500.0), "b2": (2.0, 12.0), "b3": (0.3, 1.5), "b4": (0.5, 3.0)}, "8.7864049080E+03",
    parameters=_values("6.9964151270E+02", "5.2771253025E+00", "7.5962938329E-01", "1.2792483859E+00"),
    errors=_values("1.6302297817E+01", "2.0828735829E+00", "1.9566123451E-01", "6.8761936385E-01"),
    starts=_starts((100.0, 10.0, 1.0, 1.0), (700.0, 5.0, 0.75, 1.3)))

LAMP = Case(
    "DanWood", True, f"{_NIST}, DanWood: energy of a carbon filament lamp",
    _model(2, lambda v: {"y": v.b2 * v.y / v.t}),
    lambda: _experiment("dan_wood", "temperature", "energy", {"y": lambda p: p.b1}, 1.0),
    {"b1": (0.1, 5.0), "b2": (1.0, 10.0)}, "4.3173084083E-03",
    parameters=_values("7.6886226176E-01", "3.8604055871E+00"),
    errors=_values("1.8281973860E-02", "5.1726610913E-02"), starts=_starts((1.0, 5.0), (0.7, 4.0)))

ULTRASOUND = Case(
    "Chwirut2", True, f"{_NIST}, Chwirut2: ultrasonic reference block",
    _model(3, lambda v: {"y": -v.y * (v.b1 + v.b3 / (v.b2 + v.b3 * v.t))}),
    lambda: _experiment("chwirut2", "distance", "response", {"y": lambda p: 1.0 / p.b2}),
    {"b1": (0.05, 0.5), "b2": (1e-3, 0.02), "b3": (4e-3, 0.04)}, "5.1304802941E+02",
    parameters=_values("1.6657666537E-01", "5.1653291286E-03", "1.2150007096E-02"),
    errors=_values("3.8303286810E-02", "6.6621605126E-04", "1.5304234767E-03"),
    starts=_starts((0.1, 0.01, 0.02), (0.15, 0.008, 0.01)))

TRANSMITTANCE = Case(
    "Eckerle4", True, f"{_NIST}, Eckerle4: circular interference transmittance",
    _model(3, lambda v: {"l": -(v.t - v.b3) / v.b2 ** 2}, states="l",
           observed={"y": lambda v: tf.exp(v.l)}),
    lambda: _experiment("eckerle4", "wavelength", "transmittance",
                        {"l": lambda p: tf.math.log(p.b1 / p.b2) - 0.5 * ((400.0 - p.b3) / p.b2) ** 2},
                        400.0),
    {"b1": (0.5, 5.0), "b2": (2.0, 10.0), "b3": (440.0, 460.0)}, "1.4635887487E-03",
    parameters=_values("1.5543827178E+00", "4.0888321754E+00", "4.5154121844E+02"),
    errors=_values("1.5408051163E-02", "4.6803020753E-02", "4.6800518816E-02"),
    starts=_starts((1.0, 10.0, 500.0), (1.5, 5.0, 450.0)))

OSBORNE = Case(
    "MGH17", False, f"{_NIST}, MGH17: Osborne's first problem",
    Model(states=("u", "w"), parameters=("b1", "b2", "b3", "b4", "b5"),
          rates=lambda v: {"u": -v.b4 * v.u, "w": -v.b5 * v.w},
          bounds={"b4": _POSITIVE, "b5": _POSITIVE}, observed={"y": lambda v: v.b1 + v.u + v.w}),
    lambda: _experiment("osborne1", "x", "y", {"u": lambda p: p.b2, "w": lambda p: p.b3}),
    {"b1": (0.2, 1.0), "b2": (0.5, 4.0), "b3": (0.1, 1.0), "b4": (0.005, 0.02), "b5": (0.02, 0.08)},
    "5.4648946975E-05",
    parameters=_values("3.7541005211E-01", "1.9358469127E+00", "-1.4646871366E+00", "1.2867534640E-02",
                       "2.2122699662E-02"),
    errors=_values("2.0723153551E-03", "2.2031669222E-01", "2.2175707739E-01", "4.4861358114E-04",
                   "8.9471996575E-04"),
    starts=_starts((50.0, 150.0, -100.0, 1.0, 2.0), (0.5, 1.5, -1.0, 0.01, 0.02)))

LANCZOS = Case(
    "Lanczos3", False, f"{_NIST}, Lanczos3: a sum of three exponentials",
    Model(states=("u", "v1", "w"), parameters=("b1", "b2", "b3", "b4", "b5", "b6"),
          rates=lambda v: {"u": -v.b2 * v.u, "v1": -v.b4 * v.v1, "w": -v.b6 * v.w},
          bounds=dict.fromkeys(("b1", "b2", "b3", "b4", "b5", "b6"), _POSITIVE),
          observed={"y": lambda v: v.u + v.v1 + v.w}),
    lambda: _experiment("lanczos3", "x", "y",
                        {"u": lambda p: p.b1, "v1": lambda p: p.b3, "w": lambda p: p.b5}),
    {"b1": (0.05, 0.3), "b2": (0.5, 1.5), "b3": (0.4, 2.0), "b4": (2.0, 3.5), "b5": (1.0, 4.0),
     "b6": (4.0, 7.0)}, "1.6117193594E-08",
    parameters=_values("8.6816414977E-02", "9.5498101505E-01", "8.4400777463E-01", "2.9515951832E+00",
                       "1.5825685901E+00", "4.9863565084E+00"),
    errors=_values("1.7197908859E-02", "9.7041624475E-02", "4.1488663282E-02", "1.0766312506E-01",
                   "5.8371576281E-02", "3.4436403035E-02"),
    starts=_starts((1.2, 0.3, 5.6, 5.5, 6.5, 7.6), (0.5, 0.7, 3.6, 4.2, 4.0, 6.3)))

MARSKE = Case(
    "Marske BOD", True, f"{_R} BOD; Marske 1967, in Bates and Watts, Nonlinear Regression Analysis",
    Model(states="y", parameters=("A", "k"), rates=lambda v: {"y": v.k * (v.A - v.y)},
          bounds={"A": _POSITIVE, "k": (1e-3, 1e2)}),
    lambda: _experiment("marske_bod", "days", "bod", {"y": 0.0}),
    {"A": (5.0, 100.0), "k": (0.05, 5.0)}, "2.549", residual_deviation,
    {"A": "19.1430", "ln k": "-0.6328"}, {"A": "2.4959", "ln k": "0.3824"},
    doubt="A is printed as 19.1430; to these digits it is 19.1426, in closed form as well.")

INDOMETACIN = Case(
    "Indometacin", True, f"{_R} SSbiexp, subject 1; Kwan and others 1976",
    Model(states=("u", "w"), parameters=("A1", "k1", "A2", "k2"),
          rates=lambda v: {"u": -v.k1 * v.u, "w": -v.k2 * v.w},
          bounds={"A1": _POSITIVE, "A2": _POSITIVE, "k1": (0.6, 1e3), "k2": (1e-3, 0.6)},
          observed={"y": lambda v: v.u + v.w}),
    lambda: _experiment("indometacin", "hours", "concentration",
                        {"u": lambda p: p.A1, "w": lambda p: p.A2}),
    {"A1": (0.5, 5.0), "k1": (0.7, 5.0), "A2": (0.05, 0.5), "k2": (0.02, 0.5)}, "0.04103",
    residual_deviation, {"A1": "2.0293", "ln k1": "0.5794", "A2": "0.1915", "ln k2": "-1.7878"},
    {"A1": "0.1099", "ln k1": "0.1247", "A2": "0.1106", "ln k2": "0.7871"})

THEOPHYLLINE = Case(
    "Theophylline", True, f"{_R} SSfol, subject 1; Boeckmann, Sheiner and Beal, NONMEM Users Guide, 1994",
    Model(states=("D", "y"), parameters=("Ke", "Ka", "Cl"),
          rates=lambda v: {"D": -v.Ka * v.D, "y": v.Ka * v.Ke / v.Cl * v.D - v.Ke * v.y},
          bounds={"Ke": (1e-3, 0.4), "Ka": (0.4, 1e3), "Cl": (1e-3, 10.0)}),
    lambda: _experiment("theophylline", "hours", "concentration", {"D": 4.02, "y": 0.0}),
    {"Ke": (0.01, 0.3), "Ka": (0.5, 10.0), "Cl": (0.004, 0.1)}, "0.732", residual_deviation,
    {"ln Ke": "-2.9196", "ln Ka": "0.5752", "ln Cl": "-3.9159"},
    {"ln Ke": "0.1709", "ln Ka": "0.1728", "ln Cl": "0.1273"})

ASSAY = Case(
    "DNase", True, f"{_R} DNase, run 1: ELISA, logistic in ln concentration",
    Model(states="y", parameters=("Asym", "xmid", "scal"),
          rates=lambda v: {"y": v.y / v.scal * (1.0 - v.y / v.Asym)},
          bounds={"Asym": _POSITIVE, "scal": (1e-2, 1e2)}),
    lambda: _experiment("dnase", "concentration", "density",
                        {"y": lambda p: p.Asym / (1.0 + tf.exp((p.xmid - np.log(0.04882812)) / p.scal))},
                        float(np.log(0.04882812)), np.log),
    {"Asym": (1.0, 10.0), "xmid": (0.5, 5.0), "scal": (0.3, 3.0)}, "0.01919", residual_deviation,
    {"Asym": "2.34518", "xmid": "1.48309", "scal": "1.04146"},
    {"Asym": "0.07815", "xmid": "0.08135", "scal": "0.03227"},
    doubt="scal is printed as 1.04146; to these digits it is 1.04145, in closed form as well.")

CASES = (*MISRA, BOX_BOD, PASTURE, ONIONS, LAMP, ULTRASOUND, TRANSMITTANCE, OSBORNE, LANCZOS, MARSKE,
         INDOMETACIN, THEOPHYLLINE, ASSAY)
