"""A run that is cut off anywhere and taken up again ends as if nothing had happened."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from scipy.optimize import rosen_der, rosen_hess

from pcl.errors import InvalidCoefficient
from pcl.training.checkpoint import CheckpointError, file, read_checkpoint, session
from pcl.training.minimize import minimize
from pcl.training.run.status import Status

# (method, options, iterations of the whole run)
REQUIRED = [("trust-exact", {}, 25), ("BFGS", {}, 30), ("L-BFGS-B", {}, 30),
            ("least-squares", {}, 14), ("adam", {"learning_rate": 0.1}, 25)]
OTHERS = [("trust-exact", {"max_trust_radius": 0.5, "initial_trust_radius": 0.4}, 25),
          ("least-squares", {"x_scale": "jac", "loss": "soft_l1"}, 14),
          ("least-squares", {"tr_solver": "lsmr"}, 14),
          ("least-squares", {"algorithm": "dogbox"}, 14), ("least-squares", {"algorithm": "lm"}, 14),
          ("trust-ncg", {}, 20), ("trust-krylov", {}, 20), ("newton-trust-region", {}, 20),
          ("levenberg-marquardt", {}, 14)]
NEVER = {"gtol": 0.0, "ftol": 0.0}
ROWS = ("loss", "gradient_norm", "step", "accepted", "evaluations", "failed")
COLUMNS = (*ROWS, "factorisations", "back_substitutions")


class Rosenbrock:
    """loss = Σ r²,  r = (10 (x_{i+1} − x_i²), 1 − x_i): the extended Rosenbrock function.

    `failing`: points with x_0 > −0.9 cannot be evaluated; every method meets some at once.
    """

    has_residuals = True

    def __init__(self, n=8, failing=False, pause=0.0):
        self.size, self.theta0 = n, np.linspace(-1.2, 1.5, n)
        self.failing, self.pause, self.calls, self.hessians = failing, pause, 0, 0
        self.counts = self

    factorisations = property(lambda self: self.calls)
    back_substitutions = property(lambda self: 2 * self.calls)

    def residuals(self, x):
        self.calls += 1
        time.sleep(self.pause)
        if self.failing and x[0] > -0.9:
            raise InvalidCoefficient("kappa is negative in cell 17")
        return np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])

    def jacobian(self, x):
        n, i = self.size, np.arange(self.size - 1)
        J = np.zeros((2 * n - 2, n))
        J[i, i + 1], J[i, i], J[n - 1 + i, i] = 10.0, -20.0 * x[:-1], -1.0
        return J

    def value(self, x):
        r = self.residuals(x)
        return float(r @ r)

    def gradient(self, x):
        return rosen_der(x)

    def value_and_gradient(self, x):
        return self.value(x), rosen_der(x)

    def hessian(self, x):
        self.hessians += 1
        return rosen_hess(x)

    def hvp(self, x, v):
        return rosen_hess(x) @ v


class Offset(Rosenbrock):
    """The same with a constant residual of 10: the loss ends at 100."""

    def residuals(self, x):
        return np.append(super().residuals(x), 10.0)

    def jacobian(self, x):
        return np.vstack([super().jacobian(x), np.zeros(self.size)])


class CopyAt:
    """Keeps what the file holds in the middle of an iteration: what kill −9 would leave."""

    def __init__(self, path, copy, iteration):
        self.path, self.copy, self.iteration = path, copy, iteration

    def __call__(self, snapshot):
        if snapshot.iteration == self.iteration:
            shutil.copyfile(self.path, self.copy)


@pytest.fixture(autouse=True)
def at_every_iteration(monkeypatch):
    monkeypatch.setattr(session, "_SHARE", 0)
    monkeypatch.setattr(os, "fsync", lambda handle: None)   # seconds on a busy disk


def run(method="L-BFGS-B", options=None, maxiter=20, problem=None, **more):
    return minimize(Rosenbrock() if problem is None else problem, method, options=options,
                    maxiter=maxiter, **{"checkpoint_seconds": 0, **NEVER, **more})


def same(a, b, columns=COLUMNS):
    """Whether two results agree bit for bit, time aside."""
    return np.array_equal(a.x, b.x) and a.fun == b.fun and np.array_equal(a.jac, b.jac) and \
        a.counts == b.counts and a.status is b.status and all(
            np.array_equal(getattr(a.history, name), getattr(b.history, name)) for name in columns)


@pytest.mark.parametrize("method, options, n", [*REQUIRED, *OTHERS])
@pytest.mark.parametrize("k", [2, 11])
def test_a_run_taken_up_after_iteration_k_ends_bit_identical(method, options, n, k, tmp_path):
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    plain = run(method, options, n)
    watched = run(method, options, n, checkpoint=path, callback=CopyAt(path, copy, k))
    resumed = run(method, options, n, resume=copy)
    assert same(plain, watched)
    assert same(plain, resumed)


@pytest.mark.parametrize("method", ["trust-exact", "newton-trust-region", "levenberg-marquardt"])
@pytest.mark.parametrize("algebra", ["svd", "cholesky"])
def test_rejected_steps_are_kept_too(method, algebra, tmp_path):
    options = {"linear_algebra": algebra} if method == "levenberg-marquardt" else {}
    options["initial_trust_radius"] = 50.0
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    plain = run(method, options, 14)
    rejected = np.flatnonzero(~plain.history.accepted)
    assert rejected.size >= 3
    for k in rejected[:3]:
        run(method, options, 14, checkpoint=path, callback=CopyAt(path, copy, k + 1))
        assert len(read_checkpoint(copy).history) == k + 1
        assert same(plain, run(method, options, 14, resume=copy))


@pytest.mark.parametrize("method, options, n", REQUIRED)
def test_with_failed_trial_points_as_well(method, options, n, tmp_path):
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    plain = run(method, options, n, Rosenbrock(failing=True))
    k = min(9, plain.nit)    # the copy holds iteration k − 1
    run(method, options, n, Rosenbrock(failing=True), checkpoint=path, callback=CopyAt(path, copy, k))
    resumed = run(method, options, n, Rosenbrock(failing=True), resume=copy)
    assert same(plain, resumed)
    assert read_checkpoint(copy).history.failed[-1] > 0


@pytest.mark.parametrize("method", ["trust-exact", "L-BFGS-B", "least-squares"])
def test_a_run_near_its_stop_stops_at_the_same_iteration_for_the_same_reason(method, tmp_path):
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    tolerances = {"gtol": 0.0, "ftol": 0.3}     # three steps in a row
    plain = run(method, maxiter=200, problem=Offset(), **tolerances)
    assert plain.status is Status.CONVERGED_LOSS
    run(method, maxiter=200, problem=Offset(), checkpoint=path, **tolerances,
        callback=CopyAt(path, copy, plain.nit - 1))
    assert same(plain, run(method, maxiter=200, problem=Offset(), resume=copy, **tolerances))


@pytest.mark.parametrize("method", ["L-BFGS-B", "least-squares"])
def test_with_bounds_as_well(method, tmp_path):
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    box = [(-2.0, 0.7)] * 8
    plain = run(method, maxiter=14, bounds=box)
    run(method, maxiter=14, bounds=box, checkpoint=path, callback=CopyAt(path, copy, 6))
    assert same(plain, run(method, maxiter=14, bounds=box, resume=copy))
    with pytest.raises(CheckpointError, match="other bounds"):
        run(method, maxiter=14, bounds=[(-2.0, 0.8)] * 8, resume=copy)


@pytest.mark.parametrize("method, options, n", REQUIRED)
def test_a_finished_run_goes_on_with_a_larger_limit(method, options, n, tmp_path):
    path = tmp_path / "run.npz"
    short = run(method, options, n // 2, checkpoint=path)
    assert short.status is Status.ITERATION_LIMIT
    assert same(run(method, options, n // 2, resume=path), short)
    assert same(run(method, options, n, resume=path), run(method, options, n))


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "trust-krylov"])
def test_a_replay_evaluates_nothing_but_the_start(method, tmp_path):
    run(method, maxiter=15, checkpoint=tmp_path / "run.npz")
    problem = Rosenbrock()
    run(method, maxiter=15, resume=tmp_path / "run.npz", problem=problem)
    assert problem.calls == 1


def test_trust_exact_computes_one_hessian_to_get_back(tmp_path):
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    run("trust-exact", maxiter=20, checkpoint=path, callback=CopyAt(path, copy, 19))
    problem = Rosenbrock()
    resumed = run("trust-exact", maxiter=20, resume=copy, problem=problem)
    before = int(read_checkpoint(copy).meta["core"]["counts"]["hessians"])
    # the one at the start of SciPy's loop, and those of the iterations after the file
    assert problem.hessians <= 1 + resumed.nhev - before + 1


def test_seconds_go_on_and_never_fall(tmp_path):
    first = run(maxiter=10, checkpoint=tmp_path / "run.npz", problem=Rosenbrock(pause=0.002))
    resumed = run(maxiter=20, resume=tmp_path / "run.npz")
    np.testing.assert_array_equal(resumed.history.seconds[:11], first.history.seconds)
    assert (np.diff(resumed.history.seconds) >= 0).all()


def test_a_pcl_problem_goes_on_bit_identical(tmp_path):
    tf = pytest.importorskip("tensorflow")
    import pcl
    net = pcl.MLP([1, 6, 1])
    x = np.linspace(0.0, 1.0, 7)[:, None]

    def problem():
        return pcl.Problem.from_residuals(
            lambda theta: tf.reshape(net(theta["net"], tf.constant(x)), [-1]) - np.sin(3.0 * x[:, 0]),
            {"net": net.init(seed=2)})

    for method in ("trust-exact", "BFGS", "L-BFGS-B", "least-squares"):
        path, copy = tmp_path / f"{method}.npz", tmp_path / f"{method}-copy.npz"
        plain = run(method, maxiter=12, problem=problem())
        run(method, maxiter=12, problem=problem(), checkpoint=path, callback=CopyAt(path, copy, 6))
        assert same(plain, run(method, maxiter=12, problem=problem(), resume=copy))
    other = pcl.Problem(lambda theta: tf.reduce_sum(theta["kappa"] ** 2), {"kappa": np.ones(19)})
    with pytest.raises(CheckpointError, match="another problem.*net.*kappa"):
        run("L-BFGS-B", maxiter=12, problem=other, resume=tmp_path / "L-BFGS-B-copy.npz")


# ---- kill −9 ---------------------------------------------------------------------------------

def killed(method, folder, moments, seed):
    """In a process of its own: kill a run at random moments, let it end, compare."""
    command = [sys.executable, __file__, method, str(folder), str(moments), str(seed)]
    here = pathlib.Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(here), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("method", [method for method, _, _ in REQUIRED])
def test_killed_twice_and_resumed_it_ends_bit_identical(method, tmp_path):
    outcome = killed(method, tmp_path, 2, seed=0)
    assert outcome["same"] and outcome["killed"] >= 1 and outcome["damaged"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("method", [method for method, _, _ in REQUIRED])
def test_killed_at_twenty_moments_it_ends_bit_identical(method, tmp_path):
    outcome = killed(method, tmp_path, 20, seed=1)
    assert outcome["same"] and outcome["killed"] >= 10 and outcome["damaged"] == 0


def _long_run(method, options, path, resume=None):
    # a killed process loses nothing that the system has taken, so fsync is not needed here
    session._SHARE, os.fsync = 0, lambda handle: None
    n = {"least-squares": 60, "adam": 200}.get(method, 80)
    pause = 0.001 if method == "adam" else 0.01
    result = minimize(Rosenbrock(60, pause=pause), method, options=options, maxiter=n, **NEVER,
                      checkpoint=path, checkpoint_seconds=0, resume=resume)
    np.savez(os.path.join(os.path.dirname(path), "end.npz"), x=result.x, **{
        name: getattr(result.history, name) for name in COLUMNS})


def _forked(*arguments):
    child = os.fork()
    if child == 0:
        try:
            _long_run(*arguments)
        finally:
            os._exit(0)
    return child


def _timed(method, options, path):
    """Seconds to the first file, and to the end, of a run that is left alone."""
    begun = time.monotonic()
    child = _forked(method, options, str(path))
    while not path.exists():
        time.sleep(1e-3)
    first = time.monotonic() - begun
    os.waitpid(child, 0)
    return first, time.monotonic() - begun


def _end(folder):
    with np.load(folder / "end.npz") as entries:
        return {name: entries[name] for name in entries.files}


def _kill_repeatedly(method, folder, moments, seed):
    options = {name: options for name, options, _ in REQUIRED}[method]
    rng, path = np.random.default_rng(seed), str(folder / "run.npz")
    first, whole = _timed(method, options, folder / "plain.npz")
    plain, counts = _end(folder), {"killed": 0, "damaged": 0}
    for _ in range(moments):    # one in four before the first file, the others spread over a run
        child = _forked(method, options, path, path if os.path.exists(path) else None)
        early = rng.uniform() < 0.25
        time.sleep(rng.uniform(0.0, first) if early else
                   first + rng.uniform(0.0, 2.0 / moments) * (whole - first))
        os.kill(child, signal.SIGKILL)
        counts["killed"] += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        try:
            os.path.exists(path) and read_checkpoint(path)
        except CheckpointError:
            counts["damaged"] += 1
    (folder / "end.npz").unlink()
    os.waitpid(_forked(method, options, path, path if os.path.exists(path) else None), 0)
    end = _end(folder)
    return counts | {"same": all(np.array_equal(plain[name], end[name]) for name in plain)}


# ---- files that cannot be used -----------------------------------------------------------------

@pytest.fixture
def whole(tmp_path):
    """A path with a checkpoint of ten iterations, and one with five as path.previous."""
    path = tmp_path / "run.npz"
    run(maxiter=5, checkpoint=path, checkpoint_seconds=1e6)
    run(maxiter=10, checkpoint=path, checkpoint_seconds=1e6)
    return path


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
    ({"options": {"maxcor": 5}}, "options\\['maxcor'\\] = 10, now it is 5"),
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


# ---- writing -------------------------------------------------------------------------------------

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


# ---- signals -------------------------------------------------------------------------------------

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


if __name__ == "__main__":
    print(json.dumps(_kill_repeatedly(sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]),
                                      int(sys.argv[4]))))
