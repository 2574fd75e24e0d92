"""Draws of a posterior by Markov chains, and whether to trust them."""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from pcl.support.types import Array, ArrayLike, Blocks, Booleans, Tensor
from pcl.support.validate import positive_integer
from pcl.uncertainty.laplace.band import Band
from pcl.uncertainty.laplace.bands import law_of, sampled_band
from pcl.uncertainty.sampling.diagnostics import effective_sizes, potential_scale_reduction

AGREE = 1.01        # R̂ up to which chains agree; Vehtari and others, 2021
ENOUGH = 100        # effective draws a chain; the same


class ChainStatus(enum.Enum):
    """Why the chains ended; the value is a sentence.

    Examples
    --------
    >>> import pcl
    >>> pcl.uncertainty.ChainStatus.COMPLETE.value
    'all draws are made'
    """

    COMPLETE = "all draws are made"
    INTERRUPTED = ("interrupted (Ctrl-C): the draws so far; go on with resume=True if there is a "
                   "checkpoint")
    DIED = ("the process of a chain died, and another for the same steps (killed, out of memory, or a "
            "fault in compiled code); go on with resume=True if there is a checkpoint, or with n_jobs=1 "
            "to see more")


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Draws of p(θ | y) by several chains; prints as a table with a verdict.

    Attributes
    ----------
    theta : ndarray (chains, draws, p)
    log_density : ndarray (chains, draws), log p up to a constant
    acceptance : ndarray (chains, draws), probability that the step was accepted
    divergent : ndarray (chains, draws) of bool, trajectories that lost their energy
    steps : ndarray (chains,), the size of a step (β of pcn) after the warm-up
    failed : int
        Trials at which the model had no value, warm-up included; they were rejected.
    shapes : {block: shape}
    method : str
    status : ChainStatus
    warmup : int
    seconds : float
    lost : tuple of int
        Numbers of chains whose process died, from 0; they are not among the draws unless all are lost.
    problem, laws
        What was sampled, and what a law given to `band` stands for, see `Posterior`.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem.from_data(lambda t: t["k"], [1.0], pcl.uncertainty.noise.Gaussian(0.5),
    ...                                 {"k": [0.0]})
    >>> posterior = problem.posterior(pcl.minimize(problem).x)
    >>> samples = pcl.uncertainty.sample(problem, posterior, "pcn", chains=2, draws=400, warmup=100)
    >>> samples.theta.shape, samples.status.name, samples.mean()["k"].round(1)
    ((2, 400, 1), 'COMPLETE', array([1.]))
    >>> low, high = samples.interval(0.9)["k"]              # 1 ± 1.64 · 0.5 = (0.18, 1.82)
    >>> low.round(1), high.round(1)
    (array([0.2]), array([1.8]))
    """

    theta: Array
    log_density: Array
    acceptance: Array
    divergent: Booleans
    steps: Array
    failed: int
    shapes: dict[str, tuple]
    method: str
    status: ChainStatus
    warmup: int
    seconds: float
    problem: Any = None
    laws: Callable[..., Any] = law_of
    lost: tuple[int, ...] = ()

    def __getstate__(self):
        return {**self.__dict__, "problem": None, "laws": None}      # a problem cannot be pickled

    # --- numbers -------------------------------------------------------------------------------
    @property
    def blocks(self) -> Blocks:
        """{block: (chains, draws, *shape)}."""
        return self._by_block(self.theta)

    @property
    def pooled(self) -> Array:
        """θ of all chains one after the other, (chains · draws, p)."""
        return self.theta.reshape(-1, self.theta.shape[-1])

    def mean(self) -> Blocks:
        """{block: posterior mean}."""
        return self._by_block(self.pooled.mean(axis=0))

    def standard_errors(self) -> Blocks:
        """{block: standard deviations of the posterior}, as of `Posterior`."""
        return self._by_block(self.pooled.std(axis=0, ddof=1))

    def interval(self, level: float = 0.95) -> dict[str, tuple[Array, Array]]:
        """{block: (lower, upper)}, quantiles that leave (1 − level)/2 on either side.

        ValueError unless `level` is in (0, 1).
        """
        tails = np.quantile(self.pooled, _tails(level), axis=0)
        lower, upper = map(self._by_block, tails)
        return {name: (lower[name], upper[name]) for name in lower}

    def covariance(self) -> Array:
        """Of θ, (p, p)."""
        return np.atleast_2d(np.cov(self.pooled.T))

    # --- functions -----------------------------------------------------------------------------
    def band(self, law: Callable[[dict[str, Tensor]], Tensor] | str, points: ArrayLike | None = None, *,
             level: float = 0.9, simultaneous: bool = False, draws: int = 1000,
             **where: Any) -> Band:
        """A band on any function of θ by its quantiles over draws; see `Posterior.band`.

        Parameters
        ----------
        law : function {name: tensor} -> tensor (q,), written as a loss is, solves included
            Or the name of a block, for its numbers; of a fit see `pcl.dae.Fit.posterior`.
        points : (q,) or (q, d) array, optional
        level : float in (0, 1)
        simultaneous : bool
            Whether the band holds at all points together; by default at each of them.
        draws : int
            At so many of the draws, evenly over all chains, the law is evaluated. The value of the band
            is their median.
        where
            Further arguments of laws of a fit, see `pcl.dae.Fit.posterior`.

        Returns
        -------
        Band

        Raises
        ------
        ValueError, TypeError
            A level outside (0, 1), an unknown block, a law of another shape.
        """
        if self.problem is None:
            raise ValueError("these samples came without their problem (from a file or a process); "
                             "evaluate the law at samples.pooled, or sample with the problem at hand.")
        _tails(level)
        count = min(positive_integer("draws", draws, minimum=2), len(self.pooled))
        chosen = self.pooled[np.linspace(0, len(self.pooled) - 1, count).round().astype(int)]
        stated = self.laws(self.problem, chosen[0], law, points, **where)
        return sampled_band(stated, chosen, points, level, bool(simultaneous))

    # --- judged --------------------------------------------------------------------------------
    def r_hat(self) -> Blocks:
        """{block: R̂}, 1 where chains agree; see `diagnostics.potential_scale_reduction`."""
        return self._by_block(self._r_hat)

    def effective(self) -> Blocks:
        """{block: effective number of independent draws}; see `diagnostics.effective_sizes`."""
        return self._by_block(self._effective)

    @functools.cached_property
    def _r_hat(self):
        return potential_scale_reduction(self.theta)

    @functools.cached_property
    def _effective(self):
        return effective_sizes(self.theta)

    @property
    def mixed(self) -> bool:
        """Whether R̂ and the effective number of draws of every number are as they should be."""
        return bool(np.all(self._r_hat <= AGREE) and np.all(self._effective >= self._needed))

    @property
    def _needed(self):
        return ENOUGH * len(self.theta)

    @property
    def verdict(self) -> str:
        """What limits the draws and what to do, in words; empty if nothing was found."""
        words = [] if self.status is ChainStatus.COMPLETE else [f"Not complete: {self.status.value}."]
        words += [f"Lost: chain {', '.join(map(str, self.lost))}."] if self.lost else []
        if self.theta.shape[1] < 4:
            return " ".join([*words, f"{self.theta.shape[1]} draws a chain say nothing."])
        return " ".join([*words, *self._mixing(), *self._steps()])

    def _mixing(self):
        if not np.all(self._r_hat <= AGREE):
            worst = int(np.argmax(self._r_hat))
            above = np.sum(~(self._r_hat <= AGREE))
            yield (f"The chains do not agree: R̂ is up to {self._r_hat[worst]:.3g}, of "
                   f"{self._name(worst)} ({above} of {self._r_hat.size} numbers above {AGREE}). Take "
                   "more draws and a longer warm-up. If it stays, look for other minima by "
                   "pcl.multi_start: the density may have several peaks.")
        least = int(np.argmin(self._effective))
        if self._effective[least] < self._needed:
            more = self.theta.shape[1] * self._needed / max(self._effective[least], 1.0)
            yield (f"Too few effective draws: {self._effective[least]:.0f} of {self._name(least)}; "
                   f"expected {self._needed}. Take about {np.ceil(more / 100) * 100:.0f} draws a chain.")

    def _steps(self):
        count, total = int(self.divergent.sum()), self.divergent.size
        if count:
            yield (f"{count} of {total} steps diverged: the density bends more sharply than the step can "
                   "follow, and draws there are missing. Raise acceptance to 0.95 or more, or state θ in "
                   "other coordinates, such as logarithms.")
        if self.acceptance.mean() < 0.1:
            yield (f"Only {100 * self.acceptance.mean():.1f} % of steps are accepted: take a longer "
                   "warm-up, or another method.")
        if self.failed:
            yield f"{self.failed} trials had no value and were rejected."

    # --- for others ----------------------------------------------------------------------------
    def to_arviz(self) -> Any:
        """An `arviz.InferenceData` with groups posterior and sample_stats (of arviz 1, its DataTree).

        ImportError if arviz is not installed.
        """
        try:
            arviz = importlib.import_module("arviz")
        except ImportError as error:
            raise ImportError("to_arviz needs the package 'arviz', which is not installed. Run `pip "
                              "install arviz`; samples.blocks holds the draws.") from error
        groups = {"posterior": self.blocks,
                  "sample_stats": {"lp": self.log_density, "acceptance_rate": self.acceptance,
                                   "diverging": self.divergent}}
        first = int(arviz.__version__.split(".")[0])
        return arviz.from_dict(**groups) if first == 0 else arviz.from_dict(groups)

    def __str__(self) -> str:
        chains, draws, _ = self.theta.shape
        head = (f"{self.method}: {chains} chains of {draws} draws after {self.warmup} of warm-up, "
                f"{self.seconds:.1f} s; acceptance {self.acceptance.mean() if draws else np.nan:.2f}, "
                f"{self.divergent.sum()} divergent, {self.failed} failed")
        lines = [head, *(self._table() if draws > 1 else ()), self.verdict]
        return "\n".join(line for line in lines if line)

    def __repr__(self) -> str:
        return str(self)

    def _table(self):
        yield (f"{'':<16}{'mean':>12}{'deviation':>12}{'2.5 %':>12}{'97.5 %':>12}{'R̂':>9}"
               f"{'effective':>11}")
        columns = np.array([
            self.pooled.mean(axis=0), self.pooled.std(axis=0, ddof=1),
            *np.quantile(self.pooled, _tails(0.95), axis=0), self._r_hat, self._effective])
        order = np.argsort(self._effective, kind="stable") if columns.shape[1] > SHOWN else ...
        shown = np.arange(columns.shape[1])[order][:SHOWN]
        for i in shown:
            *values, r_hat, effective = columns[:, i]
            yield (f"{self._name(i):<16}" + "".join(f"{v:>12.5g}" for v in values)
                   + f"{r_hat:>8.3f}{effective:>11.0f}")
        if columns.shape[1] > SHOWN:
            yield f"… the {SHOWN} of {columns.shape[1]} numbers with the fewest effective draws"

    def _by_block(self, values):
        """{block: (…, *shape)} of (…, p)."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            found[name] = values[..., start:start + size].reshape((*values.shape[:-1], *shape))
            start += size
        return found

    def _name(self, i):
        """What entry i of θ is called."""
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            if i < size:
                index = ", ".join(str(int(k)) for k in np.unravel_index(i, shape)) if shape else ""
                return f"{name}[{index}]" if shape else name
            i -= size


SHOWN = 12


def _tails(level):
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level!r}; expected a probability between 0 and 1.")
    return 0.5 - level / 2.0, 0.5 + level / 2.0
