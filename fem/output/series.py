"""A series of files in time that is whole after every step."""

import os
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np

from fem.output.vtu import picture_mesh, require_folder, write


class Series:
    """Functions of time for ParaView: `series = fem.Series("run.pvd", V)`, then `series.append(t, u=u)`.

    Each step is a file run_00000.vtu, … beside the .pvd that lists them; both appear whole or not at
    all, so that what was appended can be read after a crash.

    Parameters
    ----------
    path : ends in .pvd
        An older file is replaced at the first step.
    space : Space, Grid or mesh
    separate : bool, see `fem.save`
    resume : bool
        Go on from the steps that the file lists; times have to come after them.

    Attributes
    ----------
    times : list of float
        Those written so far.

    Raises
    ------
    ValueError, FileNotFoundError
        Another suffix, a folder that does not exist, a file to resume that is no series.

    Examples
    --------
    >>> import os, tempfile
    >>> import fem
    >>> V = fem.Space(fem.unit_square(2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     series = fem.Series(os.path.join(folder, "run.pvd"), V)
    ...     for t in (0.0, 0.5):
    ...         series.append(t, u=t * V.dof_points[:, 0])
    ...     print(sorted(os.listdir(folder)), series.times)
    ['run.pvd', 'run_00000.vtu', 'run_00001.vtu'] [0.0, 0.5]
    """

    def __init__(self, path: str | os.PathLike[str], space: Any, /, *, separate: bool = False,
                 resume: bool = False):
        self.path = os.fspath(path)
        if not self.path.lower().endswith(".pvd"):
            raise ValueError(f"path is {self.path!r}; expected one that ends in .pvd.")
        require_folder(self.path)
        self._space, self._separate = space, separate
        self.times: list[float] = []
        self._files: list[str] = []
        if resume:
            self._resume()

    def append(self, t: float, /, **fields: Any) -> None:
        """Write the fields at time t.

        Parameters
        ----------
        t : float, after the last one
        **fields : as in `fem.save`

        Raises
        ------
        ValueError
            t is not finite, or not after the last one; fields as in `fem.save`.

        Examples
        --------
        >>> import os, tempfile
        >>> import fem
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     series = fem.Series(os.path.join(folder, "run.pvd"), fem.unit_square(1))
        ...     series.append(0.0, height=lambda x: x[:, 1])
        ...     print(series.times)
        [0.0]
        """
        t = float(t)
        if not np.isfinite(t) or (self.times and t <= self.times[-1]):
            last = f" after {self.times[-1]!r}" if self.times else ""
            raise ValueError(f"t is {t!r}; expected a finite time{last}.")
        folder, name = os.path.split(self.path)
        file = f"{os.path.splitext(name)[0]}_{len(self.times):05d}.vtu"
        write(os.path.join(folder, file), picture_mesh(self._space, fields, self._separate))
        self.times.append(t)
        self._files.append(file)
        self._list()

    def _list(self):
        """The .pvd that names all files so far, written beside and moved in its place."""
        rows = "".join(f"    <DataSet timestep={quoteattr(repr(t))} part=\"0\" file={quoteattr(file)}/>\n"
                       for t, file in zip(self.times, self._files))
        beside = f"{self.path}.writing-{os.getpid()}"
        with open(beside, "w", encoding="utf-8") as file:
            file.write('<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1">\n'
                       f"  <Collection>\n{rows}  </Collection>\n</VTKFile>\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.path)

    def _resume(self):
        try:
            rows = ElementTree.parse(self.path).getroot().iter("DataSet")
            steps = [(float(row.attrib["timestep"]), row.attrib["file"]) for row in rows]
        except (OSError, ElementTree.ParseError, KeyError, ValueError) as error:
            raise ValueError(f"path is {self.path!r}, no series to go on from: {error}.") from error
        self.times, self._files = [t for t, _ in steps], [file for _, file in steps]
