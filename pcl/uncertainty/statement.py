"""Data, noise and priors as one loss ℓ = −2 log p(θ | y) + constant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.support.nearest import nearest
from pcl.support.types import Array, ArrayLike, Blocks, Tensor
from pcl.support.validate import float64_array, require_finite
from pcl.uncertainty.noise.base import Noise
from pcl.uncertainty.prior.base import GaussianPrior, Prior

_ALONE = ""     # the name of data that have none
_NOTHING: dict[str, Any] = {}       # the data of a prior alone; another empty dict is refused


class OfPriors:
    """What is known of θ before the data.

    Attributes
    ----------
    blocks : names of all blocks
    priors : dict {name: prior}
    """

    blocks: Collection[str]
    priors: Mapping[str, Prior]

    @property
    def without_prior(self) -> list[str]:
        """Blocks whose prior is flat."""
        return [name for name in self.blocks if name not in self.priors]

    @property
    def proper(self) -> bool:
        """Whether the prior of θ integrates to 1."""
        return not self.without_prior and all(prior.proper for prior in self.priors.values())


class Statement(OfPriors):
    """ℓ(θ) = −2 log p(y | f(θ)) − 2 log p(θ) + constant, with the rows of Σ r² where all parts have them.

    Parameters
    ----------
    predict, observed, noise, blocks, prior : see `Problem.from_data`

    Attributes
    ----------
    blocks : dict {name: array}, those given and the unknowns of the noise
    has_residuals : bool
    constant : float
        log p = constant − ½ ℓ.
    rows : dict {"data": {name: slice}, "prior": {name: slice}}
        Where the residuals of each part stand; empty without residuals.
    """

    blocks: dict[str, Array]

    def __init__(self, predict: Callable[[Any], Any], observed: Any, noise: Any,
                 blocks: Mapping[str, ArrayLike], prior: Mapping[str, Prior] | None):
        if not callable(predict):
            raise TypeError(f"predict is a {type(predict).__name__}; expected a function of the blocks.")
        self.predict = predict
        self.observed, self.noise = _data(observed, noise)
        self.blocks = {name: float64_array(f"blocks[{name!r}]", start) for name, start in blocks.items()}
        self._unknowns = {name: self._added(name) for name in self.observed}
        self.priors = _priors(prior, self.blocks)
        parts = (*self.noise.values(), *self.priors.values())
        self.has_residuals = all(part.has_residuals for part in parts)
        self.constant = 0.0
        self.rows: dict[str, dict[str, slice]] = {"data": {}, "prior": {}}

    @classmethod
    def of_prior(cls, blocks: Mapping[str, ArrayLike], prior: Mapping[str, Prior]) -> Statement:
        """−2 log p(θ) alone."""
        return cls(lambda theta: {}, _NOTHING, None, blocks, prior)

    def _added(self, name):
        """{name of the model's own unknown: block}; the blocks are added."""
        own = {}
        for each, start in self.noise[name].unknowns(self.observed[name]).items():
            block = own[each] = f"{each} of {name}" if name else each
            if block in self.blocks:
                raise ValueError(f"block {block!r} exists already; it is the noise's own unknown.")
            self.blocks[block] = start
        return own

    # --- traced --------------------------------------------------------------------------------
    def residuals(self, theta: Mapping[str, Tensor]) -> Tensor:
        """r(θ), rows of the data first."""
        found, start, self.constant = [], 0, 0.0
        for kind, name, part in self._parts(theta):
            r = part.residuals()
            self.rows[kind][name] = slice(start, start + r.shape[0])
            self.constant, start = self.constant + part.constant(), start + r.shape[0]
            found.append(r)
        return tf.concat(found, 0)

    def loss(self, theta: Mapping[str, Tensor]) -> Tensor:
        """−2 log p, with all constants."""
        return -2.0 * tf.add_n([part.log_density() for *_, part in self._parts(theta)])

    def data_loss(self, theta: Mapping[str, Tensor]) -> Tensor:
        """−2 log p(y | θ), with all constants."""
        return -2.0 * tf.add_n([part.log_density() for part in self._data_parts(theta).values()])

    def rest_residuals(self, theta: Mapping[str, Tensor]) -> Tensor:
        """The residuals of all but the normal priors of blocks."""
        return tf.concat([part.residuals() for part in self._rest(theta)], 0)

    def rest_loss(self, theta: Mapping[str, Tensor]) -> Tensor:
        """−2 log p of all but the normal priors of blocks."""
        return -2.0 * tf.add_n([part.log_density() for part in self._rest(theta)])

    def predictions(self, theta: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{name: f(θ)}, of the shapes of the readings."""
        found = self.predict(theta)
        found = found if isinstance(found, dict) else {_ALONE: found}
        if set(found) != set(self.observed):
            raise ValueError(f"predict gives {_named(found)}; expected {_named(self.observed)}.")
        for name, f in found.items():
            if not tf.is_tensor(f) or f.dtype != tf.float64:
                raise TypeError(f"the prediction{_of(name)} is a {type(f).__name__}"
                                f"{' of ' + f.dtype.name if tf.is_tensor(f) else ''}; expected a float64 "
                                "tensor.")
            if tuple(f.shape) != self.observed[name].shape:
                raise ValueError(f"the prediction{_of(name)} has shape {tuple(f.shape)}; expected "
                                 f"{self.observed[name].shape}, the shape of the readings.")
        return found

    def own(self, name: str, theta: Mapping[str, Any]) -> dict[str, Any]:
        """The unknowns of one noise model by its own names."""
        return {each: theta[block] for each, block in self._unknowns[name].items()}

    def _parts(self, theta):
        for name, part in self._data_parts(theta).items():
            yield "data", name, part
        for name, prior in self.priors.items():
            yield "prior", name, _OfPrior(prior, prior.quantity(theta, name))

    def _rest(self, theta):
        return [part for kind, name, part in self._parts(theta)
                if kind == "data" or name not in self.gaussian]

    def _data_parts(self, theta):
        return {name: _OfData(self.noise[name], f, self.observed[name], self.own(name, theta))
                for name, f in self.predictions(theta).items()}

    @property
    def readings(self) -> int:
        """How many rows of r are data: they come first."""
        return sum(rows.stop - rows.start for rows in self.rows["data"].values())

    @property
    def gaussian(self) -> dict[str, GaussianPrior]:
        """{block: its normal prior}, of those that have one."""
        found = {name: prior.gaussian(self.blocks[name].shape) for name, prior in self.priors.items()
                 if name in self.blocks}
        return {name: prior for name, prior in found.items() if prior is not None}

    @property
    def rest_has_residuals(self) -> bool:
        """Whether all but the normal priors of blocks have residuals."""
        others = (prior for name, prior in self.priors.items() if name not in self.gaussian)
        return all(part.has_residuals for part in (*self.noise.values(), *others))

    # --- drawn ---------------------------------------------------------------------------------
    def draw(self, predicted: Blocks, theta: Blocks, rng: np.random.Generator) -> dict[str, Array]:
        """{name: readings drawn around predictions}."""
        return {name: self.noise[name].draw(f, rng, self.own(name, theta))
                for name, f in predicted.items()}


class _OfData:
    """Readings at one prediction."""

    def __init__(self, noise, predicted, observed, unknown):
        self._noise, self._of, self._unknown = noise, (predicted, observed), unknown

    def residuals(self):
        return self._noise.residuals(*self._of)

    def constant(self):
        return self._noise.constant(self._of[1])

    def log_density(self):
        return self._noise.log_density(*self._of, self._unknown)


class _OfPrior:
    """A quantity under its prior."""

    def __init__(self, prior, x):
        self._prior, self._x = prior, x

    def residuals(self):
        return self._prior.residuals(self._x)

    def constant(self):
        return self._prior.constant(tuple(self._x.shape))

    def log_density(self):
        return self._prior.log_density(self._x)


def _data(observed, noise):
    """({name: array}, {name: Noise}) with the data checked."""
    if observed is _NOTHING:
        return {}, {}
    if not isinstance(observed, Mapping):
        observed, noise = {_ALONE: observed}, {_ALONE: noise}
    elif isinstance(noise, Noise):
        noise = dict.fromkeys(observed, noise)
    if not observed or not isinstance(noise, Mapping) or set(noise) != set(observed):
        raise ValueError(f"observed names {_named(observed)} and noise "
                         f"{_named(noise) if isinstance(noise, Mapping) else repr(noise)}; expected one "
                         "noise model each.")
    found = {}
    for name, y in observed.items():
        argument = f"observed[{name!r}]" if name else "observed"
        found[name] = y = float64_array(argument, y, finite=False)
        if not y.size:
            raise ValueError(f"{argument} is empty: no readings.")
        require_finite(argument, y)
        if not isinstance(noise[name], Noise):
            raise TypeError(f"noise{_of(name)} is a {type(noise[name]).__name__}; expected a model such "
                            "as pcl.uncertainty.noise.Gaussian(sigma).")
        noise[name].check(argument, y)
    return found, dict(noise)


def _priors(prior, blocks):
    if prior is None:
        return {}
    if not isinstance(prior, Mapping):
        raise TypeError(f"prior is a {type(prior).__name__}; expected a dict {{block: prior}}.")
    for name, each in prior.items():
        if not isinstance(each, Prior):
            raise TypeError(f"prior[{name!r}] is a {type(each).__name__}; expected a prior such as "
                            "pcl.uncertainty.prior.Normal(mean, deviation).")
        if name in blocks:
            each.check(name, blocks[name])
        elif type(each).quantity is Prior.quantity:
            raise ValueError(f"prior names {name!r}; the blocks are {', '.join(blocks)}."
                             f"{nearest(name, blocks)}")
    return dict(prior)


def _of(name):
    return f" of {name!r}" if name else ""


def _named(found):
    return ", ".join(map(repr, found)) if set(found) != {_ALONE} else "one array without a name"
