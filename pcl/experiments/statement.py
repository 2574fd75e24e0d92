"""What a sum of problems from data states: the noise is known, and one prior for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pcl.uncertainty.prior.base import GaussianPrior, Prior
from pcl.uncertainty.statement import Statement


class SharedStatement:
    """ℓ(θ) = Σ_i −2 log p(y_i | θ) − 2 log p(θ) + constant.

    Parameters
    ----------
    blocks : names of all blocks
    prior : Statement of the shared prior alone, or None
    rows : function () -> int, residuals of all experiments
    """

    def __init__(self, blocks: Mapping[str, object], prior: Statement | None, rows: Callable[[], int]):
        self._blocks, self._prior, self._rows = list(blocks), prior, rows

    @property
    def readings(self) -> int:
        """How many rows of r are of experiments: they come first."""
        return self._rows()

    @property
    def priors(self) -> dict[str, Prior]:
        """{name: prior}."""
        return {} if self._prior is None else self._prior.priors

    @property
    def gaussian(self) -> dict[str, GaussianPrior]:
        """{block: its normal prior}, of those that have one."""
        return {} if self._prior is None else self._prior.gaussian

    @property
    def without_prior(self) -> list[str]:
        """Blocks whose prior is flat."""
        return [name for name in self._blocks if name not in self.priors]

    @property
    def proper(self) -> bool:
        """Whether the prior of θ integrates to 1."""
        return not self.without_prior and all(prior.proper for prior in self.priors.values())
