"""A run as one of several methods sees it that follow each other."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from pcl.support.types import Array
from pcl.training.run.run import Run
from pcl.training.run.status import Status


class Part:
    """The iterations of method `number`: after each of them `ask()` may leave the method, by raising.

    What it offers carries its number, and it finds what it offered itself in the process before. With
    `anew` every accepted point is one that it can be taken up from. All else is the run's.
    """

    def __init__(self, run: Run, number: int, ask: Callable[[], None], anew: bool):
        self._run, self._number, self._ask, self._anew = run, number, ask, anew

    @property
    def restored(self) -> Mapping[str, Any]:
        """What this method offered in the process before."""
        kept = self._run.restored
        return kept if kept.get("method") == self._number else {}

    def offer(self, **state: Any) -> None:
        """As of the run, with the number of the method."""
        self._run.offer(method=self._number, **state)

    def accept(self, point: Any) -> None:
        """As of the run, then the question."""
        self._run.accept(point)
        if self._anew:
            self.offer()
        self._ask()

    def reject(self) -> None:
        """As of the run, then the question."""
        self._run.reject()
        self._ask()

    # --- as of the run --------------------------------------------------------------------------
    @property
    def current(self) -> Any:
        return self._run.current

    @property
    def iteration(self) -> int:
        return self._run.iteration

    @property
    def maxiter(self) -> int:
        return self._run.maxiter

    @property
    def bounds(self) -> Any:
        return self._run.bounds

    @property
    def objective(self) -> Any:
        return self._run.objective

    @property
    def offers(self) -> bool:
        return self._run.offers

    @property
    def wanted_norm(self) -> float:
        return self._run.wanted_norm

    @property
    def failed_since_accepted(self) -> int:
        return self._run.failed_since_accepted

    @property
    def hessian(self) -> Any:
        return self._run.hessian

    @hessian.setter
    def hessian(self, H: Any) -> None:
        self._run.hessian = H

    @property
    def best_hessian(self) -> Any:
        return self._run.best_hessian

    @best_hessian.setter
    def best_hessian(self, H: Any) -> None:
        self._run.best_hessian = H

    @property
    def linear_algebra(self) -> Any:
        return self._run.linear_algebra

    @linear_algebra.setter
    def linear_algebra(self, name: Any) -> None:
        self._run.linear_algebra = name

    def trial(self, theta: Array, gradient: bool = False) -> Any:
        return self._run.trial(theta, gradient)

    def observe(self, point: Any) -> None:
        self._run.observe(point)

    def require_time(self) -> None:
        self._run.require_time()

    def projected_gradient(self, point: Any) -> Array:
        return self._run.projected_gradient(point)

    def gradient_norm(self, point: Any) -> float:
        return self._run.gradient_norm(point)

    def dead_end(self, status: Status) -> NoReturn:
        self._run.dead_end(status)
