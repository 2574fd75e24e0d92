"""What a training run returns, in SciPy's shape."""

from typing import Any

from scipy.optimize import OptimizeResult

from pcl.support.interface import require_interface
from pcl.support.types import Array, Blocks
from pcl.training.run.history import History
from pcl.training.run.status import Status


class Result(OptimizeResult):
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

    def posterior(self, **options: Any) -> Any:
        """Laplace's approximation at x, a `pcl.uncertainty.Posterior`; options as in
        `pcl.uncertainty.posterior`.

        ValueError for a result that was read from a file: call `problem.posterior(result.x)`.
        """
        problem = self.__dict__.get("_problem")
        if problem is None:
            raise ValueError("this result came without its problem; call problem.posterior(result.x).")
        require_interface(problem, "posterior")
        return problem.posterior(self.x, **options)
