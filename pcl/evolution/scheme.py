"""What a scheme in time has to be."""

from typing import Any, Protocol

from pcl.support.types import Array


class Scheme(Protocol):
    """One step after the other of M u' + F(u, t) = 0, with F(u, t) = K u + r(u, t) − f(t).

    `order`
        p of the error h^p.
    `stencil(times, k, s)`
        u at t_k + s (t_{k+1} − t_k), 0 < s < 1, as [(array, time, weight), …]: array 0 is u, the next
        ones what else `march` hands to `which.of`. Exact for polynomials in t of degree p − 1 at least.
    `march(evolution, initial, times, which, memory)`
        u (…, at), as which.of(u (…, keep), …) with the times of numbers `which.keep` kept; usually one
        `pcl.scan` whose step is

            evolution.solve(a, b, Stage(t), t_fixed, guess):  u with a M u + F(u, t) = b

        and `evolution.mass` is M, `evolution.forces(u, None, t)` is F.

    Of systems of second order, M u'' + C u' + F = 0, `march` takes u and u' and returns both.
    """

    @property
    def order(self) -> int: ...

    def stencil(self, times: Array, k: int, s: float) -> list: ...

    def march(self, evolution: Any, initial: Any, times: Array, which: Any, memory: int) -> Any: ...
