"""A traced loss as calls and a last piece of glue."""

from dataclasses import dataclass

from pcl.engine.glue.piece import Piece
from pcl.engine.procedure import Procedure


@dataclass(frozen=True)
class TracedLoss:
    """A loss ℓ(θ, v) with v_k = F_k(a_k), a_k = g_k(θ, v_1 … v_{k−1}).

    Variables are numbered: first the blocks of θ, then the outputs v_k of the calls. `residuals` is the
    last piece that gives r instead of ℓ = Σ r², where the loss is stated by them.
    """

    n_blocks: int
    loss: Procedure
    residuals: Piece | None

    @property
    def calls(self):
        """The calls in order."""
        return self.loss.calls

    def used_blocks(self):
        """Numbers of the blocks that the loss can depend on."""
        return {number for number in self.loss.outer() if number < self.n_blocks}
