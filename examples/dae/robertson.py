"""Robertson's stiff kinetics over fourteen decades of time: simulated, and a rate constant found.

    A' = −k₁ A + k₃ B C
    B' =  k₁ A − k₃ B C − k₂ B²
    0  =  A + B + C − 1

Fractions A, B, C from A = 1, B = 0 at t = 0; t in seconds, k₁ = 0.04, k₂ = 3·10⁷, k₃ = 10⁴ 1/s. An
index-1 system; its time constants differ by nine orders of magnitude, and B never exceeds 4·10⁻⁵.

1. Simulated from 0 to 10¹¹ s by step control, Radau with 3 points.
   Numbers to expect, relative errors at the end: A and B 3e-6 with rtol 1e-6 (144 steps), 1.5e-7 with
   1e-8 (246).
2. k₂ unknown, as 10^z: A and B sampled at 28 times from 10⁻³ to 10⁶ s, nine decades, with 2 % relative
   noise, weights 1/σ². One program on 37 elements whose lengths grow geometrically, from wrong
   guesses.
   Numbers to expect, seeds 0 to 4 of the noise: log₁₀ k₂ = 7.475, 7.479, 7.476, 7.476, 7.479, each ±
   0.0022, truth 7.4771: all within 1.01 standard errors; misfit 42 to 62 for 56 samples. All 15 runs,
   from k₂ = 10⁵, 10⁶ and 10⁹, are solved and end there, in 4 to 8 iterations.

The unknown is b = 10⁴ B, of size 1, and the fractions have no bounds.

Source: H. H. Robertson, in J. Walsh (ed.), Numerical Analysis: An Introduction (1966) 178–182. Reference
values at 10¹¹ s: F. Mazzia and C. Magherini, Test Set for Initial Value Problem Solvers, release 2.4
(2008), 'Robertson'.
"""

from drawing import figure, options

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    arguments = options(__doc__)

import time

import numpy as np

from pcl.dae import Model, Trained, Trajectory, Undetermined, fit

K1, K3, LOG_K2 = 0.04, 1e4, np.log10(3e7)
START = {"A": 1.0, "b": 0.0}
SIZES = {"A": 1.0, "b": 1.0, "C": 1.0}
END, REFERENCE = 1e11, {"A": 0.2083340149701255e-7, "b": 0.8333360770334713e-9, "C": 0.9999999791665050}
FIRST, LAST = 1e-3, 1e6         # s, samples


def rates(v):
    """Of A and b = 10⁴ B."""
    B = 1e-4 * v.b
    back, out = K3 * B * v.C, 10.0 ** v.log_k2 * B ** 2
    return {"A": -K1 * v.A + back, "b": 1e4 * (K1 * v.A - back - out)}


MODEL = Model(states=("A", "b"), algebraic=("C",), parameters=("log_k2",), rates=rates,
              equations=lambda v: {"mass": v.A + 1e-4 * v.b + v.C - 1.0}, bounds={"log_k2": (0.0, 12.0)})
KNOWN = Trained(MODEL, (), {"log_k2": LOG_K2}, ("radau", 3), 1.0, SIZES, {"A": 1.0, "b": 0.0, "C": 0.0})


def accuracy(rtol):
    """Error at 10¹¹ s, steps and seconds of a simulation."""
    begun = time.perf_counter()
    found = KNOWN.simulate(START, None, np.array([0.0, END]), rtol=rtol)
    return {"errors": {name: abs(found[name][-1] / value - 1.0) for name, value in REFERENCE.items()},
            "elements": found.curve.mesh.elements, "seconds": time.perf_counter() - begun, "rtol": rtol,
            "least": min(found.curve.values[name].min() for name in REFERENCE)}


