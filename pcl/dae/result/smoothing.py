"""What a smoother gives: trajectories with the unknown terms free but smooth, no network behind them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.dae.model import Model
from pcl.dae.program.log_scale import natural
from pcl.dae.program.setting import Setting
from pcl.dae.result.curve import Curve, curves
from pcl.interior_point.result import Result
from pcl.support.axes import key
from pcl.support.style import COLUMN, GREY, styled
from pcl.support.types import Axes


@dataclass(frozen=True)
class SmoothingRow:
    """One λ that was tried.

    Attributes
    ----------
    smoothing : λ
    misfit : Σ ω (simulated − observed)²
    roughness : Σ_k ∫ z_k'² dt / size_k²
    held_out : mean ω (simulated − observed)² of readings that were held out in blocks; NaN if none were
    success : bool
    """

    smoothing: float
    misfit: float
    roughness: float
    held_out: float
    success: bool


@dataclass(frozen=True, eq=False)
class Smoothing:
    """Smooth trajectories, and what every λ left; where a fit may start, `fit(…, start=smoothing)`.

    Attributes
    ----------
    setting : Setting
    x : (n,), trajectories and parameters
    smoothing : λ of x
    rows : tuple of SmoothingRow, λ ascending
    result : interior_point.Result at λ

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
    >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.558, 1.213, 0.945, 0.736]})
    >>> smooth = dae.smooth(model, data, smoothing=1e-4, elements=2)
    >>> smooth.success, smooth.smoothing, smooth.trajectories["0"](1.0, "r").round(2).tolist()
    (True, 0.0001, [0.6])
    """

    setting: Setting
    x: Any
    smoothing: float
    rows: tuple[SmoothingRow, ...]
    result: Result

    @property
    def model(self) -> Model:
        """The `Model` as it was declared.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.558, 1.213, 0.945, 0.736]})
        >>> smooth = dae.smooth(model, data, smoothing=1e-4, elements=2)
        >>> smooth.model is model
        True
        """
        return self.setting.declared

    @functools.cached_property
    def trajectories(self) -> dict[str, Curve]:
        """{name: Curve} of states, algebraic variables and outputs z.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.558, 1.213, 0.945, 0.736]})
        >>> smooth = dae.smooth(model, data, smoothing=1e-4, elements=2)
        >>> smooth.trajectories["0"].names
        ('x', 'r')
        """
        return curves(self.setting, self.x)

    @property
    def parameters(self) -> dict[str, float]:
        """{name: value} of the parameters, in the units of the model.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.558, 1.213, 0.945, 0.736]})
        >>> smooth = dae.smooth(model, data, smoothing=1e-4, elements=2)
        >>> smooth.parameters
        {}
        """
        elements = self.setting.elements
        return dict(zip(self.setting.labels, natural(elements, elements.split(self.x)[2]).tolist()))

    @property
    def misfit(self) -> float:
        """Σ ω (simulated − observed)² at λ.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.558, 1.213, 0.945, 0.736]})
        >>> smooth = dae.smooth(model, data, smoothing=1e-4, elements=2)
        >>> smooth.misfit < 1e-5
        True
        """
        return self.setting.misfit.at(self.x)

    @property
    def success(self) -> bool:
        """Whether the solve at λ reached its tolerance.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.558, 1.213, 0.945, 0.736]})
        >>> smooth = dae.smooth(model, data, smoothing=1e-4, elements=2)
        >>> smooth.success
        True
        """
        return bool(self.result.success)

    @styled
    def plot(self, axes: Any = None) -> Any:
        """Misfit, roughness and what readings held out in blocks leave, against λ.

        Parameters
        ----------
        axes : two matplotlib axes, optional

        Returns
        -------
        matplotlib figure

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.558, 1.213, 0.945, 0.736]})
        >>> smooth = dae.smooth(model, data, smoothing=1e-4, elements=2)
        >>> figure = smooth.plot()
        >>> len(figure.axes)
        2
        """
        import matplotlib.pyplot as plt
        if axes is None:
            axes = plt.subplots(2, 1, sharex=True, figsize=(COLUMN, 3.6), layout="constrained")[1]
        good = [row for row in self.rows if row.success and row.smoothing > 0.0]
        at = [row.smoothing for row in good]
        axes[0].plot(at, [row.misfit / self.setting.misfit.size for row in good], "o-",
                     label="data trained on")
        if np.isfinite([row.held_out for row in good]).any():
            axes[0].plot(at, [row.held_out for row in good], "s--", label="held out")
        axes[1].plot(at, [row.roughness for row in good], "o-")
        for axis, words in zip(axes, ("mean ω (x − data)²", "roughness")):
            axis.set(xscale="log", yscale="log", ylabel=words)
            axis.axvline(self.smoothing, color=GREY, lw=0.8, ls=":")
        axes[1].set_xlabel("λ, that taken dotted")
        key(axes[0])
        return axes[0].figure

    def plot_trajectories(self, names: Any = None, axes: Any = None) -> Axes:
        """Data and trajectories, a picture a variable.

        Parameters
        ----------
        names : list of str, optional
            Variables; states and outputs by default.
        axes : matplotlib axes, optional

        Returns
        -------
        matplotlib figure

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.558, 1.213, 0.945, 0.736]})
        >>> smooth = dae.smooth(model, data, smoothing=1e-4, elements=2)
        >>> len(smooth.plot_trajectories().axes)
        2
        """
        from pcl.dae.result.plot import plot
        return plot(self, names, axes=axes)

    def __str__(self) -> str:
        lines = [f"  {'λ':>10} {'misfit':>12} {'roughness':>12} {'held out':>12}"]
        lines += [f"{'*' if row.smoothing == self.smoothing else ' '} {row.smoothing:>10.3g} "
                  f"{row.misfit:>12.6g} {row.roughness:>12.6g} {row.held_out:>12.6g}"
                  + ("" if row.success else "  not solved") for row in self.rows]
        return "\n".join([*lines, self.result.message])
