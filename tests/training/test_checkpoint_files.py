"""Checkpoints that cannot be used are refused with the reason; those that can say what is in them."""

import os

import numpy as np
import pytest
from interrupted_runs import Rosenbrock, run, same

from pcl.training.checkpoint import CheckpointError, file, read_checkpoint

pytestmark = pytest.mark.usefixtures("at_every_iteration")


def flip(path, where):
    content = bytearray(path.read_bytes())
    content[where] ^= 4
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1000])


def foreign(path):
    with open(path, "wb") as handle:
        np.savez(handle, weights=np.ones(3))


def objects(path):
    with open(path, "wb") as handle:
        np.savez(handle, meta=np.array([{"a": 1}], dtype=object), allow_pickle=True)


def other_format(path):
    found = read_checkpoint(path)
    file.write(path, {**found.meta, "format_version": 99}, found.arrays)


def altered(path):
    """Consistent as an archive, but an array is not the one that was signed."""
    with np.load(path) as entries:
        arrays = {name: entries[name] for name in entries.files}
    with open(path, "wb") as handle:
        np.savez(handle, **{**arrays, "start_theta": arrays["start_theta"] + 1e-16 + 1.0})


def a_directory(path):
    path.unlink()
    path.mkdir()


BAD = {"truncated": (truncate, "truncated or damaged"),
       "bit-flipped": (lambda path: flip(path, 600), "damaged"),
       "empty": (lambda path: path.write_bytes(b""), "is empty"),
       "text": (lambda path: path.write_text("loss,1.0\n"), "not a .npz"),
       "a pickle": (lambda path: path.write_bytes(b"\x80\x04K\x01."), "not a .npz"),
       "another npz": (foreign, "not a checkpoint"),
       "an npz with objects": (objects, "damaged, or is not a checkpoint"),
       "of another format": (other_format, "format version 99"),
       "altered": (altered, "checksum"),
       "a directory": (a_directory, "is a directory"),
       "missing": (lambda path: path.unlink(), "No such file")}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_naming_file_and_reason(kind, whole):
    spoil, words = BAD[kind]
    os.remove(f"{whole}.previous")
    spoil(whole)
    if os.path.exists(f"{whole}.previous"):     # what was there before `write`
        os.remove(f"{whole}.previous")
    with pytest.raises(CheckpointError, match=words) as caught:
        run(resume=whole)
    assert str(whole) in str(caught.value) and "previous" not in str(caught.value)


def test_the_generation_before_is_offered_where_the_newest_is_damaged(whole):
    truncate(whole)
    with pytest.raises(CheckpointError, match="run.npz.previous"):
        run(resume=whole)
    assert same(run(resume=f"{whole}.previous"), run())


def test_no_flipped_bit_goes_unnoticed_or_changes_a_run(whole):
    clean, good = whole.read_bytes(), run(resume=whole)
    refused = 0
    for where in np.linspace(0, len(clean) - 1, 150).astype(int):
        whole.write_bytes(clean)
        flip(whole, where)
        try:
            assert same(run(resume=whole), good)    # a date in the archive, for instance
        except CheckpointError:
            refused += 1
    assert refused > 100


def test_a_file_without_permission_is_refused(whole, monkeypatch):
    def refuse(*_):     # root reads everything, so a mode of 0 would not do
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(file, "open", refuse, raising=False)
    with pytest.raises(CheckpointError, match="Permission denied"):
        run(resume=whole)


@pytest.mark.parametrize("package", ["pcl", "numpy", "scipy", "python"])
def test_a_file_of_another_version_is_refused(package, whole, monkeypatch):
    found = read_checkpoint(whole)
    file.write(whole, {**found.meta, "versions": {**found.meta["versions"], package: "0.0"}},
               found.arrays)
    with pytest.raises(CheckpointError, match=f"written with {package} 0.0") as caught:
        run(resume=whole)
    assert "x0=read_checkpoint(path).x" in str(caught.value)


@pytest.mark.parametrize("change, words", [
    ({"method": "BFGS"}, "a run of L-BFGS-B, not of BFGS"),
    ({"options": {"maxcor": 5}}, "options\\['maxcor'\\] = None, now it is 5"),
    ({"problem": Rosenbrock(9)}, "another problem: 8 parameters, here 9"),
    ({"x0": np.zeros(8)}, "another start than x0")])
def test_a_file_of_another_run_is_refused(change, words, whole):
    with pytest.raises(CheckpointError, match=words):
        run(**{"resume": whole, **change})


def test_other_data_are_noticed_by_the_loss_at_the_start(whole):
    problem = Rosenbrock()
    value = problem.value
    problem.value = lambda x: np.nextafter(value(x), 0.0)
    with pytest.raises(CheckpointError, match="another problem or data"):
        run(resume=whole, problem=problem)


def test_the_start_of_the_file_is_used_and_the_best_point_can_be_read(whole):
    problem = Rosenbrock()
    problem.theta0 = problem.theta0 + 1.0
    assert same(run(resume=whole, problem=problem), run())
    found, ten = read_checkpoint(whole), run(maxiter=10)
    np.testing.assert_array_equal(found.x, ten.x)
    assert found.fun == ten.fun and len(found.history) == 11
    assert found.meta["status"] == "ITERATION_LIMIT"
