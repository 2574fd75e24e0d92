"""How well is a plate cooled from below, told by thermometers on its upper side?

    −∇·(k ∇T) = 0 in a plate of 120 × 10 mm
    k ∂T/∂n = q on the upper side,   k ∂T/∂n = h(x) (T_c − T) on the lower side,   insulated ends

Stainless steel, k = 15 W/(m K), heated with q = 20 kW/m²; coolant at T_c = 20 °C. The heat transfer
coefficient is 400 W/(m² K), but 1000 where a jet hits the plate, about x = 75 mm over a width of 12 mm,
and falls to 200 towards the left end, where a deposit has grown. Measured is T at 61 points of the
heated side, to 0.05 K. All of this is chosen, none of it measured.

The law: h = 400 exp(MLP(1, 12, 1)(x)) W/(m² K), 37 weights under a normal prior of width 4 (6 in the
first layer). Minimised is χ² = Σ ((T − T_obs)/σ)² + Σ (w/width)². The data come from another, finer
mesh.

Numbers to expect: with h = 400 everywhere T is 20 °C + q/h + q/k · 10 mm = 83.33 °C above. Fitted, h is
within 3 % of the truth in the middle (1 to 2 % root mean square), the peak 1000 ± 20 at 75 mm, and ln h
known to a standard deviation of 0.5 to 3 %, at the ends of the plate to 3 to 8 %; the largest error, up
to 10 %, is there. χ² of the 61 temperatures is 45 to 55: some nine combinations of the weights are
determined by them. With σ = 0.5 K it is 1 to 9 % and the peak is still at 75 mm.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="seed of noise and initial weights")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figure")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import numpy as np
import tensorflow as tf

import fem
import pcl
from pcl import diagnose

LENGTH, THICKNESS = 0.12, 0.01                      # m
CONDUCTIVITY, FLUX, COOLANT = 15.0, 2e4, 20.0       # W/(m K), W/m², °C
H0, SIGMA = 400.0, 0.05                             # W/(m² K), K


def true_transfer(x):
    """h [W/(m² K)] at x (m,) in m."""
    deposit = 0.5 * np.exp(-((x / 0.025) ** 2))
    return H0 * (1.0 - deposit + 1.5 * np.exp(-(((x - 0.075) / 0.012) ** 2)))


class Plate:
    """Temperatures of the heated side from h on the cooled one; 6n × n × 2 quadratic triangles."""

    def __init__(self, n):
        self.space = fem.Space(fem.rectangle(6 * n, n, upper=(LENGTH, THICKNESS)), "P2")
        thermometers = np.linspace(0.0, LENGTH, 61)
        self.observe = self.space.observe(np.stack([thermometers, np.full(61, THICKNESS)], axis=1))
        self.thermometers = thermometers

    def rise(self, transfer):
        """T − T_c (n,) in K, for h a function of x (m,)."""
        def conducted(u, x):
            return {"u": {"gradient": CONDUCTIVITY * u.gradient}}

        def cooled(u, x, normal):
            return {"u": {"value": transfer(x[:, 0]) * u.value}}

        def heated(u, x, normal):
            return {"u": {"value": -FLUX}}
        return fem.solve(*self.space.system(conducted, boundary={"bottom": cooled, "top": heated}))


def network():
    """(network, width (p,) of the prior of its weights)."""
    net = pcl.MLP([1, 12, 1], output=pcl.exponential())
    return net, np.where(np.arange(net.size) < 24, 6.0, 4.0)


def main(n=6, seed=0, maxiter=200, progress=None):
    """Fit h(x) to temperatures made on a finer mesh.

    Returns
    -------
    dict with `result`; `x` (m,), `transfer`, `truth` (m,) of h there and `deviation` of ln h;
    `thermometers`, `observed` and `fitted` temperatures in °C; `misfit`, the share of χ² of the data.
    """
    plate, finer = Plate(n), Plate(2 * n - 1)
    rng, (net, width) = np.random.RandomState(seed), network()
    exact = COOLANT + (finer.observe @ finer.rise(true_transfer)).numpy()
    observed = exact + SIGMA * rng.randn(len(exact))

    def ratio(theta, x):
        return net(theta["h"], (2.0 * x / LENGTH - 1.0)[:, None])[:, 0]

    def residuals(theta):
        rise = plate.rise(lambda x: H0 * ratio(theta, x))
        return tf.concat([(COOLANT + plate.observe @ rise - observed) / SIGMA, theta["h"] / width], 0)
    problem = pcl.Problem.from_residuals(residuals, {"h": net.init(seed)})
    result = pcl.minimize(problem, "levenberg-marquardt", maxiter=maxiter, progress=progress)

    x = np.linspace(0.0, LENGTH, 121)
    band = diagnose.identifiability(problem, result.x, lambda theta, x: tf.math.log(ratio(theta, x)),
                                    x, sigma=1.0)
    misfits = problem.residuals(result.x)[:len(observed)]
    return {"result": result, "problem": problem, "plate": plate, "x": x, "truth": true_transfer(x),
            "transfer": H0 * np.exp(band.value), "deviation": band.deviation,
            "thermometers": plate.thermometers, "observed": observed,
            "fitted": observed + SIGMA * misfits, "misfit": float(np.sum(misfits ** 2))}


@pcl.style()
def plot(outcome, directory):
    """h(x) with its band, and the temperatures; returns the path."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.1, 2.9))
    draw_transfer(left, outcome)
    draw_temperatures(right, outcome)
    path = directory / "robin_edge.png"
    figure.savefig(path)
    plt.close(figure)
    return path


