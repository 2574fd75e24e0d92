"""The sum of many problems that share θ: a problem for all that trains and judges problems."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from pcl import saved
from pcl.checks import certificate
from pcl.engine.blocks import Blocks, OfBlocks
from pcl.execute.chosen import chosen
from pcl.execute.remote import AHEAD
from pcl.experiments.crew import crew
from pcl.experiments.errors import brief, raised
from pcl.experiments.operations import OF_EXPERIMENTS, OPERATIONS
from pcl.experiments.question import Answer, Failure, Question
from pcl.experiments.station import Layout
from pcl.experiments.statement import SharedStatement
from pcl.factor.cache import Counts
from pcl.support import clock, memory
from pcl.support.types import Array, ArrayLike, Path, Theta
from pcl.support.validate import known, positive_integer
from pcl.training.progress import Progress
from pcl.uncertainty.laplace import Posterior, posterior
from pcl.uncertainty.prior.base import Prior
from pcl.uncertainty.prior.joint import metric

KEEP = 1000         # experiments that a worker keeps once built
GROUPS = 32         # parts of the work, whatever the number of workers


class Experiments(OfBlocks):
    """ℓ(θ) = Σ_i ℓ_i(θ) over experiments i that share θ, computed by one or many workers.

        value, gradient, Hessian, products     Σ_i, in the order of the items
        residuals, Jacobian                    rows of the experiments, one after the other

    Made by `pcl.Problem.sum`, which says what it is given. It has the interface of a `Problem`:
    `pcl.minimize`, `pcl.check_gradient`, `pcl.check_hessian`, `posterior` and `certify` take it.

    Attributes
    ----------
    size : int
        Number of parameters.
    items : tuple
    blocks : the layout of θ
    counts : Counts
        Factorisations and back-substitutions of all experiments so far.

    Notes
    -----
    Sums are taken in a fixed order: in groups of consecutive items, each by one worker from its first
    item on, then over the groups from the first on. Groups depend on the number of items alone, so that
    numbers agree bit for bit on any number of workers, each of which uses one thread.
    """

    def __init__(self, make: Callable[[Any], Any], items: Sequence[Any], executor: Any,
                 workers: int | None, blocks: Mapping[str, ArrayLike] | None,
                 prior: Mapping[str, Prior] | None,
                 stated: Callable[[Mapping[str, ArrayLike], Mapping[str, Prior]], Any],
                 group: int | None, keep: int, timeout: float, progress: bool | None):
        self.items = _checked(make, items)
        self._group = (math.ceil(len(self.items) / GROUPS) if group is None
                       else positive_integer("group", group))
        self._progress = progress
        self._again = functools.partial(Experiments, make, self.items, blocks=blocks, prior=prior,
                                        stated=stated, group=group, keep=keep, timeout=timeout,
                                        progress=progress)
        self._workers, self._own = chosen(executor, workers, timeout), isinstance(executor, str)
        self._crew = crew(make, self.items, self._workers, positive_integer("keep", keep))
        first = self._first()
        self.blocks = Blocks(first.unravel(first.theta0) if blocks is None else blocks)
        self.size, self.slices = self.blocks.size, self.blocks.slices
        self.has_residuals = self._have_residuals = bool(first.has_residuals)
        self.networks: dict[str, Any] = getattr(first, "networks", {})
        self.counts = Counts()
        layout = Layout(self.blocks.shapes, self.slices)
        layout.check(first)
        self._crew.begin(layout)
        self._stated, self._prior = stated, self._of_prior(first, prior, stated)
        self.statement = None if first.statement is None else SharedStatement(
            self.slices, getattr(self._prior, "statement", None), lambda: self._rows)
        self._rows, self._numbers = 0, range(len(self.items))
        self._last: tuple[Array, dict[str, tuple]] | None = None

    def _first(self):
        try:
            return self._crew.first()
        except Exception as error:
            failure = Failure(0, error, "")
            raise raised([failure], self.items, len(self.items)) from error

    def _of_prior(self, first, prior, stated):
        if prior is None:
            return None
        if first.statement is None:
            raise ValueError("prior is given, but the experiments state no noise to weigh it against; "
                             "state them by pcl.Problem.from_data.")
        found = stated(self.unravel(self.theta0), prior)
        self.has_residuals = self.has_residuals and found.has_residuals
        return found

    def __repr__(self) -> str:
        blocks = ", ".join(f"{name} {shape or 'a number'}" for name, shape in self.blocks.shapes.items())
        return (f"Experiments({len(self.items):,} by {self._workers!r}, {self.size:,} parameters: "
                f"{blocks})")

    @property
    def experiments(self) -> int:
        """How many there are."""
        return len(self._numbers)

    def __reduce__(self):
        raise TypeError("experiments cannot be pickled; state them again where they are needed.")

    def restated(self) -> "Experiments":
        """The same experiments traced anew, for example inside `pcl.halved_steps`; all are built at once.

        ValueError where other processes build them, or not all of them are kept.
        """
        if not self._workers.here or self._again.keywords["keep"] < len(self.items):
            raise ValueError("experiments are traced anew in this process alone, all of them; state the "
                             "sum with executor='serial' and a larger keep= for this.")
        other = self._again(executor=self._workers, workers=None)
        other.value(other.theta0)
        return other

    # --- evaluation --------------------------------------------------------------------------
    def value(self, theta: Theta) -> float:
        """ℓ(θ) at `theta` (size,)."""
        kept = self._kept(self.blocks.check(theta)).get("value and gradient")
        return float(kept[0] if kept else self._remembered("value", theta)[0])

    def gradient(self, theta: Theta) -> Array:
        """dℓ/dθ (size,) at `theta` (size,)."""
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: Theta) -> tuple[float, Array]:
        """ℓ(θ) and dℓ/dθ at `theta` (size,)."""
        value, gradient = self._remembered("value and gradient", theta)
        return float(value), gradient.copy()

    def values(self, theta: Theta) -> Array:
        """ℓ_i(θ) of each experiment (n,) at `theta` (size,).

        ExperimentError if one raises, whose `others` has the values of the others by their numbers.
        """
        return self._remembered("values", theta)[0].copy()

    def hessian(self, theta: Theta, mode: str = "auto", blocks: Sequence[str] | None = None) -> Array:
        """d²ℓ/dθ² (size, size), exact; `mode` and `blocks` as in `Problem.hessian`."""
        known("mode", mode, ("auto", "forward", "backward"))
        for name in blocks or ():
            known("block", name, self.slices)
        self._require_matrix("Hessian")
        return self._asked("Hessian", theta, options={
            "mode": mode, "blocks": None if blocks is None else list(blocks)})[0]

    def hvp(self, theta: Theta, v: Theta) -> Array:
        """The product of the Hessian at `theta` (size,) with v (size,)."""
        return self._asked("product", theta, v)[0]

    def gauss_newton(self, theta: Theta) -> Array:
        """The Gauss–Newton matrix (size, size) at `theta`, the sum of those of the experiments."""
        self._require_matrix("Gauss–Newton matrix")
        return self._asked("Gauss-Newton matrix", theta)[0]

    def gauss_newton_product(self, theta: Theta, v: Theta) -> Array:
        """The product of the Gauss–Newton matrix at `theta` (size,) with v (size,)."""
        return self._asked("Gauss-Newton product", theta, v)[0]

    def eigenvalues(self, theta: Theta, count: int, which: str = "LM",
                    gauss_newton: bool = False) -> tuple[Array, Array]:
        """The `count` extreme eigenvalues and vectors of the Hessian, as `Problem.eigenvalues`."""
        count, product = positive_integer("count", count), (
            self.gauss_newton_product if gauss_newton else self.hvp)
        if count >= self.size:
            raise ValueError(f"count is {count}; expected less than the {self.size} parameters. Use "
                             "numpy.linalg.eigh(problem.hessian(theta)) for all.")
        operator = LinearOperator((self.size, self.size), matvec=lambda v: product(theta, v.ravel()),
                                  dtype=np.float64)
        start = np.random.default_rng(0).normal(size=self.size)
        return eigsh(operator, k=count, which=which, v0=start)

    def residuals(self, theta: Theta) -> Array:
        """r(θ) (m,) at `theta` (size,), those of the first experiment first."""
        self._need_residuals()
        return self._remembered("residuals", theta)[0].copy()

    def jacobian(self, theta: Theta) -> Array:
        """dr/dθ (m, size) at `theta` (size,)."""
        self._need_residuals()
        return self._asked("Jacobian", theta)[0]

    def certify(self, theta: Theta | None = None) -> certificate.Certificate:
        """Check every derivative at `theta` (by default `theta0`), as `Problem.certify` does."""
        return certificate.certify(self, theta)

    def adjoint_error(self, theta: Theta, seed: int = 0) -> float:
        """The largest of the experiments', see `Problem.adjoint_error`."""
        return float(self._asked("adjoint error", theta, options={"seed": seed})[0].max())

    # --- as a density ------------------------------------------------------------------------
    def log_density(self, theta: Theta) -> float:
        """log p(θ | y) at `theta` (size,), the sum of those of the experiments."""
        return float(self._remembered("log density", theta)[0])

    def log_density_and_gradient(self, theta: Theta) -> tuple[float, Array]:
        """`log_density` and its gradient (size,) at `theta` (size,), for samplers."""
        value, gradient = self._remembered("log density and gradient", theta)
        return float(value), gradient.copy()

    @property
    def preconditioner(self) -> Callable[[Array], Array] | None:
        """v ↦ ½ C₀ v of the normal `prior` of all blocks, as `Problem.preconditioner`; else None."""
        return None if self.statement is None else metric(self.statement.gaussian, self.slices)

    def likelihood(self, theta: Theta) -> "Experiments":
        """The same experiments without the normal priors of blocks, started from `theta`."""
        if self.statement is None:
            raise ValueError("a likelihood is that of data; state the experiments by "
                             "pcl.Problem.from_data.")
        other = Experiments.__new__(Experiments)
        vars(other).update(vars(self), blocks=Blocks(self.unravel(theta)), _last=None, _prior=None)
        left = {name: prior for name, prior in self.statement.priors.items()
                if name not in self.statement.gaussian}
        if left:
            other._prior = self._stated(other.unravel(theta), left)
        other.has_residuals = self._have_residuals and (not left or other._prior.has_residuals)
        return other

    def posterior(self, theta: Theta, **options: Any) -> Posterior:
        """Laplace's approximation at `theta`, a `pcl.uncertainty.Posterior`."""
        return posterior(self, theta, **options)

    # --- some of them ----------------------------------------------------------------------------
    def batch(self, numbers: Iterable[int]) -> "Experiments":
        """The sum over some experiments, by their numbers, where they are computed anyway.

        Without the prior's part: gradients of batches that cover all add up to that of the likelihood.
        """
        chosen = sorted(set(map(int, numbers)))
        if not chosen or chosen[0] < 0 or chosen[-1] >= len(self.items):
            raise ValueError(f"numbers is {brief(chosen)}; expected some of 0 … {len(self.items) - 1}.")
        other = Experiments.__new__(Experiments)
        vars(other).update(vars(self), _numbers=chosen, _last=None, _prior=None, _own=False)
        other.has_residuals = self._have_residuals
        return other

    def estimated_gradient(self, theta: Theta, numbers: Iterable[int]) -> Array:
        """n/b Σ_batch dℓ_i/dθ and the prior's part (size,): dℓ/dθ as b of the n experiments tell it."""
        batch = self.batch(numbers)
        scale = self.experiments / batch.experiments
        gradient = scale * batch.gradient(theta)
        return gradient if self._prior is None else gradient + self._prior.gradient(theta)

    # --- on disk -------------------------------------------------------------------------------
    def save(self, path: Path, result: Any, *, networks: Mapping[str, Any] | None = None,
             posterior: Posterior | None = None) -> None:
        """Write `result` to the file `path`, as `Problem.save` does."""
        saved.save(path, result, self.blocks, self.networks if networks is None else networks, posterior)

    # --- workers ---------------------------------------------------------------------------------
    def close(self) -> None:
        """End the workers that were started for this sum; they are started again when it is asked."""
        if self._own:
            self._workers.close()

    def __enter__(self) -> "Experiments":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- asking ------------------------------------------------------------------------------
    def _kept(self, theta):
        """What is remembered at this θ, the last one."""
        if self._last is None or not np.array_equal(self._last[0], theta):
            self._last = theta.copy(), {}
        return self._last[1]

    def _remembered(self, what, theta):
        theta = self.blocks.check(theta)
        kept = self._kept(theta)
        if what not in kept:
            kept[what] = self._asked(what, theta)
        return kept[what]

    def _asked(self, what, theta, v=None, options=None):
        """What is asked of all experiments, as a tuple of numbers and arrays."""
        theta = self.blocks.check(theta)
        v = None if v is None else self.blocks.check(v, "v")
        questions = self._questions(what, theta, v, options or {}, self._numbers)
        found = self._gathered(what, questions)
        if what == "residuals":
            self._rows = found[0].size
        if self._prior is None or what in OF_EXPERIMENTS:
            return found
        return self._with_prior(OPERATIONS[what], found, theta, v, options or {})

    def _with_prior(self, operation, found, theta, v, options):
        """The prior's part is added, or its rows come last."""
        own = operation.compute(self._prior, theta, v, options)
        if operation.stacked:
            return tuple(map(np.concatenate, zip(found, own)))
        return tuple(a + b for a, b in zip(found, own))

    def _questions(self, what, theta, v, options, numbers):
        """One for each group; {group: Question}."""
        groups: dict[int, list[int]] = {}
        for number in numbers:
            groups.setdefault(number // self._group, []).append(number)
        return {group: Question(what, tuple(members), theta, v, options)
                for group, members in groups.items()}

    def _gathered(self, what, questions):
        stacked = OPERATIONS[what].stacked
        parts: list[tuple] = []
        failures: list[Failure] = []
        answered: list[tuple[Question, Answer]] = []
        for question, answer in self._answers(what, questions):
            failures.extend(answer.failures)
            if answer.parts is None:
                continue
            answered.append((question, answer))
            if stacked or not parts:
                parts.append(answer.parts)
            else:
                parts[0] = tuple(a + b for a, b in zip(parts[0], answer.parts))
        if failures:
            others = _others(answered) if what == "values" else None
            raise raised(failures, self.items, len(self.items), others) from failures[0].error
        return tuple(map(np.concatenate, zip(*parts))) if stacked else parts[0]

    def _answers(self, what, questions: dict[int, Question]) -> Iterator[tuple[Question, Answer]]:
        """The answers of the groups in their order, counted and shown."""
        total = sum(len(question.numbers) for question in questions.values())
        bar = Progress(self._progress, total, what)
        asked = list(questions.values())
        done = 0
        try:
            for question, answer in zip(asked, self._crew.answers(asked, list(questions))):
                done += len(question.numbers)
                self.counts.factorisations += answer.work[0]
                self.counts.back_substitutions += answer.work[1]
                bar.advance(len(question.numbers), f"{done} of {total} experiments")
                yield question, answer
                clock.look()
        finally:
            bar.close()

    def _require_matrix(self, name):
        waiting = 2 + AHEAD * self._workers.count
        memory.require(8 * waiting * self.size ** 2, f"the {name} of {self.size:,} parameters",
                       "use hvp, or a method that needs products only")

    def _need_residuals(self):
        if not self.has_residuals:
            raise ValueError("these experiments state losses, not residuals; state the misfits with "
                             "pcl.Problem.from_residuals(residuals, blocks).")


def _others(answered):
    """{number: value} of the experiments that have one."""
    found: dict[int, float] = {}
    for question, answer in answered:
        failed = {failure.number for failure in answer.failures}
        good = [number for number in question.numbers if number not in failed]
        found.update(zip(good, answer.parts[0].tolist()))
    return found


def _checked(make, items):
    if not callable(make):
        raise TypeError(f"make is a {type(make).__name__}; expected a function of an item that returns a "
                        "pcl.Problem.")
    try:
        items = tuple(items)
    except TypeError:
        raise TypeError(f"items is {items!r}; expected a sequence, one for each experiment.") from None
    if not items:
        raise ValueError("items is empty; expected at least one experiment.")
    return items
