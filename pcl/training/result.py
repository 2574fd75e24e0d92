"""What a training run returns, in SciPy's shape."""

from typing import Any

from scipy.optimize import OptimizeResult

from pcl.support.interface import require_interface
from pcl.support.outcome import Outcome, described
from pcl.support.types import Array, Blocks, Path
from pcl.training.run.history import History
from pcl.training.run.status import Status


class Result(Outcome, OptimizeResult):
    """Outcome of `pcl.minimize`, a `scipy.optimize.OptimizeResult`: attributes and items are the same."""

    x: Array                        # the best point evaluated
    theta: Blocks                   # the same by name; None where the problem has no `unravel`
    fun: float
    jac: Array
    gradient_norm: float
    hess: Array | None
    smallest_eigenvalue: float | None
    success: bool
    status: Status
    message: str
    method: str
    nit: int
    nfev: int
    njev: int
    nhev: int
    nhvp: int
    failed: int
    counts: dict[str, int]
    verdict_counts: dict[str, int]
    history: History
    stages: list
    linear_algebra: str | None
    certificate: Any                # with certify=True

    def of(self, problem: Any) -> "Result":
        """The same, with its problem at hand: for `posterior`, not among the items, not pickled."""
        object.__setattr__(self, "_problem", problem)
        return self

    def __getstate__(self):
        return None

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the run."""
        return float(self.history.seconds[-1]) if len(self.history) else 0.0

    def summary(self) -> str:
        """Why it ended, loss, gradient, counts, and θ by name."""
        lines = [self.message, f"loss {self.fun:.6g}, gradient norm {self.gradient_norm:.3g}, {self.nit} "
                               f"iterations of {self.method}, {self.seconds:.3g} s"]
        return "\n".join(lines + described(self.theta or {}))

    def plot(self, ax: Any = None, against: str = "iterations") -> Any:
        """Loss and gradient norm over the run, see `History.plot`."""
        return self.history.plot(ax, against)

    def save(self, path: Path, **options: Any) -> None:
        """Write θ by name, networks, history, versions and, if given, the posterior to one file.

        `pcl.load(path)` gives them back: laws as functions with derivatives, no code executed.

        Parameters
        ----------
        path : path
            Written whole or not at all; what was there before stays as path.previous.
        networks : {block: MLP or ICNN}, optional
            By default those that are found in the loss.
        posterior : Posterior, optional

        Raises
        ------
        OSError, TypeError, ValueError
            Not writable; a network that cannot be written down; a result without its problem: call
            `problem.save(path, result)`.
        """
        self._of("save").save(path, self, **options)

    def _of(self, wanted):
        problem = self.__dict__.get("_problem")
        if problem is None:
            raise ValueError(f"this result came without its problem; call problem.{wanted} instead.")
        require_interface(problem, wanted)
        return problem

    def posterior(self, **options: Any) -> Any:
        """Laplace's approximation at x, a `pcl.uncertainty.Posterior`; options as in
        `pcl.uncertainty.posterior`.

        ValueError for a result that was read from a file: call `problem.posterior(result.x)`.
        """
        return self._of("posterior").posterior(self.x, **options)

    def check_model(self, **options: Any) -> Any:
        """Whether the readings look like draws of the fitted model, a `pcl.uncertainty.ModelCheck`;
        options as in `pcl.uncertainty.checking.check_model`, for problems from `Problem.from_data`."""
        return self.posterior().check_model(**options)
