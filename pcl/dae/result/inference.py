"""What the data say of a fit: likelihood, noise, standard errors, bands, posterior, profiles."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from pcl.dae.program.density import short
from pcl.dae.program.log_scale import natural, slopes
from pcl.dae.result.band import Band
from pcl.dae.result.foot import Foot, feet, warn_at
from pcl.dae.result.likelihood import Likelihood, likelihood_of
from pcl.dae.result.solved import Solved
from pcl.dae.result.uncertainty import Uncertainty, weights_known
from pcl.support.types import Array, ArrayLike
from pcl.support.validate import float64_array


class Inference(Solved):
    """Errors of parameters, laws and trajectories that the noise of the data leaves."""

    @functools.cached_property
    def likelihood(self) -> Likelihood:
        """`pcl.dae.result.likelihood.Likelihood`: −2 ln L of the readings, by name, with AIC and BIC.

        Weights that are relative have one common variance there.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> print(found.likelihood)
        −2 ln L = -42.7325 (x -42.7325 of 3 readings), 2 free numbers, AIC -38.7325, BIC -40.5353
        """
        known = weights_known(self.setting)
        return likelihood_of(self.program, self.result, known,
                             Uncertainty(self.program, self.result, known, curvature=False))

    @functools.cached_property
    def noise(self) -> dict[str, dict[str, float]]:
        """{name: {"sigma": value, …}}: what was unknown of the noise, where `noise` was given.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> from pcl.uncertainty.noise import Gaussian
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.55, 1.22, 0.94, 0.74]})
        >>> found = dae.fit(model, data, guess=None, elements=2, noise={"x": Gaussian()})
        >>> round(found.noise["x"]["sigma"], 3)
        0.005
        """
        return self._by_name(natural(self.setting.elements, self._unknowns))

    def noise_errors(self) -> dict[str, dict[str, float]]:
        """{name: {"sigma": standard error, …}} of `noise`; see `standard_errors`.

        Raises
        ------
        Undetermined
            The data do not determine them.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> from pcl.uncertainty.noise import Gaussian
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.55, 1.22, 0.94, 0.74]})
        >>> found = dae.fit(model, data, guess=None, elements=2, noise={"x": Gaussian()})
        >>> round(found.noise_errors()["x"]["sigma"], 3)
        0.002
        """
        return self._by_name(self._errors(True))

    def _by_name(self, values):
        """{name: {number: value}} of values (n_P,) of all parameters."""
        found: dict = {}
        for (name, number), value in zip(self.setting.own, values[self._told:].tolist()):
            found.setdefault(name, {})[short(number)] = value
        return found

    def standard_errors(self, known_variance: bool | None = None, log: bool = False) -> dict[str, float]:
        """{parameter: standard error}; with `log` those of ln |parameter|, relative errors.

        σ(p) = |p| σ(ln p): what is fitted by its logarithm has an interval p exp(± 2 σ(ln p)).
        They come from the noise of the data alone and do not contain what the elements do to the result:
        that is `shift`, in the same standard errors.

        Parameters
        ----------
        known_variance : bool, optional
            Whether the weights are 1/σ², so that the covariance is 2 H⁻¹; otherwise it is scaled by the
            residual variance. By default True where weights other than 1 were given and scaling is
            "none".
            See `pcl.dae.result.uncertainty.Uncertainty`.
        log : bool
            Errors of the logarithms.

        Raises
        ------
        Undetermined
            The data do not determine the parameters.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> round(found.standard_errors()["k"], 4), round(found.standard_errors(log=True)["k"], 4)
        (0.0002, 0.0004)
        """
        errors = self._errors(known_variance)[:self._told]
        if log:
            with np.errstate(divide="ignore", invalid="ignore"):
                errors = errors / np.abs(list(self.parameters.values()))
        return dict(zip(self.setting.labels, errors.tolist()))

    def covariance(self, known_variance: bool | None = None) -> Array:
        """Covariance of the parameters, (n_P, n_P), in the order of `parameters`.

        Parameters
        ----------
        known_variance : see `standard_errors`

        Raises
        ------
        Undetermined
            The data do not determine the parameters.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> bool(abs(found.covariance()[0, 0] ** 0.5 / found.standard_errors()["k"] - 1.0) < 1e-9)
        True
        """
        found = self._uncertainty(known_variance)
        J = slopes(self.setting.elements, self._unknowns)[:self._told]
        return found.covariance(found.parameter_gradients()[:self._told]) * np.outer(J, J)

    def _errors(self, known_variance):
        """Standard errors (n_P,) of all parameters, unknown numbers of the noise included."""
        found = self._uncertainty(known_variance)
        return np.sqrt(found.variances(found.parameter_gradients())) * slopes(
            self.setting.elements, self._unknowns)

    def band(self, name: str, points: ArrayLike, trajectory: str | None = None,
             known_variance: bool | None = None) -> Band:
        """`Band` of an output's law at inputs, or of any variable along a trajectory.

        Parameters
        ----------
        name : str, an output of the model, or with `trajectory` any variable or observable
        points : (n, d) inputs of the output's law, (n,) if it has one; with `trajectory` times (n,)
        trajectory : str, optional
        known_variance : see `standard_errors`

        A warning tells of points where the law stands at the foot of its output transform (`feet`):
        errors may be far too small there.

        Raises
        ------
        Undetermined
            The data do not determine it.
        ValueError
            No output, variable or trajectory of that name; points of another shape.

        Warns
        -----
        UserWarning
            A law is asked outside what it was trained on.

        Examples
        --------
        x along its way, with the standard error:

        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> value, error = found.band("x", [1.25], trajectory="0")
        >>> value.round(3).tolist(), error.round(4).tolist()
        ([1.071], [0.0002])
        """
        found = self._uncertainty(known_variance)
        if trajectory is not None:
            points = np.atleast_1d(float64_array("points", points))
            value = self.curve(trajectory)(points, name)
            inputs = self.setting.data[trajectory].inputs_at(self.model.inputs, points)
            G = found.curve_gradients(self.setting.names.index(trajectory), name, points, inputs)
            return Band(value, np.sqrt(found.variances(G)))
        number, place = self.law_of(name)
        law = self.laws[number]
        points = law.points(points)
        _warn_outside(name, law, points)
        value = law(points)[:, place]
        warn_at(self.feet.get((number, place), ()), value)
        return Band(value, np.sqrt(found.variances(found.law_gradients(number, place, points))))

    @functools.cached_property
    def feet(self) -> dict[tuple[int, int], list[Foot]]:
        """{(number of a law, place among its outputs): [`pcl.dae.result.foot.Foot`, …]}.

        Where laws stand at the foot of their output transform, so that their bands may be far too narrow.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> dae.fit(model, data, guess=None, elements=2).feet
        {}
        """
        return feet(self.setting, self.program, self.result)

    def posterior(self, known_variance: bool | None = None) -> Any:
        """The `pcl.uncertainty.Posterior` of starts, parameters and weights around the fit.

        Its blocks are "x at the start of <trajectory>" for every start that is not given, the parameters
        by their names, "sigma of y" and others that are unknown of the noise, and "law of r" with the
        weights of a law, whose penalty is its normal prior. Its numbers are those of `standard_errors`,
        `covariance` and `band` here; beside them it offers draws, correlations, simultaneous and sampled
        bands, and what of them comes from the data:

            posterior = fit.posterior()
            posterior.band("r", points, level=0.9, simultaneous=True)       # the law of an output
            posterior.band("x", times, trajectory="0", draws=200)           # a variable along its way
            posterior.band("k")                                             # a number

        The first argument of `band` may also be a function of the blocks in TensorFlow. Variables along a
        trajectory are simulated at draws (`Trained.simulate`), to look at the linearisation too; with
        check=0 they are not. Parameters fitted by their logarithm are log-normal: draws and intervals
        keep their sign.

        Parameters
        ----------
        known_variance : see `standard_errors`

        Raises
        ------
        Undetermined
            The reduced Hessian is not positive definite.
        MemoryError
            Too many unknowns for a dense posterior.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> print(found.posterior())
        Posterior of 2 numbers, 2 determined; sigma 1
        """
        from pcl.dae.result.posterior import posterior
        return posterior(self, self._uncertainty(known_variance))

    def profile(self, names: Any, level: float = 0.95,
                known_variance: bool | None = None) -> Any:
        """The profile likelihood of parameters: how far each can go with all else trained again.

            found = fit.profile("k")
            print(found)                            # interval, and that of the standard error
            found.plot()

        Every point is the nonlinear program solved again with the parameter fixed, trajectories, weights
        and all other parameters free, from the point before and its multipliers. Intervals keep bounds
        and may be open, as `Profile.closed` and `Profile.words` say. A parameter that is fitted by its
        logarithm is gone along by it; the interval is the same.

        Parameters
        ----------
        names : str, a parameter as `parameters` has it, or a list of them
        level : float in (0, 1)
        known_variance : see `standard_errors`; the residual variance is held at that of the fit

        Returns
        -------
        pcl.uncertainty.profiles.Profile
            For a list of names {name: Profile}. `theta` has the parameters at its points.

        Raises
        ------
        ValueError
            An unknown name, a level outside (0, 1), a fit that is not solved.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> print(found.profile("k"))
        k = 0.499909: 95 % profile interval 0.499541 to 0.500277; linearised 0.499541 to 0.500277
        """
        from pcl.dae.result.profile import profiles
        single = isinstance(names, str)
        found = profiles(self, [names] if single else list(names), level, known_variance)
        return found[names] if single else found

    def uncertainty(self, known_variance: bool | None = None) -> Uncertainty:
        """The `Uncertainty` that `standard_errors`, `covariance` and `band` are read off.

        Parameters
        ----------
        known_variance : see `standard_errors`

        Raises
        ------
        ValueError
            known_variance is False where the objective is a likelihood.
        """
        return self._uncertainty(known_variance)

    def _uncertainty(self, known):
        if known is not None and not known and self.setting.densities:
            raise ValueError("known_variance is False, but noise was given, so that the objective is a "
                             "likelihood; expected True or None.")
        known = weights_known(self.setting) if known is None else bool(known)
        return self._uncertainties.setdefault(known, Uncertainty(self.program, self.result, known))

    @functools.cached_property
    def _uncertainties(self):
        """{known: Uncertainty}; that of the shift is this fit's, too."""
        found = self.shift.uncertainty if self.shift is not None else None
        return {} if found is None else {weights_known(self.setting): found}


def _warn_outside(name, law, points):
    """A warning where a law is asked outside what it was trained on."""
    seen = dict(zip(law.inputs, np.transpose(law.seen))) if law.seen is not None else {}
    words = "; ".join(f"{a} from {low:.4g} to {high:.4g}, and trained from {seen[a][0]:.4g} "
                      f"to {seen[a][1]:.4g}" for a, (low, high) in law.outside(points).items())
    if words:
        warnings.warn(f"The law of {name} is asked at {words}. No data have tried it beyond: the band "
                      "there is what network and weight decay suppose, and may be too narrow.",
                      UserWarning, stacklevel=3)
