"""How much of its work does a run keep that is killed without warning, life after life?

    minimise  Σ_i (net_θ(x_i) − y_i)²,    net = MLP(2, w, w, 1),  x_i in (−1, 1)², i = 1 … m

with m and w such that an iteration takes some tenths of a second. Each life is a process of its own,
which takes up its checkpoint, is given `--life` seconds after its problem is stated, and is then killed
(SIGKILL). Counted are the iterations done in a life, as its callback reports them, and those of them in
the file it leaves behind. Run from the root of the project:

    python -m benchmarks.lives
    python -m benchmarks.lives --methods L-BFGS-B --life 3 --lives 2
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import pcl
from benchmarks import harness

SIZES = {"trust-exact": (20_000, 14), "newton-trust-region": (20_000, 14), "L-BFGS-B": (150_000, 20),
         "BFGS": (150_000, 14), "levenberg-marquardt": (4_000, 20), "least-squares": (4_000, 20)}
SEED, WAIT = 233, 300.0
ROOT = Path(__file__).resolve().parents[1]


def problem(m, w):
    """m residuals of a network with two hidden layers of w."""
    rng = np.random.default_rng(SEED)
    x = rng.uniform(-1.0, 1.0, (m, 2))
    y = np.sin(6.0 * x[:, 0] * x[:, 1]) + 0.01 * rng.normal(size=m)
    net = pcl.MLP((2, w, w, 1))
    return pcl.Problem.from_residuals(lambda theta: net(theta["net"], x)[:, 0] - y,
                                      {"net": net.init(SEED)})


def live(method, path, report, seconds):
    """Runs until it is killed; a line of `report` tells each iteration, an empty one the beginning."""
    stated = problem(*SIZES[method])
    with open(report, "a", buffering=1, encoding="utf-8") as file:
        file.write("\n")
        pcl.minimize(stated, method, maxiter=10**6, gtol=0.0, ftol=0.0, xtol=0.0, progress=False,
                     checkpoint=path, checkpoint_seconds=seconds,
                     resume=path if os.path.exists(path) else None,
                     callback=lambda snapshot: file.write(f"{snapshot.iteration}\n"))


def life(method, folder, number, options):
    """(iterations done, iterations kept) of one life that begins at the file in `folder`."""
    path, report = folder / "run.npz", folder / f"life{number}"
    before = _rows(path)
    command = [sys.executable, "-m", "benchmarks.lives", "--child", str(path), str(report),
               "--methods", method, "--seconds", str(options.seconds)]
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    try:
        _wait_for(report, child)
        time.sleep(options.life)
    finally:
        child.kill()
        errors = child.communicate()[1].decode(errors="replace")
    if child.returncode != -9:
        raise RuntimeError(f"{method}: life {number} ended by itself: {errors[-500:]}")
    lines = report.read_text(encoding="utf-8").split()
    return max([before, *map(int, lines)]) - before, _rows(path) - before


def _wait_for(report, child):
    end = time.monotonic() + WAIT
    while not report.exists() and child.poll() is None and time.monotonic() < end:
        time.sleep(0.02)


def _rows(path):
    return len(pcl.read_checkpoint(path).history) - 1 if path.exists() else 0


def row(method, options):
    """One line of the table: sums over all lives, and the worst of them."""
    with tempfile.TemporaryDirectory() as folder:
        lives = [life(method, Path(folder), k, options) for k in range(options.lives)]
    done, kept = np.sum(lives, axis=0)
    return {"method": method, "lives": len(lives), "done": int(done), "kept": int(kept),
            "s / iteration": options.life * len(lives) / max(done, 1),
            "share": kept / max(done, 1), "worst life": min(k / max(d, 1) for d, k in lives)}


def main(arguments=None):
    """Print the table; returns its rows."""
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--methods", default="trust-exact,L-BFGS-B,levenberg-marquardt")
    options.add_argument("--life", type=float, default=10.0, help="seconds")
    options.add_argument("--lives", type=int, default=5)
    options.add_argument("--seconds", type=float, default=1.0, help="checkpoint_seconds")
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    chosen = options.parse_args(arguments)
    if chosen.child:
        return live(chosen.methods, *chosen.child, chosen.seconds)
    rows = [row(method, chosen) for method in chosen.methods.split(",")]
    print(harness.table(rows))
    return rows


if __name__ == "__main__":
    main()
