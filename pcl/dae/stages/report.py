"""The report of a fit: one line a stage, with its clock."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReportLine:
    """One line of the report: name, words on what was chosen or reached, iterations, seconds."""

    name: str
    words: str
    iterations: int
    seconds: float

    def __str__(self):
        return f"{self.name:<12} {self.iterations:>5} iterations {self.seconds:8.2f} s   {self.words}"


class Clock:
    """Makes stages that last from the one before."""

    def __init__(self):
        self._last = time.perf_counter()

    def stage(self, name, words, iterations):
        """A `ReportLine` that ends now."""
        now = time.perf_counter()
        stage = ReportLine(name, words, iterations, now - self._last)
        self._last = now
        LOG.info("%s", stage)
        return stage


def start_words(setting, report):
    """What was chosen before anything is solved."""
    scheme, E = setting.scheme, setting.elements.E
    factors = {name: factor for name, factor in setting.factors.items() if factor != 1.0}
    words = f"{E} elements, {scheme.name} with {scheme.K} points"
    words += f"; index {report.index}" if report.index is not None else ""
    words += f" (Radau collocation has {report.orders(scheme.K).text})" if (report.index or 0) > 1 else ""
    words += f"; {_span_words(setting)}"
    if setting.model.exponents:
        words += f"; by logarithms: {', '.join(setting.model.exponents)}"
    if factors:
        words += "; observations weighted by 1/variance: " + ", ".join(
            f"{name} {factor:.3g}" for name, factor in factors.items())
    return "; ".join([words, *report.notes])


def _span_words(setting):
    """From when to when the first trajectory is solved, and what its start is given as."""
    (t0, t1), item = setting.meshes[0].times[[0, -1]], next(iter(setting.data))
    given = ", ".join([*(f"{name} = {value:.4g}" for name, value in item.start.items()),
                       *(f"{name} by parameters" for name in item.computed),
                       *(f"{name} at rest" for name in item.steady)])
    return f"{setting.names[0]}: t from {t0:.4g} to {t1:.4g}, {given or 'no state'} given at {t0:.4g}"
