"""A training problem: an ordinary TensorFlow loss, evaluated with exact derivatives."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.sparse.linalg import LinearOperator, eigsh

from pcl import saved
from pcl.checks import certificate
from pcl.engine.blocks import Blocks, OfBlocks, Named
from pcl.engine.record import Record
from pcl.engine.second import backward, sweep
from pcl.engine.trace import trace
from pcl.errors import TimesNotChosen
from pcl.execute.remote import TIMEOUT
from pcl.experiments.summed import KEEP, Experiments
from pcl.factor.cache import Counts, FactorCache
from pcl.nodes.networks import networks_of
from pcl.support import memory
from pcl.support.types import Array, ArrayLike, Path, Tensor, Theta
from pcl.support.validate import known, positive_integer
from pcl.uncertainty.laplace import Posterior, posterior
from pcl.uncertainty.prior.base import Prior
from pcl.uncertainty.prior.joint import metric
from pcl.uncertainty.statement import Statement


class Problem(OfBlocks):
    """minimise ℓ(u, θ) over θ, where u solves R(u, θ) = 0 inside the loss.

        gradient   ℓ_θ + R_θᵀ λ,   R_uᵀ λ = −ℓ_u
        Hessian    𝓛_θθ + 𝓛_θu S + Sᵀ 𝓛_uθ + Sᵀ 𝓛_uu S,   S = du/dθ,   𝓛 = ℓ + λᵀ R

    The loss is traced once, at construction: what it closes over is read then. Networks, sparse
    products and solves are cut out of the trace and follow rules of their own; everything between
    them is plain TensorFlow. One factorisation a matrix serves state, adjoint and all tangents.

    Parameters
    ----------
    loss : function of a dict {name: tensor} -> scalar float64 tensor
    blocks : dict {name: array}
        Trainable blocks by name with their starting values: parameters of networks, scalars, fields.

    Attributes
    ----------
    size : int
        Number of parameters.
    counts : Counts
        Factorisations and back-substitutions so far.

    Raises
    ------
    ValueError, TypeError
        The loss is no float64 scalar, or depends on no block; a block that is not finite numbers.

    Notes
    -----
    `Problem.from_residuals` states a sum of squares and opens the way to least squares methods.
    Work at the last θ is remembered: value, gradient and Hessian at one θ share it.

    Source of the second-order rule: K. Xu and E. Darve, physics constrained learning, ADCME
    documentation, "Second Order Physics Constrained Learning"; here in Lagrangian form.

    Examples
    --------
    u = k⁻¹ b by a sparse solve, ℓ = (u − 2)² at k = 1, b = 3:

    >>> import numpy as np, pcl
    >>> def loss(t):
    ...     A = pcl.SparseMatrix.from_entries([0], [0], t["k"], (1, 1))
    ...     return (pcl.solve(A, t["b"])[0] - 2.0)**2
    >>> problem = pcl.Problem(loss, {"k": [1.0], "b": [3.0]})
    >>> problem.size, problem.value(problem.theta0)
    (2, 1.0)
    >>> problem.gradient([1.0, 3.0])                        # 2 (u − 2) (−b/k², 1/k)
    array([-6.,  2.])
    >>> problem.hessian([1.0, 3.0])
    array([[30., -8.],
           [-8.,  2.]])
    >>> problem.hvp([1.0, 3.0], [1.0, 0.0])
    array([30., -8.])
    >>> problem.hessian([1.0, 3.0], blocks=["b"])
    array([[2.]])
    >>> problem.unravel([1.0, 3.0]), problem.ravel({"k": [1.0], "b": [3.0]})
    ({'k': array([1.]), 'b': array([3.])}, array([1., 3.]))
    >>> problem.certify().ok
    True
    """

    has_residuals = False
    statement: Statement | None = None
    size: int
    slices: dict[str, slice]
    counts: Counts

    def __init__(self, loss: Callable[[dict[str, Tensor]], Tensor], blocks: Mapping[str, ArrayLike]):
        self._setup(loss, blocks, _scalar_loss)

    @classmethod
    def from_residuals(cls, residuals: Callable[[dict[str, Tensor]], Tensor],
                       blocks: Mapping[str, ArrayLike]) -> "Problem":
        """The problem ℓ(θ) = Σ r(θ)², without a factor ½.

            ∇ℓ = 2 Jᵀ r,   J = dr/dθ

        Parameters
        ----------
        residuals : function of a dict {name: tensor} -> float64 tensor r of any shape
        blocks : dict {name: array}
            Trainable blocks by name with their starting values.

        Returns
        -------
        Problem
            With `residuals`, `jacobian` and least squares methods.

        Raises
        ------
        ValueError, TypeError
            r is no float64 tensor, has no entries, or depends on no block.

        Examples
        --------
        >>> import numpy as np, pcl
        >>> x = np.array([0.0, 1.0, 2.0])
        >>> problem = pcl.Problem.from_residuals(
        ...     lambda t: t["a"] + t["b"] * x - np.array([1.0, 3.0, 4.0]), {"a": 0.0, "b": 0.0})
        >>> problem.residuals([1.0, 2.0]), problem.jacobian([1.0, 2.0])
        (array([0., 0., 1.]), array([[1., 0.],
               [1., 1.],
               [1., 2.]]))
        >>> result = pcl.minimize(problem)
        >>> result.x.round(6), round(result.fun, 6), result.method
        (array([1.166667, 1.5     ]), 0.166667, 'levenberg-marquardt')
        """
        problem = cls.__new__(cls)
        problem.has_residuals = True
        problem._setup(residuals, blocks, _sum_of_squares)
        return problem

    @classmethod
    def from_data(cls, predict: Callable[[dict[str, Tensor]], Any], observed: Any, noise: Any,
                  blocks: Mapping[str, ArrayLike], prior: Mapping[str, Prior] | None = None) -> "Problem":
        """The most probable θ: ℓ = −2 log p(y | f(θ)) − 2 log p(θ), up to a constant.

        Where every part has residuals, as normal noise of known size and normal priors have, it is
        Σ r² with the rows of the data first, and least squares methods apply.

        Parameters
        ----------
        predict : function of a dict {name: tensor} -> float64 tensor f of the shape of `observed`
            Or -> {name: tensor} for several sets of data with a noise model each.
        observed : array y, or {name: array}
        noise : `pcl.uncertainty.noise` model, or {name: model}
            Its own unknowns, such as an unknown σ, become further blocks.
        blocks : dict {name: array}
        prior : dict {block or name: `pcl.uncertainty.prior` model}, optional
            A block without one has a flat prior.

        Returns
        -------
        Problem
            Its `statement` (`pcl.uncertainty.statement.Statement`) has the data, and which rows are data
            and which are prior.

        Raises
        ------
        ValueError, TypeError
            Shapes differ, readings are not finite, names that do not exist, σ ≤ 0.

        Examples
        --------
        >>> import numpy as np, pcl
        >>> from pcl.uncertainty import noise, prior
        >>> problem = pcl.Problem.from_data(lambda t: t["m"] * np.ones(3), [1.0, 1.2, 0.8],
        ...                                 noise.Gaussian(0.1), {"m": 0.5},
        ...                                 {"m": prior.Normal(0.0, 1.0)})
        >>> result = pcl.minimize(problem)
        >>> errors = result.posterior().standard_errors()
        >>> result.x.round(4), float(errors["m"].round(4))              # 300/301, 1/√301
        (array([0.9967]), 0.0576)
        """
        return cls._of_statement(Statement(predict, observed, noise, blocks, prior))

    @classmethod
    def _of_statement(cls, statement):
        problem = cls.__new__(cls)
        problem.statement, problem.has_residuals = statement, statement.has_residuals
        if statement.has_residuals:
            problem._setup(statement.residuals, statement.blocks, _sum_of_squares)
        else:
            problem._setup(statement.loss, statement.blocks, _scalar_loss)
        return problem

    @staticmethod
    def sum(make: Callable[[Any], "Problem"], items: Sequence[Any], executor: Any = "serial", *,
            workers: int | None = None, blocks: Mapping[str, ArrayLike] | None = None,
            prior: Mapping[str, Prior] | None = None, group: int | None = None, keep: int = KEEP,
            timeout: float = TIMEOUT, progress: bool | None = False) -> Experiments:
        """The problem ℓ(θ) = Σ_i ℓ_i(θ) of many experiments that share θ, on one or many workers.

        Parameters
        ----------
        make : function of an item -> Problem
            By any of the three ways. Called where the experiment is computed, once as long as the problem
            is kept. For other processes it has to be such that cloudpickle can send it with what it
            closes over: functions of a notebook are fine, a Problem or a tensor is not.
        items : sequence
            What tells one experiment from another: its data, a boundary condition, a file. Each travels
            once, θ each time.
        executor : str or object
            "serial": here, one after the other. "threads". "processes": of this machine, by loky. "dask",
            the address of a scheduler ("tcp://host:8786") or a `distributed.Client`: workers anywhere
            (extra `dask`). Any `concurrent.futures.Executor`.
        workers : int, optional
            How many are started (by default as many as there are processors), or the executor given has.
        blocks : dict {name: array}, optional
            All of θ with its start, where experiments have blocks of their own; by default those
            of the first experiment. An experiment may have any of them.
        prior : dict {block: `pcl.uncertainty.prior` model}, optional
            What is known of θ before, beside experiments from `from_data`: counted once. (A prior that
            every experiment states counts once for each of them.)
        group : int, optional
            Experiments that one worker sums up at a time, by default a 32nd of all.
        keep : int
            Experiments that a worker keeps once built; those beyond are built again each time.
        timeout : float
            Seconds to wait for the next group from other processes.
        progress : bool, optional
            A bar that counts experiments at every evaluation; None shows it on a terminal only.

        Returns
        -------
        `pcl.experiments.summed.Experiments`
            For `pcl.minimize` and all else that takes a problem. `values(theta)` has the ℓ_i, `close()`
            ends the processes.

        Raises
        ------
        ValueError, TypeError
            Bad arguments; `make` or an item cannot be sent; an experiment's blocks do not fit.
        ExperimentError
            An experiment raised: number, item and error are named, the others are computed all the same.
            (As ExperimentFailure, a TrialFailure, where it has no trustworthy value at this θ.) A worker
            has other versions of Python, TensorFlow, NumPy or SciPy.
        TimeOut, ConnectionError, ImportError
            No worker answers in time; no scheduler; a package is missing.

        Notes
        -----
        Sums are bit for bit the same on any number of workers; a worker uses one thread. What a worker
        had that is lost is computed again.

        Examples
        --------
        >>> import numpy as np, pcl
        >>> def make(reading):
        ...     return pcl.Problem.from_residuals(lambda t: t["m"] * np.ones(2) - reading, {"m": 0.0})
        >>> problem = pcl.Problem.sum(make, [[1.0, 2.0], [3.0, 6.0]])
        >>> problem.value([0.0]), problem.residuals([3.0])
        (50.0, array([ 2.,  1.,  0., -3.]))
        >>> pcl.minimize(problem).x.round(6)
        array([3.])
        """
        def stated(blocks, prior):
            with warnings.catch_warnings():     # blocks that have none
                warnings.filterwarnings("ignore", message="the loss does not depend on the blocks")
                return Problem._of_statement(Statement.of_prior(blocks, prior))

        return Experiments(make, items, executor, workers, blocks, prior, stated, group, keep, timeout,
                           progress)

    def _setup(self, function, blocks, finish):
        memory.keep_released()
        self.blocks = Blocks(blocks)
        self.size, self.slices = self.blocks.size, self.blocks.slices
        self._factors = FactorCache()
        self.counts = self._factors.counts
        self._stated = function, finish
        self._program = self._traced(function, finish)
        self._last: tuple[Array, Record] | None = None
        self._warn_of_unused_blocks()

    def _traced(self, function, finish):
        """The program. Adaptive times that no march has chosen yet are chosen by a run at θ₀ first."""
        try:
            return trace(function, self.blocks.shapes, finish)
        except TimesNotChosen:
            start = self.blocks.unravel(self.blocks.start)
            getattr(function, "python_function", function)(
                Named((name, tf.constant(x, tf.float64)) for name, x in start.items()))
            return trace(function, self.blocks.shapes, finish)

    def restated(self) -> "Problem":
        """The same statement traced anew, for example inside `pcl.halved_steps`."""
        function, finish = self._stated
        problem = Problem.__new__(Problem)
        problem.has_residuals, problem.statement = self.has_residuals, self.statement
        problem._setup(function, self.unravel(self.theta0), finish)
        return problem

    def _warn_of_unused_blocks(self):
        used = self._program.used_blocks()
        unused = [name for i, name in enumerate(self.slices) if i not in used]
        if len(unused) == len(self.slices):
            raise ValueError(f"the loss depends on none of the blocks {', '.join(self.slices)}; expected "
                             "a function of the tensors in its argument.")
        if unused:
            warnings.warn(f"the loss does not depend on the blocks {', '.join(unused)}; their gradient "
                          "is zero.", stacklevel=4)

    def __repr__(self) -> str:
        stated = ("most probable θ" if self.statement is not None else "Σ r²" if self.has_residuals
                  else "a loss")
        nets = self.networks
        parts = [f"{name} {nets[name]!r}" if name in nets else f"{name} {shape or 'a number'}"
                 for name, shape in self.blocks.shapes.items()]
        return f"Problem({stated} of {self.size:,} parameters: {', '.join(parts)})"

    def __reduce__(self):
        raise TypeError("a Problem cannot be pickled, being made of TensorFlow graphs; pickle theta and "
                        "the result, and build the problem again from its function.")

    # --- evaluation --------------------------------------------------------------------------
    def at(self, theta: Theta) -> Record:
        """The `Record` at `theta`: values, adjoints and factorisations; the last one is remembered.

        Raises
        ------
        TrialFailure
            (as NotFinite, InvalidCoefficient or SingularMatrix) no trustworthy value at this θ.
        """
        theta = self.blocks.check(theta)
        last = self._last
        if last is None or not np.array_equal(last[0], theta):
            self._last = None
            record = Record(self._program, list(self.blocks.split(theta).values()), self._factors)
            self._last = last = theta, record
        return last[1]

    def value(self, theta: Theta) -> float:
        """ℓ(θ) at `theta` (size,), a float; +inf is returned as it is, NaN raises NotFinite."""
        return self.at(theta).value

    def gradient(self, theta: Theta) -> Array:
        """dℓ/dθ (size,) at `theta` (size,)."""
        return self.at(theta).gradient.copy()

    def value_and_gradient(self, theta: Theta) -> tuple[float, Array]:
        """ℓ(θ) and dℓ/dθ at `theta` (size,)."""
        record = self.at(theta)
        return record.value, record.gradient.copy()

    def hessian(self, theta: Theta, mode: str = "auto", blocks: Sequence[str] | None = None) -> Array:
        """d²ℓ/dθ² (size, size), exact: no Gauss–Newton term is dropped.

        Parameters
        ----------
        theta : (size,) array or {block: array}
        mode : "auto", "forward" or "backward"
            Tangents of the states (one back-substitution a parameter), or W carried from the loss
            backwards (one an unknown of the state), or the cheaper by `hessian_costs`. They agree to
            rounding.
        blocks : list of names, optional
            Only these rows and columns, in this order; the other parameters are held fixed.

        Raises
        ------
        ValueError
            Another mode, an unknown block.
        MemoryError
            The matrix would not fit: use `hvp`, or a method that needs products only.
        TrialFailure
            No trustworthy value at this θ.
        """
        known("mode", mode, ("auto", "forward", "backward"))
        memory.require(2 * 8 * self.size ** 2, f"the Hessian of {self.size:,} parameters",
                       "use hvp, or a method that needs products only")
        plan = self._plan_of(theta, blocks)
        if mode == "auto":
            costs = backward.costs(plan)
            mode = min(costs, key=costs.__getitem__)
        return sweep.hessian(backward.eliminated(plan) if mode == "backward" else plan)

    def hessian_costs(self, theta: Theta) -> dict[str, float]:
        """Multiplications of the two directions at `theta`, {"forward": …, "backward": …}."""
        return backward.costs(self.at(theta).plan)

    def hvp(self, theta: Theta, v: Theta) -> Array:
        """The product of the Hessian at `theta` (size,) with v (size,): two back-substitutions a solve.

            (d²ℓ/dθ²) v = d/dε ∇ℓ(θ + ε v) at ε = 0

        Exact, and the matrix is never formed. ValueError unless v is (size,) and finite; TrialFailure
        where there is no trustworthy value.
        """
        return self.at(theta).plan.hvp(self.blocks.check(v, "v"))

    def gauss_newton(self, theta: Theta) -> Array:
        """The Gauss–Newton matrix VᵀℓᵥᵥV (size, size) at `theta`, V the sensitivities of what enters ℓ.

        With residuals it is 2 JᵀJ. It is positive semidefinite where ℓ is convex in them.
        """
        return sweep.hessian(self.at(theta).gauss_newton_plan)

    def gauss_newton_product(self, theta: Theta, v: Theta) -> Array:
        """The product of the Gauss–Newton matrix at `theta` (size,) with v (size,).

        ValueError unless v is (size,) and finite.
        """
        return self.at(theta).gauss_newton_plan.hvp(self.blocks.check(v, "v"))

    def eigenvalues(self, theta: Theta, count: int, which: str = "LM",
                    gauss_newton: bool = False) -> tuple[Array, Array]:
        """The `count` extreme eigenvalues and vectors of the Hessian, by products alone (Lanczos).

        Parameters
        ----------
        theta : (size,) array or {block: array}
        count : int below size
        which : "LM", "LA" or "SA"
            Largest in size, largest, smallest (see `scipy.sparse.linalg.eigsh`).
        gauss_newton : bool
            Of the Gauss–Newton matrix instead of the Hessian.

        Returns
        -------
        values (count,), ascending; vectors (size, count)

        Raises
        ------
        ValueError
            count is not a whole number from 1 to size − 1: for all take `numpy.linalg.eigh`.
        """
        count = positive_integer("count", count)
        if count >= self.size:
            raise ValueError(f"count is {count}; expected less than the {self.size} parameters. Use "
                             "numpy.linalg.eigh(problem.hessian(theta)) for all.")
        record = self.at(theta)
        plan = record.gauss_newton_plan if gauss_newton else record.plan
        operator = LinearOperator((self.size, self.size), matvec=plan.hvp, dtype=np.float64)
        start = np.random.default_rng(0).normal(size=self.size)
        return eigsh(operator, k=count, which=which, v0=start)

    def _plan_of(self, theta, names):
        record = self.at(theta)
        if names is None:
            return record.plan
        for name in names:
            known("block", name, self.slices)
        return record.plan_of([list(self.slices).index(name) for name in names])

    def certify(self, theta: Theta | None = None) -> certificate.Certificate:
        """Check every derivative at `theta` (by default `theta0`) against differences, remainders O(h²).

        Returns a `pcl.checks.certificate.Certificate`: `print` it, or ask `ok`.
        """
        return certificate.certify(self, theta)

    def adjoint_error(self, theta: Theta, seed: int = 0) -> float:
        """max |⟨Op x, y⟩ − ⟨x, Opᵀ y⟩|/(|Op x| |y|) over all solves and networks at `theta`, for x, y
        drawn with `seed`."""
        return certificate.adjoint_error(self.at(theta).plan, seed)

    # --- as a density ------------------------------------------------------------------------
    def log_density(self, theta: Theta) -> float:
        """log p(θ | y) at `theta` (size,) up to the evidence: −ℓ/2 + constant.

        Of a problem from `from_data` all constants are there, so that the integral over θ is the
        evidence; of any other the constant is 0, and ℓ has to be −2 log p: Σ r² with r divided by
        the noise.
        """
        return self._log_constant - 0.5 * self.value(theta)

    def log_density_and_gradient(self, theta: Theta) -> tuple[float, Array]:
        """`log_density` and its gradient (size,) at `theta` (size,), for samplers."""
        value, gradient = self.value_and_gradient(theta)
        return self._log_constant - 0.5 * value, -0.5 * gradient

    @property
    def _log_constant(self):
        return 0.0 if self.statement is None else self.statement.constant

    @property
    def preconditioner(self) -> Callable[[Array], Array] | None:
        """v ↦ ½ C₀ v, the inverse of the Hessian of −2 log p₀(θ), C₀ the covariance of normal priors of
        all blocks; None unless every block has one. The metric of `minimize(…, "newton-cg")`."""
        return None if self.statement is None else metric(self.statement.gaussian, self.slices)

    def likelihood(self, theta: Theta) -> "Problem":
        """The problem of `from_data` without its normal priors of blocks, started from `theta`.

        ValueError for a problem that is not from `from_data`.
        """
        statement, blocks = self.statement, self.unravel(theta)
        if statement is None:
            raise ValueError("a likelihood is that of data; state the problem by pcl.Problem.from_data.")
        with warnings.catch_warnings():     # a block may be seen by its prior alone
            warnings.filterwarnings("ignore", message="the loss does not depend on the blocks")
            if statement.rest_has_residuals:
                return Problem.from_residuals(statement.rest_residuals, blocks)
            return Problem(statement.rest_loss, blocks)

    def posterior(self, theta: Theta, **options: Any) -> Posterior:
        """Laplace's approximation at `theta`, a `pcl.uncertainty.Posterior`.

        `options` are those of `pcl.uncertainty.posterior`.
        """
        return posterior(self, theta, **options)

    # --- on disk -------------------------------------------------------------------------------
    @property
    def networks(self) -> dict[str, Any]:
        """{block: network} of the blocks that are parameters of one, wherever it stands in the loss."""
        names = list(self.slices)
        return {names[number]: net for number, net in networks_of(self._program.loss)
                if number < len(names)}

    def save(self, path: Path, result: Any, *, networks: Mapping[str, Any] | None = None,
             posterior: Posterior | None = None) -> None:
        """Write `result`, a `Result` of this problem, to the file `path`; `pcl.load` gives it back.

        `networks` ({block: network}, by default those found in the loss) and `posterior` go with it, see
        `Result.save`.
        """
        saved.save(path, result, self.blocks, self.networks if networks is None else networks, posterior)

    # --- least squares -------------------------------------------------------------------------
    def residuals(self, theta: Theta) -> Array:
        """r(θ) (m,) at `theta` (size,); ValueError for a loss without residuals."""
        self._need_residuals()
        return self.at(theta).residuals.copy()

    def jacobian(self, theta: Theta) -> Array:
        """dr/dθ (m, size) at `theta` (size,); ValueError for a loss without residuals."""
        self._need_residuals()
        record = self.at(theta)
        plan, tangent = record.residual_plan
        if tangent is None:
            return np.zeros((record.residuals.size, self.size))
        return sweep.jacobian(plan, tangent)

    def _need_residuals(self):
        if not self.has_residuals:
            raise ValueError("this problem states a loss, not residuals; state the misfits with "
                             "pcl.Problem.from_residuals(residuals, blocks).")


def _scalar_loss(loss):
    loss = _float64_tensor("the loss", loss)
    if loss.shape.rank != 0:
        raise ValueError(f"the loss has shape {tuple(loss.shape)}; expected a scalar. Reduce it with "
                         "tf.reduce_sum.")
    return loss, None


def _sum_of_squares(residuals):
    residuals = _float64_tensor("residuals", residuals)
    if 0 in residuals.shape:
        raise ValueError(f"residuals has shape {tuple(residuals.shape)}: no observations.")
    return tf.reduce_sum(tf.square(residuals)), residuals


def _float64_tensor(name, value):
    if not tf.is_tensor(value):
        raise TypeError(f"{name} is a {type(value).__name__}; expected a float64 tensor that depends on "
                        "the parameters.")
    if value.dtype != tf.float64:
        raise TypeError(f"{name} has dtype {value.dtype.name}; expected float64.")
    return value
