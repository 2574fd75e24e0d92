"""A checkpoint is written whole or not at all, whatever the disk does, and as often as asked for."""

import os
import shutil
import signal
import threading

import numpy as np
import pytest
from interrupted_runs import run, same

from pcl.training.checkpoint import file, read_checkpoint

pytestmark = pytest.mark.usefixtures("at_every_iteration")


def full(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["os.fsync", "os.replace", "tempfile.mkstemp", "numpy.savez"])
def test_on_a_full_disk_the_run_goes_on_and_the_old_file_stays_whole(where, whole, monkeypatch):
    before = whole.read_bytes()
    monkeypatch.setattr(where, full)
    with pytest.warns(RuntimeWarning, match="No space left"):
        result = run(maxiter=15, checkpoint=whole)
    monkeypatch.undo()
    assert result.nit == 15 and whole.read_bytes() == before
    assert sorted(os.listdir(whole.parent)) == ["run.npz", "run.npz.previous"]
    assert same(run(resume=whole), run())


def test_a_write_cut_short_by_the_system_leaves_the_old_file(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "run.npz"
    run(maxiter=3, checkpoint=path)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
        with pytest.warns(RuntimeWarning, match="File too large"):
            result = run(maxiter=10, checkpoint=path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert result.nit == 10 and path.read_bytes() == before


def test_with_its_directory_removed_the_run_goes_on(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    with pytest.warns(RuntimeWarning, match="gone/run.npz could not be written") as caught:
        result = run(maxiter=12, checkpoint=folder / "run.npz", callback=lambda snapshot:
                     shutil.rmtree(folder, ignore_errors=True))
    assert result.nit == 12 and len(caught) == 1


def test_the_content_is_on_the_disk_before_its_name_and_the_name_before_the_end(
        tmp_path, monkeypatch):
    order, replace = [], os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: order.append(
        "directory" if os.path.isdir(f"/proc/self/fd/{handle}") else "file"))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), replace(a, b)))
    file.write(tmp_path / "run.npz", {}, {"data": np.ones(3)})
    assert order == ["file", "rename", "directory"]


def test_two_writers_leave_a_whole_file(tmp_path):
    path = tmp_path / "run.npz"

    def writer(number):
        for _ in range(10):
            file.write(path, {"who": number}, {"data": np.full(20000, number)})

    threads = [threading.Thread(target=writer, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            found = read_checkpoint(path)
            assert (found.arrays["data"] == found.meta["who"]).all()
    for thread in threads:
        thread.join()
    assert sorted(os.listdir(tmp_path)) == ["run.npz", "run.npz.previous"]


@pytest.mark.parametrize("given, words", [
    ({"checkpoint": "."}, "a directory"), ({"checkpoint": "nowhere/run.npz"}, "no directory"),
    ({"checkpoint": __file__}, "not a checkpoint and would be overwritten"),
    ({"checkpoint_seconds": -1}, "checkpoint_seconds is -1"),
    ({"checkpoint_seconds": float("nan")}, "checkpoint_seconds is nan")])
def test_a_bad_argument_is_refused_at_the_door(given, words):
    with pytest.raises(ValueError, match=words):
        run(**given)


def test_a_file_is_written_no_more_often_than_asked_for(tmp_path):
    path = tmp_path / "run.npz"
    run(maxiter=10, checkpoint=path, checkpoint_seconds=1e6)
    assert path.exists() and not os.path.exists(f"{path}.previous")     # the last one only


def test_a_path_with_spaces_and_accents_serves(tmp_path):
    path = tmp_path / "été 1.chk"
    run(maxiter=5, checkpoint=path)
    assert same(run(resume=path), run())
