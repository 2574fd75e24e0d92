"""Signals and exceptions leave a last checkpoint behind."""

import os
import signal
import threading

import pytest
from interrupted_runs import REQUIRED, run, same

from pcl.training.checkpoint import read_checkpoint
from pcl.training.run.status import Status

pytestmark = pytest.mark.usefixtures("at_every_iteration")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("method, options, n", REQUIRED)
def test_a_signal_ends_the_run_with_a_last_file(number, method, options, n, tmp_path):
    def send(snapshot):
        if snapshot.iteration == 7:
            os.kill(os.getpid(), number)

    path, before = tmp_path / "run.npz", signal.getsignal(signal.SIGTERM)
    stopped = run(method, options, n, checkpoint=path, checkpoint_seconds=1e6, callback=send)
    assert stopped.status is Status.INTERRUPTED and len(stopped.history) >= 7
    assert signal.getsignal(signal.SIGTERM) is before
    assert same(run(method, options, n, resume=path), run(method, options, n))


def test_without_a_file_sigterm_is_left_alone():
    seen = []
    run(maxiter=3, callback=lambda snapshot: seen.append(signal.getsignal(signal.SIGTERM)))
    assert set(seen) == {signal.getsignal(signal.SIGTERM)}


def test_in_another_thread_no_handler_is_installed(tmp_path):
    seen, before = [], signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=lambda: seen.append(
        (run(checkpoint=tmp_path / "run.npz"), signal.getsignal(signal.SIGTERM))))
    thread.start()
    thread.join()
    assert seen[0][1] is before and same(run(resume=tmp_path / "run.npz"), run())


def test_an_exception_in_mid_run_leaves_a_last_file(tmp_path):
    def fail(snapshot):
        if snapshot.iteration == 6:
            raise RuntimeError("the callback's own")

    with pytest.raises(RuntimeError, match="own"):
        run(checkpoint=tmp_path / "run.npz", checkpoint_seconds=1e6, callback=fail)
    assert read_checkpoint(tmp_path / "run.npz").meta["status"] == "ERROR"
    assert same(run(resume=tmp_path / "run.npz"), run())
