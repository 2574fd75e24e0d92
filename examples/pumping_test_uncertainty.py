"""How certain are K and S_s of the pumping test: do Laplace, NUTS and the profile likelihood agree?

    y = s(K, S_s) + ε,   ε ~ N(0, σ²),   σ = 0.051 m, as least squares finds it
    ln K ~ N(ln 30, 2²) in m/d,   ln S_s ~ N(ln 10⁻⁴, 2²) in 1/m

Model and data are those of `pumping_test.py`: 69 drawdowns of two piezometers. S_s H s depends on K/S_s
alone, so the computed drawdown is tabulated once over ln(K/S_s), at Chebyshev points, and thousands of
evaluations are cheap; the table is right to 1e-8 of the drawdown. Three answers: Laplace's
normal density at the peak; draws of the posterior by NUTS; the interval in which the best choice of the
other number loses no more than χ²₁(0.95)/2 of the log density.

Numbers to expect: ln K = 4.190 ± 0.025 (K = 66.0 m/d), ln S_s = −10.575 ± 0.094 (S_s = 2.55e-5 1/m). The
95 % intervals of NUTS (four chains of 150 draws, 490 effective ones) are 1.01 and 1.05 times as long as
Laplace's, those of the profile 0.98 and 0.97 times. The priors, a factor of seven to each side, change
nothing. All three take the misfit for independent noise, which it is not (see `pumping_test.py`): they
agree with each other, and are too small together.

Then K changes with the distance r from the well, and what is known before is said of the function itself:

    ln K(r) ~ Gaussian process over ln r, mean ln 66, deviation 0.5, length 2 (Matérn 5/2),   σ = 0.01 m

carried by free values at the quadrature points, and by a network of one hidden layer with 16 units, whose
weights have a wide prior of their own beside it. Numbers to expect, after some minutes: both give 50.4
m/d at 30 m, 55.2 at 90 m, 77.3 at 300 m and 94 at 1 km, the deviation of ln K being 0.067, 0.038, 0.038
and 0.055; K differs by 0.2 % at most anywhere, the width of the 90 % band by 1.3 % between the
piezometers, 4.9 % to 1 km and 5.9 % beyond, where the prior's is left (0.4 of 0.5). With weights of
deviation 10 in the place of 30 the band of the network is up to 20 % too narrow beyond 1 km: a prior of
weights should not be felt.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="seed of the chains")
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--draws", type=int, default=250, help="draws of each chain")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figure")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import numpy as np
import tensorflow as tf
from scipy import stats

import pcl
from pcl.uncertainty import noise, prior, profile, sample

if __package__:
    from examples.pumping_test import PumpingTest, TwoNumbers, read
else:
    from pumping_test import PumpingTest, TwoNumbers, read

NUMBERS = {"log K": "ln K (m/d)", "log S_s": "ln S_s (1/m)"}
DEGREE, WIDE = 24, 1.5      # of the table
READING_ERROR = 0.01        # m
MEAN, LENGTH, DEVIATION = np.log(66.0), 2.0, 0.5        # of ln K over ln r
SPANS = (30.0, 90.0), (90.0, 1000.0), (1000.0, 2e4), (0.2, 30.0)        # m
UNITS, WEIGHTS = 16, 30.0   # of the network: hidden units, and the deviation of its weights
PRIOR = {"log K": prior.Normal(np.log(30.0), 2.0), "log S_s": prior.Normal(np.log(1e-4), 2.0)}


class Tabulated:
    """s(K, S_s) at the readings by a table over x = ln(K/S_s), of the Chebyshev interpolant in x.

    Parameters
    ----------
    test : PumpingTest
    center : x around which it is tabulated, WIDE to each side
    """

    def __init__(self, test, center):
        self.center = center
        nodes = np.polynomial.chebyshev.chebpts1(DEGREE + 1)
        flat = [np.ones(test.points.size) * np.exp(x) for x in center + WIDE * nodes]
        values = np.array([test.computed(tf.constant(ratio), 1.0) for ratio in flat])
        self.coefficients = np.polynomial.chebyshev.chebfit(nodes, values, DEGREE)     # (k, m)

    def computed(self, log_K, log_storage):
        """(m,), m: S_s s depends on x alone."""
        x = (log_K - log_storage - self.center) / WIDE
        before, T = tf.ones_like(x), x
        total = before * self.coefficients[0] + T * self.coefficients[1]
        for c in self.coefficients[2:]:
            before, T = T, 2.0 * x * T - before
            total += T * c
        return total * tf.exp(-log_storage)


def stated(cells, ratio):
    """The problem, started at the least squares fit."""
    numbers = TwoNumbers(PumpingTest(read(), cells, ratio))
    fit = numbers.fit(progress=False)
    sigma = np.sqrt(fit.fun / (numbers.test.observed.size - 2))
    table = Tabulated(numbers.test, fit.x[0] - fit.x[1])
    return pcl.Problem.from_data(lambda theta: table.computed(theta["log K"], theta["log S_s"]),
                                 numbers.test.observed, noise.Gaussian(sigma), fit.theta, PRIOR)


def main(cells=40, ratio=1.5, chains=4, draws=250, warmup=50, seed=0, progress=None):
    """Peak, posterior, chains and profiles.

    Returns
    -------
    dict with `posterior`, `samples`, `profiles` and `intervals`, {number: {method: (lower, upper)}}, 95 %
    """
    problem = stated(cells, ratio)
    result = pcl.minimize(problem, "levenberg-marquardt", progress=progress)
    posterior = result.posterior()
    samples = sample(problem, posterior, chains=chains, draws=draws, warmup=warmup, seed=seed,
                     progress=progress)
    profiles = profile(problem, result, list(NUMBERS))
    drawn = samples.interval(0.95)
    intervals = {name: {"Laplace": profiles[name].linear_interval, "NUTS": tuple(map(float, drawn[name])),
                        "profile": profiles[name].interval} for name in NUMBERS}
    return {"posterior": posterior, "samples": samples, "profiles": profiles, "intervals": intervals}


# --- K(r) ------------------------------------------------------------------------------------------
class FreeValues:
    """ln K at the quadrature points of the mesh is the unknown; θ = (values, ln S_s)."""

    def __init__(self, points, seed=0):
        self.start = np.full(points.size, MEAN)
        self.prior = {"law": prior.Process(None, np.log(points), LENGTH, DEVIATION, MEAN)}

    def log_K(self, theta):
        """At the points (q,)."""
        return theta["law"]


class Network:
    """ln K = MEAN + DEVIATION net(ξ), ξ = ln(r/50 m)/LENGTH; θ = (weights, ln S_s)."""

    def __init__(self, points, seed=0):
        self._net, self._inputs = pcl.MLP((1, UNITS, 1)), np.log(points / 50.0)[:, None] / LENGTH
        self.start = self._net.init(seed)
        self.prior = {"law": prior.Normal(0.0, WEIGHTS),
                      "ln K": prior.Process(self.log_K, np.log(points), LENGTH, DEVIATION, MEAN)}

    def log_K(self, theta):
        """At the points (q,)."""
        return MEAN + DEVIATION * self._net(theta["law"], self._inputs)[:, 0]


def laws(cells=24, ratio=2.0, seed=0, maxiter=30, progress=None):
    """ln K(r) with its 90 % band, {"free values": Band, "network": Band} at the quadrature points (m)."""
    test = PumpingTest(read(), cells, ratio)
    found = {}
    for name, kind in (("free values", FreeValues), ("network", Network)):
        law = kind(test.points, seed)

        def drawdown(theta, law=law):
            return test.computed(tf.exp(law.log_K(theta)), tf.exp(theta["log S_s"]))
        problem = pcl.Problem.from_data(
            drawdown, test.observed, noise.Gaussian(READING_ERROR),
            {"law": law.start, "log S_s": np.log(2.5e-5)}, {**law.prior, "log S_s": PRIOR["log S_s"]})
        result = pcl.minimize(problem, "levenberg-marquardt", maxiter=maxiter, progress=progress)
        found[name] = result.posterior().band(law.log_K, test.points, check=0)
    return found


def compared(found, lower, upper):
    """(|ratio of K| − 1, the same of the deviations of ln K) of the network to free values, at most,
    between two distances, m."""
    free, network = found["free values"], found["network"]
    inside = (free.points[:, 0] >= lower) & (free.points[:, 0] <= upper)
    values = np.abs(np.expm1(network.value - free.value))[inside]
    widths = np.abs(network.deviation / free.deviation - 1.0)[inside]
    return float(values.max()), float(widths.max())


@pcl.style()
def plot_laws(found, path):
    """K(r) with both bands, the band of the prior, and the piezometers; returns the path written."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, ax = plt.subplots(figsize=(4.6, 3.0))
    width = stats.norm.ppf(0.95) * DEVIATION
    ax.axhspan(*np.exp(MEAN + width * np.array([-1.0, 1.0])), color="0.94", zorder=0,
               label="before: prior, 90 %")
    network, free = found["network"], found["free values"]
    r = network.points[:, 0]
    ax.fill_between(r, np.exp(network.lower), np.exp(network.upper), color="C0", alpha=0.25, lw=0.0,
                    label="network, 90 %")
    ax.plot(r, np.exp(network.value), color="C0", lw=1.6, label="network, most probable")
    for k, curve in enumerate((free.value, free.lower, free.upper)):
        ax.plot(free.points[:, 0], np.exp(curve), "k:", lw=1.1,
                label=None if k else "free values, the same")
    for distance in (30.0, 90.0):
        ax.plot(distance, 22.0, "k^", ms=4, clip_on=False)
        ax.annotate(f"{distance:.0f} m", (distance, 24.0), ha="center", fontsize=7)
    ax.annotate("piezometers at", (18.0, 24.0), ha="right", fontsize=7)
    ax.set(xscale="log", yscale="log", xlabel="distance from the pumped well r (m)", ylim=(22.0, 190.0),
           ylabel="hydraulic conductivity K (m/d)", xlim=(r[0], r[-1]))
    ax.set_yticks([25, 50, 100], ["25", "50", "100"])
    ax.minorticks_off()
    ax.legend(ncols=2)
    figure.savefig(path)
    plt.close(figure)
    return path


