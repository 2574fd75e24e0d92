"""Observables with doses, and with priors, local parameters, laws, heavy tails and limits beside them."""

import numpy as np
import pytest

from pcl import MLP
from pcl.dae import Law, Model, NormalPrior, Trajectory, fit
from pcl.uncertainty import noise

K, V = 0.5, 4.0


def _amount(t, doses):
    """Σ dose exp(−K (t − t_dose)), the readings at a dose before it."""
    return sum(d * np.exp(-K * np.maximum(t - s, 0.0)) * (t > s) for s, d in doses)


def _drug(**more):
    return Model(states="A", parameters=("k", "V"), rates=lambda v: {"A": -v.k * v.A},
                 observed={"c": lambda v: v.A / v.V}, bounds={"k": (0.01, 5.0), "V": (0.1, 50.0)}, **more)


def _subjects(scatter, count=3, doses=((0.0, 10.0), (4.0, 5.0)), **more):
    t, rng = np.linspace(0.5, 9.5, 19), np.random.default_rng(0)
    table = [(s, "A", d) for s, d in doses]
    return [Trajectory(t, {"c": _amount(t, doses) / V + scatter(rng, t.size)}, {"A": 0.0},
                       span=(0.0, 10.0), doses=table, name=f"s{i}", **more) for i in range(count)]


def _near(found, errors=4.0):
    values = found.standard_errors()
    for name, truth in (("k", K), ("V", V)):
        assert abs(found.parameters[name] - truth) < errors * values[name] and values[name] < 0.1 * truth


def test_observables_with_doses_and_an_unknown_noise_in_several_experiments():
    found = fit(_drug(), _subjects(lambda rng, n: 0.03 * rng.standard_normal(n)),
                noise={"c": noise.Gaussian()}, elements=12)
    assert found.success and abs(found.noise["c"]["sigma"] - 0.03) < 0.01
    _near(found)


def test_observables_with_doses_and_heavy_tails():
    def scatter(rng, n):
        return 0.02 * rng.standard_t(3, n)
    found = fit(_drug(), _subjects(scatter), noise={"c": noise.StudentT()}, elements=12)
    assert found.success
    _near(found)


def test_observables_with_doses_below_a_limit_of_quantification():
    limit, data = 0.3, []
    for item in _subjects(lambda rng, n: 0.03 * rng.standard_normal(n)):
        seen = item.observed["c"]
        data.append(Trajectory(seen.times, {"c": np.maximum(seen.values, limit)}, {"A": 0.0},
                               span=(0.0, 10.0), doses=item.doses, name=item.name))
    assert sum((item.observed["c"].values == limit).sum() for item in data) > 5
    found = fit(_drug(), data, noise={"c": noise.Censored(noise.Gaussian(), below=limit)}, elements=12)
    assert found.success
    _near(found)


def test_observables_with_doses_local_parameters_and_a_prior():
    """V is known from elsewhere, each subject has a k of its own."""
    model = _drug(local="k", priors={"V": NormalPrior(V, 0.05)})
    found = fit(model, _subjects(lambda rng, n: 0.03 * rng.standard_normal(n), weights=1.0 / 0.03 ** 2),
                elements=12)
    assert found.success and sorted(found.parameters) == ["V", "k[s0]", "k[s1]", "k[s2]"]
    assert all(abs(found.parameters[f"k[s{i}]"] - K) < 0.03 for i in range(3))
    assert abs(found.parameters["V"] - V) < 0.15


@pytest.mark.parametrize("kind", [noise.Gaussian, noise.StudentT])
def test_observables_with_doses_and_a_law(kind):
    """A' = −r(A) seen as A/V with V known: the law comes out of doses and readings of the observable."""
    model = Model(states="A", outputs="r", rates=lambda v: {"A": -v.r}, observed={"c": lambda v: v.A / V},
                  bounds={"A": (0.0, None)})
    data = _subjects(lambda rng, n: 0.02 * rng.standard_normal(n), count=2)
    found = fit(model, data, Law(MLP((1, 3, 1)), "A", "r"), noise={"c": kind()}, elements=10)
    a = np.array([1.0, 3.0, 6.0])
    assert found.success and np.abs(found.laws[0](a)[:, 0] / (K * a) - 1.0).max() < 0.1
    p = found.predict({"A": 0.0}, t=np.linspace(0.0, 5.0, 11), doses=[(1.0, "A", 8.0)])
    assert np.abs(p["c"][4:] - 8.0 * np.exp(-K * (p.t[4:] - 1.0)) / V).max() < 0.05


def test_a_switched_input_a_dose_and_a_shaped_law_together():
    """x' = u(t) − r(x), r rising and positive, u on from 0 to 2, a dose at 5."""
    t, rng = np.linspace(0.25, 8.0, 32), np.random.default_rng(3)
    on = 2.0 * (1.0 - np.exp(-0.5 * np.minimum(t, 2.0))) * np.exp(-0.5 * np.maximum(t - 2.0, 0.0))
    x = on + 1.5 * np.exp(-0.5 * (t - 5.0)) * (t > 5.0)
    model = Model(states="x", outputs="r", inputs="u", rates=lambda v: {"x": v.u - v.r},
                  bounds={"x": (0.0, None)})
    data = Trajectory(t, {"x": x + 0.02 * rng.standard_normal(t.size)}, {"x": 0.0},
                      {"u": ([0.0, 2.0], [1.0, 0.0], "constant")}, span=(0.0, 8.0),
                      doses=[(5.0, "x", 1.5)])
    found = fit(model, data, Law(inputs="x", outputs="r", increasing="x", positive=True), elements=16)
    a = np.array([0.4, 0.8, 1.2])
    assert found.success and np.abs(found.laws[0](a)[:, 0] - 0.5 * a).max() < 0.08
