"""One file that holds a training run: NumPy's .npz with a JSON entry, no pickle, written whole.

Entries: `meta`, JSON as bytes; `sha256`, the digest of all other entries (name, dtype, shape,
bytes); the arrays.
"""

import dataclasses
import hashlib
import io
import json
import os
import platform
import zipfile
import zlib
from importlib import metadata

import numpy as np
import scipy

from pcl.support.types import Array
from pcl.support.writing import PREVIOUS, replace_file
from pcl.training.run.history import History, ROWS

FORMAT, FORMAT_VERSION = "pcl checkpoint", 1
_BROKEN = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, MemoryError,
           zipfile.BadZipFile, zlib.error)


class CheckpointError(ValueError):
    """A file cannot be resumed from; the message names the file and the reason.

    Examples
    --------
    >>> import pcl
    >>> pcl.load("nowhere.npz")
    Traceback (most recent call last):
        ...
    pcl.training.checkpoint.file.CheckpointError: nowhere.npz cannot be read: No such file or directory.
    """


@dataclasses.dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a file holds.

    Attributes
    ----------
    meta : dict
        method, options, versions, status, problem, counts, ...
    arrays : dict of ndarray
    path : str
    """

    meta: dict
    arrays: dict
    path: str

    @property
    def x(self) -> Array:
        """The best point (p,), to start another run from."""
        return self.arrays["best_theta"].copy()

    @property
    def fun(self) -> float:
        """The loss there."""
        return float(self.arrays["best_loss"])

    @property
    def history(self) -> History:
        """`History` up to where the run resumes."""
        return History.from_dict({name: self.arrays[f"history_{name}"] for name in ROWS})


def versions():
    """{package: version} of what decides the digits of a run."""
    return {"pcl": _own_version(), "numpy": np.__version__, "scipy": scipy.__version__,
            "python": ".".join(platform.python_version_tuple()[:2])}


def _own_version():
    try:
        return metadata.version("pcl-fem")
    except metadata.PackageNotFoundError:
        return "source"


def write(path, meta, arrays):
    """Replace the file `path` by a new one, or leave it as it is; OSError if that fails.

    By `pcl.support.writing.replace_file`, which keeps the generation before.
    """
    path = os.fspath(path)
    meta = {"format": FORMAT, "format_version": FORMAT_VERSION, "versions": versions(), **meta}
    arrays = {"meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8), **arrays}
    replace_file(path, lambda file: np.savez(file, sha256=_digest(arrays), **arrays))


def _digest(arrays):
    digest = hashlib.sha256()
    for name in sorted(set(arrays) - {"sha256"}):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {np.shape(arrays[name])};".encode())
        digest.update(array.tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)


def read_checkpoint(path: str | os.PathLike[str], format: str = FORMAT) -> Checkpoint:
    """The `Checkpoint` in a file, its checksum verified; nothing in it is executed.

    Parameters
    ----------
    path : path
    format : str
        What it has to hold: a training run, or what another writer of such files called it.

    Returns
    -------
    Checkpoint

    Raises
    ------
    CheckpointError
        No such file, a directory, not readable, not a checkpoint, truncated or altered, of
        another format version. Names the previous generation if that is whole.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: (t["k"] - 2.0)**4, {"k": 0.0})
    >>> result = pcl.minimize(problem, maxiter=3, checkpoint="run.ckpt")
    >>> found = pcl.read_checkpoint("run.ckpt")
    >>> bool(found.x == result.x), found.fun == result.fun
    (True, True)
    """
    path = os.fspath(path)
    try:
        return _read(path, format)
    except CheckpointError as error:
        raise CheckpointError(f"{error}{_offer(path, format)}") from None


def _offer(path, format):
    try:
        _read(path + PREVIOUS, format)
    except CheckpointError:
        return ""
    return f" The one before it is whole: resume={path + PREVIOUS!r}."


def _read(path, format):
    if os.path.isdir(path):
        raise CheckpointError(f"{path} is a directory; expected a checkpoint file.")
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    arrays = _parse(path, content)
    meta = _meta(path, arrays.pop("meta", None), format)
    if meta.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(f"{path} has format version {meta.get('format_version')}; this "
                              f"version of pcl reads {FORMAT_VERSION}.")
    return Checkpoint(meta, arrays, path)


def _parse(path, content):
    if not content:
        raise CheckpointError(f"{path} is empty.")
    if not content.startswith(b"PK"):
        raise CheckpointError(f"{path} is not a checkpoint (not a .npz file).")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise CheckpointError(f"{path} is damaged: the checksum of {damaged} is wrong.")
        with np.load(io.BytesIO(content), allow_pickle=False) as entries:
            arrays = {name: entries[name] for name in entries.files}
    except CheckpointError:
        raise
    except _BROKEN as error:
        raise CheckpointError(f"{path} is truncated or damaged, or is not a checkpoint "
                              f"({type(error).__name__}).") from None
    return _verified(path, arrays)


def _verified(path, arrays):
    if "meta" not in arrays or "sha256" not in arrays:
        raise CheckpointError(f"{path} is a .npz file but not a checkpoint (no entry 'meta').")
    if not np.array_equal(arrays.pop("sha256"), _digest(arrays)):
        raise CheckpointError(f"{path} is damaged: its checksum does not fit its content.")
    return arrays


def _meta(path, entry, format):
    try:
        meta = json.loads(entry.tobytes().decode())
    except (ValueError, AttributeError):
        meta = None
    if not isinstance(meta, dict) or meta.get("format") != format:
        raise CheckpointError(f"{path} is a .npz file but not a {format.removeprefix('pcl ')} of pcl.")
    return meta
