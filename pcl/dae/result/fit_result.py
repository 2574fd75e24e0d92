"""What a fit returns: laws, parameters, trajectories, and how certain they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pcl.dae.result.forecasts import Forecasts
from pcl.dae.result.report import Report
from pcl.support.types import ArrayLike


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Forecasts, Report):
    """A trained model; `str(fit)` is the report of all stages.

    Attributes
    ----------
    setting : Setting
        Model, data and elements.
    program : Transcription
        The nonlinear program of the last stage.
    result : interior_point.Result
        Its solution.
    stages : tuple of ReportLine, one a stage
    note : str
        What was asked for and not reached although the last solve may be solved; mostly empty.
    shift : Shift or None
        By how much halving the elements would move parameters and laws, in standard errors, which do
        not contain it; None if the last solve failed. See `pcl.dae.result.shift`.
    enough : float
        Misfit that is not far above what the smoother left; inf without one.
    starts : Starts or None
        Table of all starts, where `fit` was asked for several.

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
    >>> found = dae.fit(model, data, guess=None, elements=2)
    >>> found
    Fit(k = 0.4999; objective 0.424255, success)
    >>> found.success, found.nit, round(found.misfit, 2)
    (True, 3, 0.42)
    >>> found.curve("0")(1.5, "x").round(3).tolist()
    [0.945]
    >>> found.predict({"x": 1.0}, t=[0.0, 1.0])["x"].round(3).tolist()
    [1.0, 0.607]
    """

    def to_frame(self, t: ArrayLike | None = None) -> Any:
        """The trajectories as a pandas.DataFrame: columns trajectory, t, variables and observables.

        Parameters
        ----------
        t : (m,), optional
            Times, of which each trajectory has those that it covers; by default its nodes.

        Raises
        ------
        ImportError
            pandas is not there (extra `frames`).

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> print(found.to_frame([0.0, 1.0]).round(2))
          trajectory    t     x
        0          0  0.0  2.00
        1          0  1.0  1.21
        """
        from pcl.dae.result.frames import frame_of
        return frame_of(self.trajectories, t)

    def to_xarray(self, t: ArrayLike | None = None) -> Any:
        """The trajectories as a xarray.Dataset over (trajectory, t), NaN where one does not reach.

        Beside them `value` and `standard_error` over the parameters, NaN where they are not determined.

        Parameters
        ----------
        t : (m,), optional, as of `to_frame`

        Raises
        ------
        ImportError
            xarray is not there (extra `frames`).

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> float(found.to_xarray([0.0, 1.0])["x"][0, 1].round(3))
        1.213
        """
        from pcl.dae.result.frames import dataset_of
        return dataset_of(self.trajectories, t, self)

    def save(self, path: Any) -> None:
        """Write laws and parameters to one file, see `Trained.save` and `pcl.dae.load`.

        Parameters
        ----------
        path : str or path

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "decay.pcl")
        ...     found.save(path)
        ...     again = dae.load(path, model)
        >>> again.parameters == found.parameters
        True
        """
        self.trained.save(path)

    def plot(self, names: Any = None, bands: bool = False, axes: Any = None, trajectories: Any = None,
             forecasts: Any = None) -> Any:
        """matplotlib's figure of data, trajectories and forecasts, a panel a variable.

            found.plot(bands=True, forecasts=found.predict({"x": 1.0}, t=t, bands=True))

        Parameters
        ----------
        names, bands, axes, trajectories, forecasts : see `pcl.dae.result.plot.plot`

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> len(found.plot().axes)
        1
        """
        from pcl.dae.result.plot import plot
        return plot(self, names, bands, axes, trajectories, forecasts)
