"""What `FullSpace.minimize` returns."""

from typing import Any

from scipy.optimize import OptimizeResult

from pcl.support.outcome import Outcome, described
from pcl.support.types import Array


class FullSpaceResult(Outcome, OptimizeResult):
    """Outcome of `FullSpace.minimize`; attributes and items are the same.

    Attributes
    ----------
    x, theta : θ flat and by name
    state : all u, one after the other
    fun, success, status, message, nit, seconds : as of `pcl.interior_point.solve`
    quantities : {name: q at the solution}
    multipliers : {name: μ}, positive at an upper limit and negative at a lower one, 0 where neither holds
    interior_point : the `pcl.interior_point.Result` of (θ, u), with the multipliers of R = 0
    """

    x: Array
    theta: dict[str, Array]
    state: Array
    fun: float
    success: bool
    status: Any
    message: str
    nit: int
    seconds: float
    quantities: dict[str, Array]
    multipliers: dict[str, Array]
    interior_point: Any

    def summary(self) -> str:
        """How it ended, θ and the limited quantities."""
        lines = [self.message, f"loss {self.fun:.8g}, {self.x.size:,} parameters, {self.state.size:,} "
                 f"state unknowns, {self.nit} iterations, {self.seconds:.3g} s"]
        return "\n".join([*lines, *described(self.theta), *described(self.quantities)])
