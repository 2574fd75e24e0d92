"""Estimation problems, each from a first start and from others: success and misfit of one fit.

A case is a function of the number of the start: 0 is the start that the example has, the others are
drawn. It returns (success, misfit, objective, spread), the spread that of the data, weighted as in the
misfit.
"""
import importlib
import pathlib
import sys

import numpy as np
from scipy.integrate import solve_ivp

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples" / "dae"


def _example(name):
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    return importlib.import_module(name)


def _scattered(start, number, decades):
    """The start, its numbers multiplied by 10^u with u uniform within ± decades for number > 0."""
    random = np.random.default_rng(number)
    return {name: value * 10.0 ** (random.uniform(-decades, decades) if number else 0.0)
            for name, value in start.items()}


def _found(fit):
    return fit.success, fit.misfit, fit.objective, fit.setting.spread


def pinene(number):
    """Five rate constants of α-pinene, measured; all constants equal, from 1e-8 to 10 1/min."""
    from pcl.dae import fit
    example = _example("alpha_pinene")
    value = (1e-5, *np.logspace(-8.0, 1.0, 9))[number]
    return _found(fit(example.MODEL, example.experiment(*example.read()),
                      start=dict.fromkeys(example.CONSTANTS, value)))


def lotka_volterra(number):
    """Hares and lynxes, four parameters, measured; within a factor of three."""
    from pcl.dae import fit
    example = _example("lynx_hare")
    data = example.read()
    start = _scattered(example.START, number, 0.5)
    return _found(fit(example.PLAIN, data, start=start))


def lynx_law(number):
    """Hares and lynxes, the lynxes' growth a network; ten seeds."""
    example = _example("lynx_hare")
    return _found(example.learned(example.read(), seed=number))


def lorenz_unseen(number):
    """Three parameters of a Lorenz system of which only x is seen, 1 % noise; within a factor of ten."""
    from pcl.dae import Model, Trajectory, fit

    def rates(x, y, z, a, b, c):
        return {"x": a * (y - x), "y": x * (b - z) - y, "z": x * y - c * z}

    t = np.linspace(0.0, 3.0, 61)
    x = solve_ivp(lambda _, s: list(rates(*s, 10.0, 15.0, 8.0 / 3.0).values()), (0.0, 3.0),
                  (-8.0, 7.0, 27.0), t_eval=t, rtol=1e-11, atol=1e-11).y[0]
    x += 0.01 * x.std() * np.random.default_rng(0).standard_normal(x.size)
    model = Model(states=("x", "y", "z"), parameters=("a", "b", "c"),
                  rates=lambda v: rates(v.x, v.y, v.z, v.a, v.b, v.c))
    start = _scattered({"a": 3.0, "b": 10.0, "c": 1.0}, number, 1.0)
    return _found(fit(model, Trajectory(t, {"x": x}), start=start))


def michaelis(number):
    """V and K of S' = −V S/(K + S), 3 % noise, both over four decades."""
    from pcl.dae import Model, Trajectory, fit

    t = np.linspace(0.0, 10.0, 21)
    S = solve_ivp(lambda _, s: -s / (0.5 + s), (0.0, 10.0), (5.0,), t_eval=t, rtol=1e-11,
                  atol=1e-12).y[0]
    S += 0.03 * np.random.default_rng(0).standard_normal(S.size)
    model = Model(states=("S",), parameters=("V", "K"), bounds={"V": (1e-4, 1e4), "K": (1e-4, 1e4)},
                  rates=lambda v: {"S": -v.V * v.S / (v.K + v.S)})
    start = _scattered({"V": 0.1, "K": 0.1}, number, 2.0)
    return _found(fit(model, Trajectory(t, {"S": S}, {"S": 5.0}), start=start))


def robertson(number):
    """log₁₀ k₂ of Robertson's reactions from 56 samples over nine decades; from 5 to 9, truth 7.48."""
    from pcl.dae import fit
    example = _example("robertson")
    boundaries = np.r_[0.0, np.geomspace(1e-3 * example.FIRST, example.LAST, 37)]
    return _found(fit(example.MODEL, example.experiment(0, samples=28, noise=0.02), elements=[boundaries],
                      start={"log_k2": np.linspace(9.0, 5.0, 10)[number]}))


def fed_batch(number):
    """A growth law of a fed batch, 10 % noise; ten seeds of the weights."""
    import pcl
    from pcl.dae import Law, fit
    example = _example("fed_batch")
    data = example.experiments("P/V", example.STATES, seed=0, samples=20, noise=0.1)
    return _found(fit(example.model("P/V"), data, Law(pcl.MLP((1, 8, 1)), "S", "mu"), seed=number))


def growth(number):
    """The first example of the documentation, with 2 % noise; ten seeds of the weights."""
    import pcl
    from pcl.dae import Model, Trajectory, fit
    random, t = np.random.default_rng(0), np.linspace(0.0, 6.0, 25)
    model = Model(states=("x",), outputs=("r",), rates=lambda v: {"x": v.r}, bounds={"x": (0.0, None)})
    data = []
    for x0 in (0.05, 0.3, 1.5):
        x = x0 / (x0 + (1 - x0) * np.exp(-t)) + 0.02 * random.standard_normal(t.size)
        data.append(Trajectory(t, {"x": x}, {"x": x0}))
    return _found(fit(model, data, pcl.MLP((1, 6, 1)), seed=number))


def pendulum(number):
    """The friction of a pendulum, index 1; ten seeds of the weights."""
    import pcl
    from pcl.dae import Law, Trajectory, fit
    example = _example("pendulum")
    t, random = np.linspace(0.0, 8.0, 121)[1:], np.random.default_rng(0)
    seen = example.swing(example.HIGH, t, True) + 0.002 * random.standard_normal((2, t.size))
    data = Trajectory(t, dict(zip("xy", seen)), example.HIGH, span=(0.0, 8.0))
    return _found(fit(example.model(1, True), data, Law(pcl.MLP((1, 6, 1)), "s", "f"), elements=100,
                      seed=number))


def population(number):
    """Growth of a predator; ten seeds of the weights."""
    return _case("population-free", number)


def tanks(number):
    """Two flows between tanks, index 2; ten seeds of the weights."""
    return _case("tank", number)


def _case(name, number):
    import pcl
    from benchmarks.dae_cases import CASES
    from pcl.dae import Law, fit

    case = CASES[name]
    data = case.trajectories(np.random.default_rng(0), 1.0)
    net = pcl.MLP((len(case.law_inputs), case.width, case.width, len(case.model.outputs)))
    return _found(fit(case.model, data, Law(net, case.law_inputs, case.model.outputs), seed=number))


def pumping(number):
    """ln K and ln S_s of the measured pumping test, in reduced space; over two decades each way."""
    import pcl
    from benchmarks.coverage_cases import measured_drawdown, pumping_problem
    data = measured_drawdown()
    start = _scattered({"K": 10.0, "S": 1e-3}, number, 2.0)
    start = {name: np.log(value) for name, value in start.items()}
    found = pcl.minimize(pumping_problem(data, start), "levenberg-marquardt", progress=False)
    return found.success, found.fun, found.fun, float(data @ data)


CASES = {"alpha-pinene": pinene, "Lotka-Volterra": lotka_volterra, "lynx law": lynx_law,
         "Lorenz, x alone": lorenz_unseen, "Michaelis-Menten": michaelis, "Robertson": robertson,
         "fed batch": fed_batch, "growth": growth, "pendulum": pendulum, "population": population,
         "tanks": tanks, "pumping test": pumping}
