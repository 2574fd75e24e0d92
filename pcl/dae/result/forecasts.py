"""Other runs of a fitted model: predictions and simulations, with bands, and as tensors."""

from __future__ import annotations

from typing import Any

from pcl.dae.result.bands import banded
from pcl.dae.result.inference import Inference
from pcl.dae.result.prediction import Prediction
from pcl.support.types import ArrayLike, Tensor


class Forecasts(Inference):
    """What the trained model does from other starts, inputs and parameters."""

    def predict(self, initial: Any, inputs: Any = None, t: ArrayLike | None = None, *,
                bands: bool = False, **options: Any) -> Prediction:
        """The trajectory from a start, with all bounds and path constraints kept: see `Trained.predict`.

        Parameters
        ----------
        initial, inputs, t, options : as of `Trained.predict`
        bands : bool
            `Prediction.bands` has standard errors of all values. They are those of weights and
            parameters, by the exact derivatives of the simulation and the covariance of
            `standard_errors`; a parameter that is given another value than the fit found counts as
            known, and so do starts. From a state that was itself fitted, with errors of its own, go on in
            the fit: `Trajectory(…, span=(t0, t1))` reaches beyond the readings, and
            `found.band(name, t, trajectory=…)` has the errors of all that was found. A prediction that
            bounds had to be imposed on has none.

        Returns
        -------
        Prediction

        Raises
        ------
        ValueError, Undetermined
            As in `Trained.predict`; of bands as in `standard_errors`.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> ahead = found.predict({"x": 1.0}, t=[0.0, 1.0, 4.0], bands=True)
        >>> ahead["x"].round(3).tolist(), ahead.bands["x"].error.round(5).tolist()
        ([1.0, 0.607, 0.135], [0.0, 0.00011, 0.0001])
        """
        found = self.trained.predict(initial, inputs, t, **options)
        return banded(self, self._uncertainty, found, initial, inputs, options) if bands else found

    def simulate(self, initial: Any, inputs: Any = None, t: ArrayLike | None = None, *,
                 bands: bool = False, **options: Any) -> Prediction:
        """The same by step control alone: see `Trained.simulate`.

        Parameters
        ----------
        initial, inputs, t, options : as of `Trained.simulate`
        bands : bool, as in `predict`; there are none with `when` or `until`

        Returns
        -------
        Prediction

        Raises
        ------
        ValueError, Undetermined
            As in `predict`.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> found.simulate({"x": 1.0}, t=[0.0, 1.0])["x"].round(3).tolist()
        [1.0, 0.607]
        """
        found = self.trained.simulate(initial, inputs, t, **options)
        return banded(self, self._uncertainty, found, initial, inputs, options) if bands else found

    def traced(self, initial: Any, inputs: Any = None, t: ArrayLike | None = None,
               **options: Any) -> dict[str, Tensor]:
        """{name: y (n,)}: a simulation as tensors with derivatives: see `Trained.traced`.

        Parameters
        ----------
        initial, inputs, t, options : as of `Trained.traced`

        Raises
        ------
        ValueError, TrialFailure
            As there.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> found.traced({"x": 1.0}, t=[0.0, 1.0])["x"].numpy().round(3).tolist()
        [1.0, 0.607]
        """
        return self.trained.traced(initial, inputs, t, **options)
