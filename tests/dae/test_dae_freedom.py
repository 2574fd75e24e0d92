"""Sums and products of laws: what they can exchange is said, and the fit finds what is determined."""

import numpy as np
import pytest

from pcl import MLP
from pcl.dae import Law, Model, NormalPrior, Trajectory, fit
from pcl.dae.structure.freedom import freedoms


def _laws(**words):
    return [Law(inputs="x", outputs="a", **words) if words else Law(MLP((1, 3, 1)), "x", "a"),
            Law(MLP((1, 3, 1)), "T", "b")]


def _model(rate, **more):
    return Model(states="x", outputs=("a", "b"), inputs="T", rates=lambda v: {"x": rate(v)}, **more)


@pytest.mark.parametrize("rate, told", [
    (lambda v: v.a * v.b, "a, b share .*a → a [·/] c, b → b [·/] c"),
    (lambda v: v.a + v.b - v.x, "a, b share .*a → a [+−] c, b → b [+−] c"),
    (lambda v: v.a * (1.0 + v.b), "a, b share .*a constant or factor"),
    (lambda v: v.a ** 2 * v.b, "c\\^2")])
def test_what_factors_and_terms_exchange_is_told(rate, told):
    import re
    sentence, = freedoms(_model(rate), _laws())
    assert re.search(told, sentence)


def test_what_is_bounded_read_or_of_known_shape_exchanges_nothing():
    """A positive term has no constant to give, a bounded factor no factor; a reading says the rest."""
    assert not freedoms(_model(lambda v: v.a - v.b * v.x), _laws())
    assert not freedoms(_model(lambda v: v.a + v.b), _laws(positive=True))
    assert len(freedoms(_model(lambda v: v.a * v.b), _laws(positive=True))) == 1
    assert not freedoms(_model(lambda v: v.a * v.b), _laws(bounds=(0, 1)))
    assert not freedoms(_model(lambda v: v.a * v.b), _laws(), read=("b",))
    assert not freedoms(_model(lambda v: v.a * v.b, observed={"o": lambda v: v.a + v.x}), _laws())


def test_a_parameter_that_multiplies_a_law_is_told_unless_it_has_a_prior():
    def model(**more):
        return Model(states="x", outputs="a", parameters="p", rates=lambda v: {"x": v.p * v.a}, **more)
    laws = [Law(MLP((1, 3, 1)), "x", "a")]
    assert "a, p share" in freedoms(model(), laws)[0]
    assert not freedoms(model(priors={"p": NormalPrior(1.0, 0.1)}), laws)


def test_a_law_at_two_places_is_one_law():
    model = Model(states=("x", "y"), outputs=("a", "b"), rates=lambda v: {"x": v.a + v.b, "y": v.x - v.y})
    two = [Law(MLP((1, 3, 1)), "x", "a"), Law(MLP((1, 3, 1)), "y", "b")]
    one = [Law(MLP((1, 3, 1)), "s", "z", places=[("x", "a"), ("y", "b")])]
    assert len(freedoms(model, two)) == 1 and not freedoms(model, one)


def test_a_product_of_a_law_of_the_state_and_one_of_the_temperature_of_an_experiment():
    """x' = −f(x) g(T), T a constant of each experiment: the product is found, and the exchange said."""
    t, rng, data = np.linspace(0.0, 2.0, 15), np.random.default_rng(0), []
    for T in (0.0, 0.3, 0.5, 0.8, 1.0):
        k = np.exp(T)
        x = np.array([1.5 * np.exp(-k * s) for s in t])                 # f = x, g = exp(T)
        data.append(Trajectory(t, {"x": x + 0.01 * rng.standard_normal(15)}, {"x": 1.5}, {"T": T}))
    model = _model(lambda v: -v.a * v.b)
    laws = [Law(MLP((1, 4, 1)), "x", "a"), Law(MLP((1, 3, 1)), "T", "b")]
    found = fit(model, data, laws, elements=6)
    assert found.success and "a, b share" in str(found)
    (f, g), x = found.laws, np.array([0.3, 0.7, 1.2])
    for T in (0.0, 0.5, 1.0):
        assert np.abs(f(x)[:, 0] * g([T])[0, 0] / (x * np.exp(T)) - 1.0).max() < 0.15
    p = found.predict({"x": 1.0}, {"T": 0.65}, t=[0.0, 0.5, 1.0])
    assert np.abs(p["x"] - np.exp(-np.exp(0.65) * p.t)).max() < 0.02 and not p.outside
    assert "T from" in found.predict({"x": 1.0}, {"T": 1.4}, t=[0.0, 0.2]).message
