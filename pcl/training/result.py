"""What a training run returns, in SciPy's shape."""

from typing import Any

from scipy.optimize import OptimizeResult

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
