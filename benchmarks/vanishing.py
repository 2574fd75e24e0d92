"""A law that vanishes at the end of its range, by several networks: do its standard errors hold?

    python -m benchmarks.vanishing [--networks plain,softplus,exponential] [--seeds 2]

Three cultures on one substrate, batch and fed, X' = (μ(S) − D) X, S' = D (S_f − S) − 2 μ(S) X, 150
readings with σ = 0.03 and 0.06 g/l by SciPy; μ Haldane's, Monod's, Tessier's and Moser's, k = 0.1, 0.4
and 1.5 g/l. Of each the largest (estimate − truth)/error at 15 quantiles of the visited S, where it is,
and whether the fit warned of a foot there: by N(S), softplus(N(S)), exp(N(S)).
"""
import argparse
import functools
import warnings

import numpy as np
from scipy.integrate import solve_ivp

from benchmarks.harness import progress

RATES = {"Haldane": lambda S, k: 0.9 * S / (k + S + S**2 / 4), "Monod": lambda S, k: 0.6 * S / (k + S),
         "Tessier": lambda S, k: 0.6 * (1 - np.exp(-S / k)),
         "Moser": lambda S, k: 0.6 * S**2 / (k**2 + S**2)}
HALF = 0.1, 0.4, 1.5
CULTURES = (0.1, 3.0, 0.0, 0.0), (0.2, 1.0, 0.3, 6.0), (0.5, 6.0, 0.1, 6.0)      # X, S at 0; D, S_f
SIGMA = {"X": 0.03, "S": 0.06}
QUANTILES = 15


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", default="plain,softplus,exponential")
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args(arguments)
    rows = []
    for network in given.networks.split(","):
        for name in RATES:
            for k in HALF:
                for seed in range(1, given.seeds + 1):
                    mu = functools.partial(RATES[name], k=k)
                    rows.append((network, *judged(network, mu, seed)))
                    _, error, S, told = rows[-1]
                    progress(f"{network:<11} {name:<8} k {k:3.1f} seed {seed}: largest error "
                             f"{error:6.1f} at S = {S:.3f} g/l, {'told' if told else 'not told'}")
    for network in given.networks.split(","):
        errors, _, told = np.array([row[1:] for row in rows if row[0] == network]).T
        bad = errors > 3.0
        print(f"{network:<11} {len(errors)} fits: {bad.sum()} with an error above 3, of which "
              f"{int(told[bad].sum())} are told; {int(told[~bad].sum())} of the others are, too; largest "
              f"{errors.max():.1f}, median {np.median(errors):.1f}")


def judged(network, mu, seed):
    """(largest error in standard errors, where, whether the fit told of a foot there)."""
    from pcl import dae

    model, law = stated(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dae.fit(model, made(mu, seed), law)
        a = np.sort(found.setting.points_of(found.program.laws[0], found.x)[0], axis=0)
        S = a[np.linspace(0, len(a) - 1, QUANTILES).astype(int)]
        z, error = found.band("mu", S)
    ratio = np.abs(z - mu(S[:, 0])) / error
    worst = ratio.argmax()
    told = any(foot.holds(z)[worst] for foot in found.feet.get((0, 0), ()))
    return float(ratio[worst]), float(S[worst, 0]), float(told)


def stated(network):
    """(Model, Law)."""
    import pcl
    from pcl import dae

    transform = {"plain": None, "softplus": pcl.softplus(), "exponential": pcl.exponential()}[network]
    model = dae.Model(states=("X", "S"), outputs=("mu",), inputs=("D", "Sf"),
                      bounds={"X": (0.0, None), "S": (0.0, None)},
                      rates=lambda v: {"X": (v.mu - v.D) * v.X,
                                       "S": v.D * (v.Sf - v.S) - 2.0 * v.mu * v.X})
    return model, dae.Law(pcl.MLP((1, 6, 1), output=transform), ("S",), ("mu",))


def made(mu, seed):
    """The readings of three cultures."""
    from pcl import dae

    random, t, found = np.random.default_rng(seed), np.linspace(0.0, 12.0, 25), []
    for run, (X, S, D, Sf) in enumerate(CULTURES):
        def f(t, y, D=D, Sf=Sf):
            growth = mu(max(y[1], 0.0)) * y[0]
            return [growth - D * y[0], D * (Sf - y[1]) - 2.0 * growth]
        y = solve_ivp(f, (0.0, 12.0), [X, S], t_eval=t, rtol=1e-8, atol=1e-9).y
        y = y + np.array([[SIGMA["X"]], [SIGMA["S"]]]) * random.normal(size=y.shape)
        found.append(dae.Trajectory(t, {"X": y[0], "S": y[1]}, sigma=SIGMA,
                                    inputs={"D": D, "Sf": Sf}, name=f"culture {run}"))
    return dae.Data(found)


if __name__ == "__main__":
    main()
