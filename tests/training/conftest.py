"""Fixtures of the tests of checkpoints."""

import os

import pytest
from interrupted_runs import run

from pcl.training.checkpoint import session


@pytest.fixture
def at_every_iteration(monkeypatch):
    """Files are written as often as asked for, however long it takes."""
    monkeypatch.setattr(session, "_SHARE", 0)
    monkeypatch.setattr(os, "fsync", lambda handle: None)   # seconds on a busy disk


@pytest.fixture
def whole(tmp_path):
    """A path with a checkpoint of ten iterations, and one with five as path.previous."""
    path = tmp_path / "run.npz"
    run(maxiter=5, checkpoint=path, checkpoint_seconds=1e6)
    run(maxiter=10, checkpoint=path, checkpoint_seconds=1e6)
    return path
