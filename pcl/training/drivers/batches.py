"""Gradients of batches of experiments, in an order that a seed draws."""

from collections.abc import Iterator

import numpy as np

from pcl.support.interface import require_interface
from pcl.support.types import Array, Integers
from pcl.training.run.evaluator import Counts, LossEvaluator


class BatchEvaluator(LossEvaluator):
    """The loss of a problem and, where a size is given, gradients of batches.

    Parameters
    ----------
    size : int or None
        Experiments a batch; None: no batches.
    seed : int

    Raises
    ------
    TypeError
        A size is given, but the problem is no sum of experiments.
    """

    def __init__(self, problem, counts: Counts, size: int | None, seed: int):
        super().__init__(problem, counts)
        if size is not None:
            require_interface(problem, "experiments", "estimated_gradient")
        self.size, self._seed = size, seed

    def batches(self, epoch: int) -> Iterator[Integers]:
        """Numbers of the experiments of each batch of an epoch: all once, in an order drawn for it."""
        order = np.random.default_rng([self._seed, epoch]).permutation(self._problem.experiments)
        count = -(-order.size // int(self.size or order.size))
        yield from np.array_split(order, count)

    def batch_gradient(self, theta: Array, numbers: Integers) -> Array:
        """The gradient (p,) that a batch leads one to expect of all."""
        self._counts.gradients += 1
        return self._vector("estimated_gradient", self._problem.estimated_gradient(theta.copy(), numbers))
