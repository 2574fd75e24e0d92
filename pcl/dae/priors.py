"""What is known of parameters beforehand: normal and log-normal priors, also about another parameter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pcl.support.nearest import nearest
from pcl.support.validate import positive_number


@dataclass(frozen=True)
class NormalPrior:
    """p ~ N(mean, deviation²): ((p − mean)/deviation)², twice the negative log density, joins Σ ω r².

    Parameters
    ----------
    mean : number, or the name of a parameter: values drawn from a common distribution about it
    deviation : number > 0
    """

    mean: float | str
    deviation: float

    def __post_init__(self):
        _require_number("mean", self.mean)
        positive_number("deviation", _given("deviation", self.deviation))

    def residual(self, p: Any, mean: Any, log: Any) -> Any:
        """(p − mean)/deviation."""
        return (p - mean) / self.deviation

    def slope(self, p: float) -> float:
        """Derivative of the residual with respect to p, or minus that to the mean."""
        return 1.0 / self.deviation

    def wider(self, factor: float) -> NormalPrior:
        """The same with another deviation."""
        return replace(self, deviation=factor * self.deviation)

    @property
    def centre(self) -> float | str:
        """The mean."""
        return self.mean


@dataclass(frozen=True)
class LogNormalPrior:
    """ln p ~ N(ln median, spread²), the density one of ln p: (ln (p/median)/spread)² is added to Σ ω r².

    Parameters
    ----------
    median : number > 0, or the name of a parameter
    spread : number > 0, of ln p: 0.2 is about 20 %
    """

    median: float | str
    spread: float

    def __post_init__(self):
        _require_number("median", self.median)
        if not isinstance(self.median, str):
            positive_number("median", self.median)
        positive_number("spread", _given("spread", self.spread))

    def residual(self, p: Any, median: Any, log: Any) -> Any:
        """ln (p/median)/spread."""
        return (log(p) - log(median)) / self.spread

    def slope(self, p: float) -> float:
        """Derivative of the residual with respect to p, or minus that to the median."""
        return 1.0 / (p * self.spread)

    def wider(self, factor: float) -> LogNormalPrior:
        """The same with another spread."""
        return replace(self, spread=factor * self.spread)

    @property
    def centre(self) -> float | str:
        """The median."""
        return self.median


def _require_number(what, given):
    if not isinstance(given, (str, int, float)):
        raise TypeError(f"{what} is a {type(given).__name__}; expected a number or the name of a "
                        "parameter.")


def _given(what, number):
    """A number; names are refused: a spread has no maximum together with the values that it is of."""
    if isinstance(number, str):
        raise ValueError(f"{what} is {number!r}; expected a number. Estimated with the values themselves "
                         "a spread has no best value: the density grows beyond all bounds as it falls to "
                         "0. `pcl.dae.fit_spreads` estimates it.")
    return number


def checked_priors(given: Any, parameters: tuple[str, ...], local: tuple[str, ...]) -> dict[str, Any]:
    """{parameter: prior}, checked.

    Raises
    ------
    TypeError, ValueError
        No prior; a name that is no parameter; a mean that is a parameter of each experiment.
    """
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise TypeError(f"priors is a {type(given).__name__}; expected a dict {{parameter: prior}}.")
    for name, prior in given.items():
        if name not in parameters:
            raise ValueError(f"priors has {name!r}; expected some of the parameters, "
                             f"{', '.join(parameters) or 'of which there are none'}."
                             f"{nearest(name, parameters)}")
        if not isinstance(prior, (NormalPrior, LogNormalPrior)):
            raise TypeError(f"the prior of {name!r} is a {type(prior).__name__}; expected a NormalPrior "
                            "or LogNormalPrior.")
        centre = prior.centre
        if isinstance(centre, str) and (centre not in parameters or centre in local or centre == name):
            raise ValueError(f"the prior of {name!r} is about {centre!r}; expected a number, or another "
                             "parameter that all experiments share.")
    return dict(given)
