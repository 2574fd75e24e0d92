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

    Raises
    ------
    TypeError, ValueError
        A mean that is neither number nor name; a deviation that is not above 0, or a name.

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x},
    ...                   priors={"k": dae.NormalPrior(0.5, deviation=0.1)})
    >>> model.priors["k"].slope(0.7)
    10.0
    """

    mean: float | str
    deviation: float

    def __post_init__(self):
        _require_number("mean", self.mean)
        positive_number("deviation", _given("deviation", self.deviation))

    def residual(self, p: Any, mean: Any, log: Any) -> Any:
        """(p − mean)/deviation.

        Parameters
        ----------
        p, mean : numbers, arrays or tensors
        log : function, the logarithm of their kind; not needed here

        Examples
        --------
        >>> import numpy as np
        >>> from pcl import dae
        >>> dae.NormalPrior(0.5, deviation=0.25).residual(1.0, 0.5, np.log)
        2.0
        """
        return (p - mean) / self.deviation

    def slope(self, p: float) -> float:
        """Derivative of the residual with respect to p, 1/deviation, or minus that to the mean.

        Parameters
        ----------
        p : float

        Examples
        --------
        >>> from pcl import dae
        >>> dae.NormalPrior(0.5, deviation=0.25).slope(1.0)
        4.0
        """
        return 1.0 / self.deviation

    def wider(self, factor: float) -> NormalPrior:
        """The same with another deviation.

        Parameters
        ----------
        factor : float > 0, of the deviation

        Examples
        --------
        >>> from pcl import dae
        >>> dae.NormalPrior(0.5, deviation=0.25).wider(2.0)
        NormalPrior(mean=0.5, deviation=0.5)
        """
        return replace(self, deviation=factor * self.deviation)

    @property
    def centre(self) -> float | str:
        """The mean: a number, or the name of a parameter.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.NormalPrior("k0", deviation=0.25).centre
        'k0'
        """
        return self.mean


@dataclass(frozen=True)
class LogNormalPrior:
    """ln p ~ N(ln median, spread²), the density one of ln p: (ln (p/median)/spread)² is added to Σ ω r².

    Parameters
    ----------
    median : number > 0, or the name of a parameter
    spread : number > 0, of ln p: 0.2 is about 20 %

    Raises
    ------
    TypeError, ValueError
        A median that is neither a number above 0 nor a name; a spread that is not above 0, or a name.

    Examples
    --------
    About 20 % around 2:

    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x},
    ...                   bounds={"k": (0.0, None)}, priors={"k": dae.LogNormalPrior(2.0, spread=0.2)})
    >>> model.priors["k"]
    LogNormalPrior(median=2.0, spread=0.2)
    """

    median: float | str
    spread: float

    def __post_init__(self):
        _require_number("median", self.median)
        if not isinstance(self.median, str):
            positive_number("median", self.median)
        positive_number("spread", _given("spread", self.spread))

    def residual(self, p: Any, median: Any, log: Any) -> Any:
        """ln (p/median)/spread.

        Parameters
        ----------
        p, median : numbers, arrays or tensors
        log : function, the logarithm of their kind

        Examples
        --------
        >>> import numpy as np
        >>> from pcl import dae
        >>> round(float(dae.LogNormalPrior(2.0, spread=0.5).residual(4.0, 2.0, np.log)), 6)
        1.386294
        """
        return (log(p) - log(median)) / self.spread

    def slope(self, p: float) -> float:
        """Derivative of the residual with respect to p, 1/(p·spread), or minus that to the median.

        Parameters
        ----------
        p : float

        Examples
        --------
        >>> from pcl import dae
        >>> dae.LogNormalPrior(2.0, spread=0.5).slope(4.0)
        0.5
        """
        return 1.0 / (p * self.spread)

    def wider(self, factor: float) -> LogNormalPrior:
        """The same with another spread.

        Parameters
        ----------
        factor : float > 0, of the spread

        Examples
        --------
        >>> from pcl import dae
        >>> dae.LogNormalPrior(2.0, spread=0.5).wider(2.0)
        LogNormalPrior(median=2.0, spread=1.0)
        """
        return replace(self, spread=factor * self.spread)

    @property
    def centre(self) -> float | str:
        """The median: a number, or the name of a parameter.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.LogNormalPrior(2.0, spread=0.5).centre
        2.0
        """
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