def draw_transfer(ax, outcome):
    """h with its band of two standard deviations of ln h."""
    x, transfer, band = 1e3 * outcome["x"], outcome["transfer"], np.exp(2.0 * outcome["deviation"])
    ax.fill_between(x, transfer / band, transfer * band, alpha=0.25, lw=0,
                    label="± 2 standard deviations")
    ax.plot(x, transfer, label="found")
    ax.plot(x, outcome["truth"], "k--", lw=1.0, label="true")
    ax.set(xlabel="x (mm)", ylabel="h of the cooled side (W/(m² K))", ylim=(0.0, 1100.0))
    ax.legend(ncols=2)


def draw_temperatures(ax, outcome):
    """Measured and fitted temperatures, and their difference in a corner."""
    x = 1e3 * outcome["thermometers"]
    ax.plot(x, outcome["observed"], "k.", ms=3, label="measured")
    ax.plot(x, outcome["fitted"], color="C0", lw=1.0, label="fitted")
    ax.set(xlabel="x (mm)", ylabel="T of the heated side (°C)")
    ax.legend(ncols=2)
    corner = ax.inset_axes([0.55, 0.58, 0.43, 0.32])
    corner.axhspan(-2.0 * SIGMA, 2.0 * SIGMA, color="0.9")
    corner.plot(x, outcome["observed"] - outcome["fitted"], "k.", ms=3)
    corner.set_title("measured − fitted (K), ± 2σ", fontsize=7.5)
    corner.tick_params(labelsize=7)
    corner.grid(False)


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(seed=arguments.seed)
    error = np.log(outcome["transfer"] / outcome["truth"])
    print(outcome["result"].message)
    print(f"χ² of the {len(outcome['observed'])} temperatures {outcome['misfit']:.0f}; largest error of "
          f"h {np.abs(error).max():.0%}, root mean square {np.sqrt(np.mean(error ** 2)):.1%}; peak "
          f"{outcome['transfer'].max():.0f} W/(m² K) at "
          f"{1e3 * outcome['x'][np.argmax(outcome['transfer'])]:.0f} mm; within two standard deviations "
          f"at {np.mean(np.abs(error) <= 2 * outcome['deviation']):.0%} of the points")
    print("figure:", plot(outcome, arguments.output).resolve())
