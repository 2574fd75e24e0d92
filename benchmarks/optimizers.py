"""Second-order optimizers side by side: FEM Poisson fits from five seeds, and one trust-region step.

    python -m benchmarks.optimizers [--iterations 100] [--seeds 2 23 233 2333 23333] [--newton 0]
                                    [--first 0]
    python -m benchmarks.optimizers --mesh 32 --iterations 60

First table: `examples.poisson_fem`, every method from the same start, without tolerances; the last
columns are the loss and the sensitivities (Jacobians, Hessians) and seconds until 2e-14; with --first so
many iterations of the methods that take gradients alone.
Second table: seconds of a subproblem with a dense Hessian of p = 921, ours and SciPy's trust-exact,
same g, H and radius, with the decrease of the model by SciPy's step, pulled back into the ball,
relative to ours.
With --mesh n instead: iterations of Levenberg–Marquardt on n×n by all singular values and by those above
rounding, seconds of the processor.
"""
import argparse
import statistics
import time

import numpy as np
import scipy.optimize

TARGET = 2e-14
SEEDS = (2, 23, 233, 2333, 23333)
FIRST_ORDER = ("ssbroyden", "ssbfgs", "BFGS", "L-BFGS-B")
WARM = {"newton-trust-region": ("value_and_gradient", "hessian"),
        **dict.fromkeys(FIRST_ORDER, ("value_and_gradient",))}
RADII = (1e-3, 1e-2, 0.1, 1.0, 10.0)


def fit(setting, seed, method, iterations):
    """One run as {column: value}."""
    import pcl

    problem = setting.problem(seed)
    for warm in WARM.get(method, ("residuals", "jacobian")):
        getattr(problem, warm)(problem.theta0)
    sensitivities = []
    result = pcl.minimize(problem, method, maxiter=iterations, gtol=0.0, ftol=0.0, progress=False)
    below = np.flatnonzero(result.history.loss <= TARGET)
    if below.size:
        sensitivities = [1 + int(result.history.accepted[1:below[0] + 1].sum()),
                         float(result.history.seconds[below[0]])]
    return {"seed": seed, "method": method, "loss": result.fun, "iterations": result.nit,
            "sensitivities": result.counts["jacobians"] + result.counts["hessians"],
            "seconds": float(result.history.seconds[-1]), "target": sensitivities,
            "stages": [stage.method for stage in result.stages], "end": result.status.name}


def line(row):
    """A row of the first table."""
    target = "{:>5d} {:>7.2f}".format(*row["target"]) if row["target"] else f"{'-':>5} {'-':>7}"
    return (f"{row['seed']:>6} {row['method']:<20}{row['loss']:>9.1e}{row['iterations']:>6d}"
            f"{row['sensitivities']:>6d}{row['seconds']:>8.2f}  {target}  {row['end']}")


def subproblem(g, H, radius, repeats=5):
    """Median seconds of ours and SciPy's, and SciPy's model decrease over ours."""
    from pcl.training.drivers.trust_region_step import TrustRegionModel

    def ours():
        return TrustRegionModel(g, H).step(radius).s

    def theirs():
        # the first iterate from 0 on the quadratic itself
        return scipy.optimize.minimize(
            lambda x: g @ x + 0.5 * x @ (H @ x), np.zeros(g.size), jac=lambda x: g + H @ x,
            hess=lambda x: H, method="trust-exact", options={
                "initial_trust_radius": radius, "max_trust_radius": np.inf, "maxiter": 1,
                "gtol": 0.0, "subproblem_maxiter": 100}).x

    steps, seconds = [ours(), theirs()], []
    for call in (ours, theirs):
        taken = []
        for _ in range(repeats):
            begun = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begun)
        seconds.append(statistics.median(taken))
    length = np.linalg.norm(steps[1]) / radius      # SciPy's step may leave the ball by 10 %
    a, b = (-(g @ s + 0.5 * s @ H @ s) for s in (steps[0], steps[1] / max(1.0, length)))
    return {"radius": radius, "ours": seconds[0], "scipy": seconds[1], "decrease": b / a,
            "length": length}


def damped(mesh, seeds, iterations):
    """Losses and processor seconds an iteration, by all singular values and by those above rounding."""
    import pcl
    from examples.poisson_fem import Setting

    setting, rows = Setting(mesh), []
    print(f"{'seed':>6} {'by':<6}{'loss':>10}{'iter':>6}{'Jacobians':>11}{'s / iter':>10}")
    for seed in seeds:
        problem = setting.problem(seed)
        for name in ("value_and_gradient", "residuals", "jacobian"):
            getattr(problem, name)(problem.theta0)
        for algebra in ("svd", "auto"):
            begun = time.process_time()
            result = pcl.minimize(problem, "levenberg-marquardt", maxiter=iterations, gtol=0.0, ftol=0.0,
                                  progress=False, options={"linear_algebra": algebra})
            taken = (time.process_time() - begun) / result.nit
            rows.append({"seed": seed, "by": algebra, "loss": result.fun, "seconds": taken})
            print(f"{seed:>6} {algebra:<6}{result.fun:>10.2e}{result.nit:>6d}"
                  f"{result.counts['jacobians']:>11d}{taken:>10.3f}", flush=True)
    return rows


def fits(iterations, seeds, newton, first=0):
    """Rows of the first table, printed as they come."""
    from examples.poisson_fem import Setting

    setting, rows = Setting(), []
    methods = {"levenberg-marquardt": iterations, "least-squares": iterations,
               "hand-over": iterations, **({"newton-trust-region": newton} if newton else {}),
               **(dict.fromkeys(FIRST_ORDER, first) if first else {})}
    fit(setting, seeds[0], "levenberg-marquardt", 2)        # traces, first use of memory
    print(f"{'seed':>6} {'method':<20}{'loss':>9}{'iter':>6}{'sens':>6}{'s':>8}  "
          f"{'to ' + format(TARGET, '.0e'):>13}  end")
    for seed in seeds:
        for method, limit in methods.items():
            rows.append(fit(setting, seed, method, limit))
            print(line(rows[-1]), flush=True)
    return rows


def steps(seed=233, after=20):
    """Rows of the second table, at the start and after some steps of trust-exact."""
    import pcl
    from examples.poisson_fem import Setting

    problem, rows = Setting().problem(seed), []
    later = pcl.minimize(problem, "newton-trust-region", maxiter=after, progress=False).x
    print(f"{'at':>6}{'radius':>9}{'ours s':>9}{'SciPy s':>9}{'decrease':>10}{'|s|/radius':>12}")
    for where, theta in (("start", problem.theta0), ("later", later)):
        g, H = problem.gradient(theta), problem.hessian(theta)
        for radius in RADII:
            row = subproblem(g, H, radius)
            rows.append({"at": where, **row})
            print(f"{where:>6}{radius:>9.0e}{row['ours']:>9.3f}{row['scipy']:>9.3f}"
                  f"{row['decrease']:>10.4f}{row['length']:>12.3f}", flush=True)
    return rows


def main(arguments=None):
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--newton", type=int, default=0,
                        help="iterations of newton-trust-region; 0 leaves it out")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--first", type=int, default=0,
                        help="iterations of the methods that take gradients alone; 0 leaves them out")
    parser.add_argument("--mesh", type=int, default=0,
                        help="Levenberg–Marquardt alone, on so many cells a side")
    given = parser.parse_args(arguments)
    if given.mesh:
        damped(given.mesh, given.seeds, given.iterations)
        return
    fits(given.iterations, given.seeds, given.newton, given.first)
    print()
    steps()


if __name__ == "__main__":
    main()
