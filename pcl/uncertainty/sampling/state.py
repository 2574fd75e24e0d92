"""A chain: where it stands, what it has drawn, and what every method of sampling offers."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from pcl.support.types import Array

RECORDED = ("z", "log_density", "acceptance", "divergent")


@dataclasses.dataclass(frozen=True, eq=False)
class Settings:
    """What decides a chain besides the density; the same for all chains of a run.

    Attributes
    ----------
    method : str
    warmup : int, steps that adapt and are not kept
    seed : int
    acceptance : float, the mean probability of acceptance that the size of steps is adapted to
    """

    method: str
    warmup: int
    seed: int
    acceptance: float

    def chain_seed(self, chain: int) -> int:
        """A seed of 31 bits of its own for every chain."""
        return int(np.random.SeedSequence([self.seed, chain]).generate_state(1)[0] >> 1)


@dataclasses.dataclass(frozen=True, eq=False)
class Chain:
    """One chain after `done` steps, those of the warm-up included.

    Attributes
    ----------
    number : int
    done : int
    state : tuple of ndarray
        All that a method needs to go on from here; the first is z.
    drawn : {name: ndarray (n, …)}
        z, log density, probability of acceptance, whether the step diverged; after the warm-up.
    step : float, the size of a step
    failed : int, trials without a value so far
    """

    number: int
    done: int
    state: tuple
    drawn: dict[str, Array]
    step: float
    failed: int = 0

    def advanced(self, more: "Steps", warmup: int) -> "Chain":
        """With more steps."""
        skipped = max(0, warmup - self.done)
        drawn = {name: np.concatenate([self.drawn[name], more.drawn[name][skipped:]])
                 for name in RECORDED}
        return Chain(self.number, self.done + len(more.drawn["z"]), more.state, drawn, more.step,
                     self.failed + more.failed)

    def bare(self) -> "Chain":
        """Without what was drawn, to travel light."""
        return dataclasses.replace(self, drawn={name: values[:0] for name, values in self.drawn.items()})


@dataclasses.dataclass(frozen=True, eq=False)
class Steps:
    """Some steps of a chain: its new state, and all that `Chain` records."""

    state: tuple
    drawn: dict[str, Array]
    step: float
    failed: int


class Method(Protocol):
    """A Markov chain that leaves p invariant, in whitened coordinates; for one density."""

    def begin(self, chain: int, z: Array) -> tuple:
        """The state of a chain that starts at z."""
        ...

    def steps(self, chain: Chain, count: int) -> Steps:
        """`count` further steps. They depend on the seed, the chain and its state alone."""
        ...
