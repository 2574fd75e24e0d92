"""What a driver sees of a run."""

from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from pcl.support.types import Array
from pcl.training.run.status import Status


class Driven(Protocol):
    """x_{k+1} from x_k: trial points, and one of `accept` and `reject` each iteration.

    `current`, `iteration`, `maxiter`, `bounds`, `objective`
        The last accepted point, the number of iterations so far and their limit, (lower, upper) or
        None, and the `pcl.training.run.objective.Objective`.
    `trial(θ, gradient)`
        A point with theta, loss (+inf: no value) and, if asked for or lower, the gradient.
    `observe(point)`
        A trial point that was evaluated elsewhere.
    `accept(point)`, `reject()`, `dead_end(status)`, `require_time()`
        They end the run by an exception when it is over; `dead_end` always.
    `hessian`, `best_hessian`, `linear_algebra`
        What a method leaves for the result: H at `current` and at the best point, the way it solves.
    `restored`, `offers`, `offer(**state)`
        What was offered in the process before; whether somebody wants it; what the driver needs to go
        on from here.
    `projected_gradient(point)`, `gradient_norm(point)`, `wanted_norm`, `failed_since_accepted`
        g weighted by the room there is for −g; its norm in the metric of the method; that of the
        tolerances; trial points since the last accepted one that had no value.
    """

    hessian: Any
    best_hessian: Any
    linear_algebra: Any

    @property
    def current(self) -> Any: ...

    @property
    def iteration(self) -> int: ...

    @property
    def maxiter(self) -> int: ...

    @property
    def bounds(self) -> Any: ...

    @property
    def objective(self) -> Any: ...

    @property
    def restored(self) -> Mapping[str, Any]: ...

    @property
    def offers(self) -> bool: ...

    @property
    def wanted_norm(self) -> float: ...

    @property
    def failed_since_accepted(self) -> int: ...

    def trial(self, theta: Array, gradient: bool = False) -> Any: ...

    def observe(self, point: Any) -> None: ...

    def accept(self, point: Any) -> None: ...

    def reject(self) -> None: ...

    def offer(self, **state: Any) -> None: ...

    def require_time(self) -> None: ...

    def projected_gradient(self, point: Any) -> Array: ...

    def gradient_norm(self, point: Any) -> float: ...

    def dead_end(self, status: Status) -> NoReturn: ...
