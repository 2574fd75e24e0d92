"""The weight decay that the residuals of a solve ask for."""

import numpy as np

from pcl.dae.result.uncertainty import Uncertainty, Undetermined
from pcl.dae.stages.pretrain import decay_of_variance

# A smoother that smooths too much leaves several times the noise, and a weight decay that follows it
# keeps the law as smooth: on the tanks of `python -m benchmarks.starts` ρ was 1.9 or 7.4, as the seed of
# the weights chose the smoothing, and the misfit 360 or 440. Known up to `CLOSE`, ρ moves it by a few %.
CLOSE = 1.1
ROUNDS = 6


def decay_of(setting, program, result):
    """ρ = 2 s² with the residual variance s² = Σ ω r² / (n − p) of a solve (`Uncertainty`), None where p
    leaves nothing for it.

    With ½ ρ ‖θ/σ‖² beside Σ ω r² this makes θ the most probable weights: −2 s² log posterior is their sum
    up to a constant. s² depends on ρ in turn, weakly.
    Source: D. J. C. MacKay, Neural Computation 4 (1992) 415, p his number of well-determined parameters.
    """
    try:
        variance = Uncertainty(program, result, False).scale
    except Undetermined:
        return None
    return decay_of_variance(variance, setting.spread, program.misfit.size)


def settled_decay(search, start):
    """The best solve of a search again with ρ as its residuals have it, until the two agree; that ρ.

    start : pretrain.Start, whose ρ the solves had and whose deviations σ stay
    """
    decay = start.decay
    for _ in range(ROUNDS):
        program, result, _ = search.best
        found = decay_of(search.setting, program, result)
        if search.over or found is None or abs(np.log(found / decay)) <= np.log(CLOSE):
            break
        penalties = [found / sigma ** 2 for sigma in start.deviations]
        if not search.replace(f"weight decay {found:.3g} as the residuals have it; ",
                              lambda: (program.laws, penalties, result.x)):
            break
        decay = found
    return decay
