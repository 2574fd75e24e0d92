"""One line an iteration of the interior point, as a callback."""

import sys
from typing import TextIO

from pcl.interior_point.monitor import Snapshot

HEAD = "iteration      objective  infeasible       dual    barrier      step     shift   seconds"


class ProgressLog:
    """Writes a line for every iteration: objective, infeasibility, dual infeasibility, barrier,
    step, regularisation.

        fit(model, data, net, callback=ProgressLog())

    A solve begins with a line of headings; iterations of the restoration of feasibility are marked r.

    Parameters
    ----------
    stream : text stream, standard error by default
    every : int, write each n-th iteration only

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
    >>> import io
    >>> log = io.StringIO()
    >>> found = dae.fit(model, data, guess=None, elements=2, callback=dae.ProgressLog(stream=log))
    >>> log.getvalue().split()[:2]
    ['iteration', 'objective']
    """

    def __init__(self, stream: TextIO | None = None, every: int = 1):
        self._stream, self._every = stream, every

    def __call__(self, snapshot: Snapshot) -> None:
        """Take an `interior_point.monitor.Snapshot`."""
        stream = sys.stderr if self._stream is None else self._stream
        if snapshot.iteration == 0:
            stream.write(HEAD + "\n")
        if snapshot.iteration % self._every == 0:
            stream.write(line(snapshot) + "\n")
        stream.flush()


def line(s):
    """One iteration in the columns of `HEAD`."""
    mark = "r" if s.restoration else " "
    return (f"{s.iteration:>8}{mark} {s.objective:>14.7e} {s.infeasibility:>11.2e} "
            f"{s.dual_infeasibility:>10.2e} "
            f"{s.barrier:>10.1e} {s.step:>9.2e} {s.regularisation:>9.1e} {s.seconds:>9.2f}")
