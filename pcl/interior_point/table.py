"""A line an iteration, as Ipopt prints them."""

import sys
from typing import TextIO

import numpy as np

from pcl.interior_point.monitor import Snapshot

_HEAD = "iter     objective     inf_pr   inf_du lg(mu)     |d|  lg(rg) alpha_du alpha_pr  ls"
_EVERY = 20     # iterations between two heads


class IterationTable:
    """A callback of `solve` that writes a table to a stream.

    iter (r: in the restoration phase), objective, inf_pr: violation of the rows, inf_du: dual residual,
    lg(mu): logarithm of the barrier, |d|: largest entry of the step before it is shortened, lg(rg): of
    the shift δ_w (- where there is none), alpha_du, alpha_pr: step lengths of z and x, ls: trial points.

    Parameters
    ----------
    stream : file, optional
        Where to write; standard output at the time of the call.

    Examples
    --------
    >>> import io, pcl
    >>> program = pcl.interior_point.TensorFlowProgram(lambda x: (x[0] - 2.0)**2, 1, x_upper=[1.0])
    >>> stream = io.StringIO()
    >>> table = pcl.interior_point.IterationTable(stream)
    >>> found = pcl.interior_point.solve(program, [0.0], callback=table)
    >>> head, *lines = stream.getvalue().splitlines()
    >>> head.split()[:4], len(lines) == found.nit + 1
    (['iter', 'objective', 'inf_pr', 'inf_du'], True)
    """

    def __init__(self, stream: TextIO | None = None):
        self._stream, self._lines = stream, 0

    def __call__(self, snapshot: Snapshot) -> None:
        """Write one line."""
        stream = sys.stdout if self._stream is None else self._stream
        if self._lines % _EVERY == 0:
            stream.write(_HEAD + "\n")
        self._lines += 1
        stream.write(line(snapshot) + "\n")


def line(s):
    """The line of a snapshot."""
    phase = "r" if s.restoration else " "
    shift = f"{np.log10(s.regularisation):5.1f}" if s.regularisation > 0.0 else "    -"
    barrier = f"{np.log10(s.barrier):5.1f}" if s.barrier > 0.0 else "    -"
    return (f"{s.iteration:4d}{phase}{s.objective:15.7e} {s.infeasibility:8.2e} "
            f"{s.dual_infeasibility:8.2e} {barrier} "
            f"{s.length:8.2e} {shift}  {s.dual_step:8.2e} {s.step:8.2e} {s.trials:3d}")
