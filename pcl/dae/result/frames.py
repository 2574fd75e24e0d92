"""Results as data frames of pandas and data sets of xarray, imported when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pcl.dae.result.curve import Curve
from pcl.dae.result.uncertainty import Undetermined
from pcl.support.optional import of_extra
from pcl.support.types import Array, ArrayLike, Blocks
from pcl.support.validate import float64_array


def frame_of(curves: Mapping[str, Curve], t: ArrayLike | None) -> Any:
    """DataFrame with the columns trajectory, t and all variables; see `Fit.to_frame`."""
    pandas = of_extra("pandas", "to_frame", "frames")
    parts = []
    for name, curve in curves.items():
        times = _within(curve, t)
        values = curve.values if t is None else curve(times)
        parts.append(pandas.DataFrame({"trajectory": name, "t": times, **values}))
    return pandas.concat(parts, ignore_index=True)


def dataset_of(curves: Mapping[str, Curve], t: ArrayLike | None, fit: Any) -> Any:
    """Dataset over (trajectory, t); see `Fit.to_xarray`."""
    xarray = of_extra("xarray", "to_xarray", "frames")
    times = np.unique(np.concatenate([_within(curve, t) for curve in curves.values()]))
    values = {name: np.full((len(curves), times.size), np.nan)
              for name in next(iter(curves.values())).values}
    for k, curve in enumerate(curves.values()):
        inside = (times >= curve.mesh.times[0]) & (times <= curve.mesh.times[-1])
        for name, each in curve(times[inside]).items():
            values[name][k, inside] = each
    found: dict[str, Any] = {name: (("trajectory", "t"), each) for name, each in values.items()}
    p = fit.parameters
    found |= {"value": ("parameter", list(p.values())),
              "standard_error": ("parameter", _errors(fit, p))}
    return xarray.Dataset(found, {"trajectory": list(curves), "t": times, "parameter": list(p)},
                          {"status": fit.status, "objective": fit.objective})


def prediction_frame(t: Array, values: Blocks) -> Any:
    """DataFrame with the column t and all variables; see `Prediction.to_frame`."""
    pandas = of_extra("pandas", "to_frame", "frames")
    return pandas.DataFrame({"t": t, **values})


def prediction_dataset(t: Array, values: Blocks, message: str) -> Any:
    """Dataset over t; see `Prediction.to_xarray`."""
    xarray = of_extra("xarray", "to_xarray", "frames")
    return xarray.Dataset({name: ("t", each) for name, each in values.items()}, {"t": t},
                          {"status": message})


def _within(curve: Curve, t: ArrayLike | None) -> Array:
    """The nodes, or those of times t that the trajectory covers."""
    if t is None:
        return curve.times
    t = np.atleast_1d(float64_array("t", t))
    return t[(t >= curve.mesh.times[0]) & (t <= curve.mesh.times[-1])]


def _errors(fit, p):
    try:
        errors = fit.standard_errors() if fit.result.success else {}
    except Undetermined:
        errors = {}
    return [errors.get(name, np.nan) for name in p]
