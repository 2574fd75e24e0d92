"""What a fit returns: laws, parameters, trajectories, and how certain they are."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pcl.dae.failures import FAILURES, said
from pcl.dae.laws.law import TrainedLaw
from pcl.dae.model import Model
from pcl.dae.program.density import short
from pcl.dae.program.log_scale import natural, slopes
from pcl.dae.program.scaled import worst_row
from pcl.dae.program.setting import Setting
from pcl.dae.program.transcription import Transcription
from pcl.dae.result.band import Band
from pcl.dae.result.bands import banded
from pcl.dae.result.curve import Curve, curves
from pcl.dae.result.likelihood import Likelihood, likelihood_of
from pcl.dae.result.limits import Violation, between, words
from pcl.dae.result.prediction import Prediction
from pcl.dae.result.shift import Shift
from pcl.dae.result.trained import Trained
from pcl.dae.result.uncertainty import Uncertainty, Undetermined, weights_known
from pcl.dae.result.verdict import Verdict, judged
from pcl.interior_point.result import Result
from pcl.support.nearest import nearest
from pcl.support.outcome import Outcome
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import float64_array


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Outcome):
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

    setting: Setting
    program: Transcription
    result: Result
    stages: tuple
    note: str = ""
    shift: Shift | None = None
    enough: float = float("inf")
    starts: Any = None      # who asked for them need not ask whether they are there

    @property
    def model(self) -> Model:
        """The `Model` as it was declared."""
        return self.setting.declared

    @functools.cached_property
    def laws(self) -> tuple[TrainedLaw, ...]:
        """The trained laws, `TrainedLaw`: `z = fit.laws[0](a)` for inputs a (n, d).

        Examples
        --------
        The rate r of a decay as a linear function of x, about x/2:

        >>> import pcl
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
        >>> readings = {"x": [2.0, 1.55, 1.22, 0.94, 0.74]}
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], readings, sigma=0.01)
        >>> found = dae.fit(model, data, pcl.MLP([1, 1]), guess=None, smoother=None, elements=2)
        >>> found.laws[0]([1.0]).round(1).tolist()
        [[0.5]]
        """
        return tuple(TrainedLaw(law, theta.copy(), self._seen(law)) for law, theta in
                     zip(self.program.laws, self.program.rows.parameters(self.result.x)))

    def _seen(self, law):
        """Least and largest inputs (2, d) of a law at the nodes."""
        a = self.setting.points_of(law, self.result.x)[0]
        return np.array([a.min(axis=0), a.max(axis=0)])

    @property
    def parameters(self) -> dict[str, float]:
        """{name: value} of the parameters; {"name[trajectory]": value} of those of each experiment.

        In the units of the model, also of those fitted by their logarithm.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> {name: round(value, 3) for name, value in found.parameters.items()}
        {'k': 0.5}
        """
        values = natural(self.setting.elements, self._unknowns)[:self._told]
        return dict(zip(self.setting.labels, values.tolist()))

    def parameters_of(self, trajectory: str) -> dict[str, float]:
        """{name: value} of the parameters of one experiment, for `predict(…, parameters=…)`.

        Parameters
        ----------
        trajectory : str, its name

        Raises
        ------
        ValueError
            No trajectory of that name.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> found.parameters_of("0") == found.parameters
        True
        """
        every = self.parameters
        return {name: every[label] for name, label in zip(self.model.parameters,
                                                          self.labels_of(trajectory))}

    def labels_of(self, trajectory: str) -> tuple[str, ...]:
        """Under which names `parameters` has those of one experiment, in the order of the model.

        Parameters
        ----------
        trajectory : str, its name

        Raises
        ------
        ValueError
            No trajectory of that name.
        """
        self.curve(trajectory)
        labels = self.setting.labels
        places = self.setting.elements.parameters.places[self.setting.names.index(trajectory)]
        return tuple(labels[place] for place in places)

    @property
    def _unknowns(self):
        """The parameters as they are solved for."""
        return self.setting.elements.split(self.result.x)[2]

    @functools.cached_property
    def trajectories(self) -> dict[str, Curve]:
        """{name: Curve}: `times` and `values` at the nodes; `curve(t)` anywhere.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> found.trajectories["0"](1.25, "x").round(3).tolist()
        [1.071]
        """
        return curves(self.setting, self.result.x)

    @functools.cached_property
    def between(self) -> dict[str, dict[str, Violation]]:
        """{trajectory: {variable or path constraint: `limits.Violation`}}, of bounds between the nodes.

        They hold at the nodes; by how much they are violated between them, and when, is said of those
        above 1e-6 of the sizes.
        """
        found = {}
        for item, (name, curve) in zip(self.setting.data, self.trajectories.items()):
            signals = [item.inputs[each] for each in self.model.inputs]
            trained = replace(self.trained, parameters=self.parameters_of(name))
            broken = between(self.model, trained, curve, lambda t, signals=signals: np.stack(
                [u(t) for u in signals], axis=1) if signals else np.zeros((t.size, 0)))
            found.update({name: broken} if broken else {})
        return found

    @property
    def objective(self) -> float:
        """Misfit and penalties, Σ ω r² + ½ θᵀPθ; −2 log p in the place of ω r² where `noise` was given.

        Then, as with weights 1/σ², it is −2 log of likelihood and prior.
        """
        return float(self.result.fun)

    @property
    def misfit(self) -> float:
        """Σ ω (simulated − observed)² as weighted in the fit; −2 log p of readings with a noise model.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> round(found.misfit, 2)
        0.42
        """
        return self.program.misfit.at(self.result.x)

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

    @functools.cached_property
    def verdict(self) -> Verdict:
        """`pcl.dae.result.verdict.Verdict`: whether the model fits the data.

        With χ² and its p-value if the weights are 1/σ² (weights other than 1 and scaling "none" are read
        so).

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> found.verdict.fits, round(found.verdict.chi2, 1), round(found.verdict.dof)
        (True, 0.4, 1)
        """
        return judged(self.setting, self.program, self.result, weights_known(self.setting), self.enough,
                      self._uncertainty(True))

    @property
    def x(self) -> Array:
        """All unknowns (n,) of the last program; see `parameters`, `laws` and `trajectories`."""
        return self.result.x

    @property
    def fun(self) -> float:
        """SciPy's name for `objective`."""
        return self.objective

    @property
    def nit(self) -> int:
        """Iterations of all stages together."""
        return sum(line.iterations for line in self.stages)

    @property
    def seconds(self) -> float:
        """Seconds of all stages together."""
        return float(sum(line.seconds for line in self.stages))

    @property
    def message(self) -> str:
        """SciPy's name for `status`."""
        return self.status

    @property
    def success(self) -> bool:
        """Whether the last solve reached its tolerance and the data do not plainly contradict the model.

        `refine` has to have reached its own tolerance, too, if it was given; see `verdict`.
        """
        return self.result.success and not self.note and self.verdict.fits

    @property
    def status(self) -> str:
        """Why the last solve ended and whether the model fits, in words.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> print(found.status[:57])
        Solved: the first-order conditions hold to the tolerance.
        """
        return " ".join(filter(None, (self.result.message, self.note, self.verdict.words)))

    @functools.cached_property
    def trained(self) -> Trained:
        """The `Trained` of the fit: what prediction needs, without the data."""
        return Trained.of(self)

    # --- uncertainty --------------------------------------------------------------------------
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

    @property
    def _told(self):
        """How many parameters stand before the unknown numbers of the noise."""
        return self.setting.elements.parameters.n - len(self.setting.own)

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

        Raises
        ------
        Undetermined
            The data do not determine it.
        ValueError
            No output, variable or trajectory of that name; points of another shape.

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
        return Band(law(points)[:, place],
                    np.sqrt(found.variances(found.law_gradients(number, place, points))))

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

    def law_of(self, name: str) -> tuple[int, int]:
        """(number of the law, place among its outputs) that gives an output.

        Parameters
        ----------
        name : str, an output of the model

        Raises
        ------
        ValueError
            No such output.
        """
        for number, law in enumerate(self.laws):
            for outputs in (law.outputs, *(outputs for _, outputs in law.law.places)):
                if name in outputs:
                    return number, outputs.index(name)
        raise ValueError(f"name is {name!r}; expected one of "
                         f"{', '.join(self.model.outputs) or 'no outputs'}, "
                         "or trajectory=… for a variable along a trajectory."
                         f"{nearest(name, self.model.outputs)}")

    def curve(self, name: str) -> Curve:
        """The `Curve` of one trajectory: `curve(t, "x")` is a variable at times t.

        Parameters
        ----------
        name : str

        Raises
        ------
        ValueError
            No trajectory of that name.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> found.curve("0")(1.5, "x").round(3).tolist()
        [0.945]
        """
        if name not in self.trajectories:
            raise ValueError(f"trajectory is {name!r}; expected one of {', '.join(self.trajectories)}."
                             f"{nearest(name, self.trajectories)}")
        return self.trajectories[name]

    # --- use ----------------------------------------------------------------------------------
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
            known, and so do starts. A prediction that bounds had to be imposed on has none.

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

    def _violation_words(self):
        relative, absolute, row = worst_row(self.program, self.result.x)
        return f"largest violation {relative:.1e} of its size ({row}, there {absolute:.1e})"

    def _between_lines(self):
        """What bounds leave between the nodes."""
        try:
            return [f"between the nodes of trajectory {name} bounds are violated: {words(found)}"
                    for name, found in self.between.items()]
        except FAILURES as error:
            return [f"bounds between the nodes cannot be looked at: {said(error)}"]

    def _parameter_lines(self):
        """Values, standard errors, and shift / standard error."""
        try:
            errors = self.standard_errors() if self.result.success else {}
        except Undetermined:
            errors = {}
        lines = []
        for name, value in self.parameters.items():
            moves = self.shift.parameters.get(name) if self.shift is not None else None
            more = f" ± {errors[name]:.2g}" if name in errors else ""
            more += f", shift {moves:.2g} standard errors" if moves is not None else ""
            lines.append(f"{name} = {value:.8g}{more}")
        if any("shift" in line for line in lines):
            lines.append("± is a standard error: of the noise, without the shift by the elements")
        return lines

    def _likelihood_lines(self):
        """Unknown numbers of the noise with standard errors, and the likelihood where there is one."""
        if not weights_known(self.setting):
            return []
        try:
            errors = self.noise_errors() if self.result.success else {}
        except Undetermined:
            errors = {}
        lines = [f"{number} of {name} = {value:.6g}" + (
                     f" ± {errors[name][number]:.2g}" if errors else "")
                 for name, each in self.noise.items() for number, value in each.items()]
        return [*lines, f"likelihood: {self.likelihood}"]

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} = {value:.4g}" for name, value in list(self.parameters.items())[:6])
        return (f"Fit({numbers or f'{len(self.program.laws)} laws'}; objective {self.objective:.6g}, "
                f"{'success' if self.success else 'no success'})")

    def __str__(self) -> str:
        lines = [f"Fit of {self.setting.data!r}", *map(str, self.stages),
                 f"objective {self.objective:.6g}, misfit {self.misfit:.6g}, {self._violation_words()}"]
        lines += self._between_lines() + self._parameter_lines() + self._likelihood_lines()
        lines += [f"law: {law}" for law in self.laws]
        return "\n".join([*lines, self.status])
