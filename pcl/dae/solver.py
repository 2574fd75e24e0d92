"""A collocated program solved by the interior point, in units of its own."""

import numpy as np

from pcl import interior_point
from pcl.dae.kkt.reduced import ReducedKKT
from pcl.dae.program.hessians import strategy
from pcl.dae.program.scaled import CONSTRAINT_TOL, Scaled


def solve(program, x, hessian="exact", kkt="reduced", callback=None, warm_start=None, parameters=0.0,
          **options):
    """`interior_point.solve` of a Transcription from x (n,), scaled there; `Result` in given units.

    parameters : see `Scaled`
    """
    scaled = Scaled(program, x, parameters)
    if warm_start is not None:
        warm_start = scaled.inside(warm_start)
    kkt = ReducedKKT() if isinstance(kkt, str) and kkt == "reduced" else kkt
    return scaled.outside(interior_point.solve(
        scaled, x / scaled.d, kkt=kkt, hessian=strategy(hessian, scaled),
        callback=None if callback is None else scaled.told(callback), warm_start=warm_start,
        **{"constraint_tol": CONSTRAINT_TOL, "reestimate_below": np.inf, "attempts": 1,
           **options}))