def experiment(seed, samples, noise):
    """Noisy samples of A and b as a `Trajectory`."""
    t, random = np.geomspace(FIRST, LAST, samples), np.random.default_rng(seed)
    true = KNOWN.simulate(START, None, np.r_[0.0, t], rtol=1e-9)
    seen = {name: true[name][1:] * (1.0 + noise * random.standard_normal(samples)) for name in START}
    return Trajectory(t, seen, START, weights={name: (noise * y) ** -2.0 for name, y in seen.items()},
                      span=(0.0, LAST))


def main(seeds=(0, 1, 2, 3, 4), guesses=(5.0, 6.0, 9.0), samples=28, noise=0.02, elements=37,
         tolerances=(1e-6, 1e-8)):
    """Both parts.

    Parameters
    ----------
    seeds : of the noise
    guesses : first ones of log₁₀ k₂
    tolerances : of the simulation

    Returns
    -------
    dict with `simulated`, [what `accuracy` returns], and `fits`, [{guess: Fit}, one a seed].
    """
    boundaries = np.r_[0.0, np.geomspace(1e-3 * FIRST, LAST, elements)]
    fits = []
    for seed in seeds:
        data = experiment(seed, samples, noise)
        fits.append({g: fit(MODEL, data, elements=[boundaries], start={"log_k2": g}, maxiter=150)
                     for g in guesses})
    return {"simulated": [accuracy(rtol) for rtol in tolerances], "fits": fits}


def constant(found):
    """log₁₀ k₂ and its standard error, NaN where the fit has none."""
    try:
        return found.parameters["log_k2"], found.standard_errors()["log_k2"]
    except Undetermined:
        return found.parameters["log_k2"], np.nan


def best(fits):
    """The fit of the least misfit."""
    return min(fits.values(), key=lambda found: found.misfit)


def table(outcome):
    """Errors of the simulations, constants found."""
    rows = []
    for run in outcome["simulated"]:
        errors = ", ".join(f"{name} {error:.1e}" for name, error in run["errors"].items())
        rows.append(f"rtol {run['rtol']:g}: {run['elements']} elements, {run['seconds']:.1f} s, "
                    f"relative errors {errors}; least fraction {run['least']:.1e}")
    for seed, fits in enumerate(outcome["fits"]):
        for guess, found in fits.items():
            value, error = constant(found)
            rows.append(f"seed {seed}, from {guess:g}: log₁₀ k₂ {value:.5f} ± {error:.5f} "
                        f"(truth {LOG_K2:.5f}, {(value - LOG_K2) / error:+.2f} standard errors), "
                        f"misfit {found.misfit:.2f}, "
                        f"{found.result.nit} iterations. {found.status} {found.shift}")
    return "\n".join(rows)


def plot(outcome, path):
    """The simulation with the samples, and the constants found."""
    with figure(path, 1, 2, figsize=(7.1, 2.8), width_ratios=[2, 1]) as (left, right):
        t = np.geomspace(1e-6, END, 400)
        run = KNOWN.simulate(START, None, np.r_[0.0, t], rtol=1e-8)
        found = best(outcome["fits"][0])
        for k, name in enumerate(("A", "b", "C")):
            left.plot(t, run[name][1:], color=f"C{k}", label="10⁴ B" if name == "b" else name)
            seen = found.setting.data[found.setting.names[0]].observed.get(name)
            if seen is not None:
                left.plot(seen.times, seen.values, "o", ms=3, color=f"C{k}")
        left.set(xscale="log", xlabel="time t (s)", ylabel="fraction, and samples of seed 0")
        left.legend(ncols=3)
        for seed, fits in enumerate(outcome["fits"]):
            value, error = constant(best(fits))
            right.errorbar(seed, value, 2 * error, fmt="o", color="C0", ms=3)
        right.axhline(LOG_K2, color="k", ls="--", lw=1, label="truth")
        right.set(xlabel="seed of the noise", ylabel="log₁₀ k₂, ± 2 standard errors",
                  xticks=range(len(outcome["fits"])))
        right.legend()


if __name__ == "__main__":
    outcome = main()
    print(table(outcome))
    plot(outcome, arguments.output / "dae_robertson.png")
