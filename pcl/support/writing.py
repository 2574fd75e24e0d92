"""Files that are written whole or not at all."""

import logging
import os
import tempfile
from collections.abc import Callable
from typing import Any

from pcl.support.types import Path

LOG = logging.getLogger(__name__)

PREVIOUS = ".previous"      # appended to the path: the generation before


def replace_file(path: Path, write: Callable[[Any], Any]) -> None:
    """Replace the file `path` by what `write(file)` writes, or leave it as it is; OSError if that fails.

    Temporary file beside it, flush, fsync, rename, fsync of the directory. The generation
    before is kept as `path` + ".previous" where the file system has hard links.
    """
    path = os.fspath(path)
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=os.path.basename(path) + ".",
                                         suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        _keep_previous(path, temporary + PREVIOUS)
        os.replace(temporary, path)
        _sync(folder)
        LOG.debug("%s is written", path)
    except BaseException:
        _remove(temporary)
        raise


def _keep_previous(path, link):
    try:
        os.link(path, link)
    except OSError:     # no file yet, or no hard links here
        return
    try:
        os.replace(link, path + PREVIOUS)
    finally:
        _remove(link)       # a rename onto another link of the same file does nothing


def _remove(path):
    try:
        os.unlink(path)
    except OSError:
        pass


def _sync(folder):
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