# --- shown -----------------------------------------------------------------------------------------
def table(outcome):
    """Intervals by method, and half their lengths relative to Laplace's."""
    rows = [f"{'':<14}{'method':<10}{'2.5 %':>10}{'97.5 %':>10}{'half length':>13}{'/ Laplace':>11}"]
    for name, label in NUMBERS.items():
        intervals = outcome["intervals"][name]
        low, high = intervals["Laplace"]
        for method, (lower, upper) in intervals.items():
            rows.append(f"{label:<14}{method:<10}{lower:>10.4f}{upper:>10.4f}{(upper - lower) / 2:>13.4f}"
                        f"{(upper - lower) / (high - low):>11.3f}")
    return "\n".join(rows)


@pcl.style()
def plot(outcome, path):
    """Prior and posterior of both numbers, and of the two together; returns the path written."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, axes = plt.subplots(2, 2, figsize=(4.6, 4.2))
    for k, (name, label) in enumerate(NUMBERS.items()):
        _plot_number(axes[k, k], outcome, name)
        axes[k, k].set(xlabel=label, ylabel="density")
    _plot_both(axes[1, 0], outcome)
    axes[0, 1].axis("off")
    axes[0, 1].legend(*axes[0, 0].get_legend_handles_labels(), loc="center")
    figure.savefig(path)
    plt.close(figure)
    return path


def _plot_number(ax, outcome, name):
    draws = outcome["samples"].blocks[name].ravel()
    deviation, found = outcome["posterior"].standard_errors()[name], outcome["profiles"][name]
    x = np.linspace(found.value - 4.5 * deviation, found.value + 4.5 * deviation, 201)
    ax.hist(draws, 30, density=True, color="C0", alpha=0.3, label="NUTS")
    ax.plot(x, stats.norm(found.value, deviation).pdf(x), color="C1", label="Laplace")
    inside = np.abs(found.points - found.value) < 4.5 * deviation
    height = 1.0 / (np.sqrt(2.0 * np.pi) * deviation)
    ax.plot(found.points[inside], height * np.exp(-found.drop[inside]), "k.", ms=3.5,
            label="profile, scaled")
    own = PRIOR[name]
    ax.plot(x, stats.norm(own.mean, own.deviation).pdf(x), "--", color="C2", label="prior")
    ax.set_xlim(x[0], x[-1])


def _plot_both(ax, outcome):
    samples, posterior = outcome["samples"], outcome["posterior"]
    ax.plot(*(samples.blocks[name].ravel() for name in NUMBERS), ".", ms=1.5, alpha=0.4)
    turn = np.linspace(0.0, 2.0 * np.pi, 121)
    circle = np.sqrt(stats.chi2.ppf(0.95, 2)) * np.array([np.cos(turn), np.sin(turn)])
    center = [float(posterior.problem.unravel(posterior.theta)[name]) for name in NUMBERS]
    ellipse = np.linalg.cholesky(posterior.covariance(list(NUMBERS))) @ circle
    ax.plot(center[0] + ellipse[0], center[1] + ellipse[1], color="C1")
    ax.set(xlabel=NUMBERS["log K"], ylabel=NUMBERS["log S_s"])


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(chains=arguments.chains, draws=arguments.draws, seed=arguments.seed)
    print(outcome["posterior"], outcome["samples"], *outcome["profiles"].values(), sep="\n\n")
    print("\n95 % intervals\n" + table(outcome))
    print("figure:", plot(outcome, arguments.output / "pumping_uncertainty.png").resolve())
    found = laws(seed=arguments.seed)
    for lower, upper in SPANS:
        value, width = compared(found, lower, upper)
        print(f"{lower:g} to {upper:g} m: network and free values differ by {100 * value:.1f} % in K and "
              f"{100 * width:.1f} % in the width of the band, at most")
    print("figure:", plot_laws(found, arguments.output / "pumping_laws.png").resolve())
