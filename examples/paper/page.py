"""What pages share: numbers as words, tables, and medians over seeds."""

import numpy as np

from examples.seed.report import grid

__all__ = ["figures", "grid", "median", "number", "of", "percent", "ticks", "write"]


def number(value, digits=3):
    """A number as a reader takes it: whole, rounded, or with an exponent."""
    if isinstance(value, str):
        return value
    if value is None or np.isnan(value):
        return "–"
    if np.isinf(value):
        return "∞"
    if float(value).is_integer() and abs(value) < 1e5:
        return f"{int(value)}"
    return f"{value:.{digits}g}"


def percent(value):
    """Of 1."""
    if np.isinf(value) or np.isnan(value):
        return number(value)
    places = 0 if value >= 0.1 else 1
    return f"{100.0 * value:.{places}f} %" if value >= 1e-3 else f"{100.0 * value:.1g} %"


def of(rows, **wanted):
    """The rows with these entries."""
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def median(rows, name):
    """Over the rows."""
    return float(np.median([row[name] for row in rows])) if rows else np.nan


def figures(rows, name):
    """Every row's, with commas."""
    return ", ".join(number(row[name]) for row in rows)


def ticks(axis):
    """Two a decade along a logarithmic x axis, as plain numbers."""
    low, high = axis.get_xlim()
    shown = [tick for tick in (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000) if low < tick < high]
    axis.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axis.set_xticks([], minor=True)


def write(path, title, *parts):
    """A Markdown page; parts are texts and tables."""
    path.write_text("\n\n".join([f"# {title}", *parts]) + "\n", encoding="utf-8")
