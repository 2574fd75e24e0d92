"""Estimation problems with a published optimum: how a fit is compared with it, and where it starts.

Values are compared as they are printed: a printed number is reproduced if the value is it, rounded or cut
off. Of those certified to more than `CERTIFIED` significant digits `ASKED` have to agree.
"""
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pcl.dae import Model

DATA = Path(__file__).with_name("data") / "estimation"
CERTIFIED, ASKED = 8, 5     # significant digits of a certified number, and how many of them have to agree
STARTS = 3                  # of each case
_HAIR = 1e-6


@dataclass(frozen=True)
class Case:
    """A model with its data, and what was published of the optimum.

    Parameters
    ----------
    name : str
    measured : bool, or simulated
    source : str, of data and published values
    model : Model; its bounds are those of the publication, or the signs of the parameters
    data : () -> Trajectory or list of them
    within : {parameter: (low, high)} between which starts are drawn, uniformly in the logarithm
    least : str, the printed optimum, "" if none was printed
    measure : Fit -> what `least` is of it
    parameters, errors : {parameter, or "ln parameter": printed value}
    starts : published starts, used before drawn ones
    options : of `fit` that state the problem: `noise`
    doubt : why published values are not what these data and this model have as their optimum, or ""
    """

    name: str
    measured: bool
    source: str
    model: Model
    data: Callable
    within: Mapping[str, tuple[float, float]]
    least: str = ""
    measure: Callable = field(default=lambda found: found.misfit)
    parameters: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    starts: tuple = ()
    options: Mapping = field(default_factory=dict)
    doubt: str = ""

    def start(self, number):
        """{parameter: value}: the published start of this number, or one drawn with it as the seed."""
        if number < len(self.starts):
            return dict(self.starts[number])
        random = np.random.default_rng(number)
        return {name: float(np.exp(random.uniform(*np.log(ends))))
                for name, ends in self.within.items()}

    def fit(self, number):
        """The `Fit` from a start, with default arguments."""
        from pcl.dae import fit
        return fit(self.model, self.data(), start=self.start(number), **self.options)


def read(name):
    """{column: values (n,)} of a file of data."""
    rows = np.genfromtxt(DATA / f"{name}.csv", delimiter=",", names=True)
    return {column: np.atleast_1d(rows[column]) for column in rows.dtype.names}


def series(name, time, *states):
    """(times, {state: (times, values)}) of a file; rows without a value are left out."""
    rows = read(name)
    seen = {state: np.isfinite(rows[state]) for state in states}
    return rows[time], {state: (rows[time][there], rows[state][there]) for state, there in seen.items()}


def digits(printed):
    """Significant digits of a printed number."""
    mantissa = printed.lower().partition("e")[0].lstrip("+-").replace(".", "").lstrip("0")
    return len(mantissa)


def unit(printed):
    """One unit of the last digit that has to agree."""
    mantissa, _, exponent = printed.lower().partition("e")
    last = int(exponent or 0) - len(mantissa.partition(".")[2])
    return 10.0 ** (last + (digits(printed) - ASKED if digits(printed) > CERTIFIED else 0))


def reproduced(value, printed):
    """Whether a value is printed so, rounded or cut off."""
    beyond = (value - float(printed)) / unit(printed) * (-1.0 if printed.startswith("-") else 1.0)
    return bool(-0.5 - _HAIR <= beyond <= 1.0)


def known(found, name):
    """The value of "k" or "ln k" in a fit."""
    values = found.parameters
    return math.log(values[name[3:]]) if name.startswith("ln ") else values[name]


def error_of(found, name):
    """The standard error of "k" or "ln k" in a fit."""
    if name.startswith("ln "):
        return found.standard_errors(log=True)[name[3:]]
    return found.standard_errors()[name]


def residual_deviation(found):
    """√(Σ r² / (readings − parameters)), the residual standard error of regression."""
    return math.sqrt(found.misfit / (readings(found) - len(found.parameters)))


def most_probable_deviation(found):
    """√(Σ r² / readings), the standard deviation of maximum likelihood."""
    return math.sqrt(found.misfit / readings(found))


def readings(found):
    """How many."""
    return sum(len(series.values) for item in found.setting.data for series in item.observed.values())
