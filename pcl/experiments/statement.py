"""What a sum of problems from data states: the noise is known, and one prior for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pcl.uncertainty.prior.base import GaussianPrior
from pcl.uncertainty.statement import OfPriors, Statement


class SharedStatement(OfPriors):
    """ℓ(θ) = Σ_i −2 log p(y_i | θ) − 2 log p(θ) + constant.

    Parameters
    ----------
    blocks : names of all blocks
    prior : Statement of the shared prior alone, or None
    rows : function () -> int, residuals of all experiments
    """

    def __init__(self, blocks: Mapping[str, object], prior: Statement | None, rows: Callable[[], int]):
        self.blocks, self._prior, self._rows = list(blocks), prior, rows
        self.priors = {} if prior is None else prior.priors

    @property
    def readings(self) -> int:
        """How many rows of r are of experiments: they come first."""
        return self._rows()

    @property
    def gaussian(self) -> dict[str, GaussianPrior]:
        """{block: its normal prior}, of those that have one."""
        return {} if self._prior is None else self._prior.gaussian
