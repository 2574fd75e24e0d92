"""Laws with a shape that is known: rising, falling, convex, concave, positive, between bounds."""

import numpy as np
import pytest
from oracles import slope_of_order_six

from pcl import ICNN, MLP
from pcl.dae import Law, Model, Trajectory, fit, load
from pcl.dae.laws.output_range import normalised, output_range

RNG = np.random.default_rng(2)
SHAPES = {
    "rising": dict(increasing="S"), "falling, rising": dict(increasing="S", decreasing=["P"]),
    "positive": dict(positive=True), "bounded": dict(bounds=(0.5, 2.0)),
    "below": dict(bounds=(None, 3.0)),
    "rising, bounded": dict(increasing=["S", "P"], bounds=(0, 1)),
    "rising, below": dict(increasing="S", bounds=(None, -1.0)),
    "convex": dict(convex=True), "convex, positive": dict(convex=True, positive=True),
    "convex, falling": dict(convex=True, decreasing="S"),
    "concave, rising": dict(concave=True, increasing=("S", "P")),
    "concave, below": dict(concave=True, bounds=(None, 2.0), decreasing="P"),
    "convex, rising, above": dict(convex=True, increasing="P", bounds=(-1.0, None))}


def _law(words, normalise=True):
    law = Law(inputs=("S", "P"), outputs="r", **words)
    a, z = RNG.uniform(0.0, 4.0, (30, 2)), RNG.uniform(0.6, 0.9, (30, 1))
    return normalised(law, a, z) if normalise else law


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("normalise", [False, True])
def test_a_law_has_its_shape_at_every_weight_normalised_or_not(name, normalise):
    words = SHAPES[name]
    law = _law(words, normalise)
    lower, upper = words.get("bounds", (0.0 if words.get("positive") else None, None))
    for seed in range(10):
        theta = law.init(seed) + RNG.normal(size=law.size)
        at = law.at(theta, RNG.uniform(-2.0, 6.0, (40, 2)))
        slopes = at.input_jacobian()[:, 0]
        for key, sign in (("increasing", 1.0), ("decreasing", -1.0)):
            assert all((sign * slopes[:, law.inputs.index(n)] >= 0.0).all() for n in words.get(key, ()))
        bend = np.linalg.eigvalsh(at.input_curvature(np.ones((40, 1))))
        assert not words.get("convex") or bend.min() >= -1e-12 * np.abs(bend).max()
        assert not words.get("concave") or bend.max() <= 1e-12 * np.abs(bend).max()
        assert lower is None or (at.value >= lower).all()
        assert upper is None or (at.value <= upper).all()
    told = [end[0] for end in output_range(law)]
    assert told == [-np.inf if lower is None else pytest.approx(lower),
                    np.inf if upper is None else pytest.approx(upper)]


def test_a_plain_law_has_none_of_these_shapes():
    law = Law(MLP((2, 8, 1)), ("S", "P"), "r")
    at = law.at(law.init(0) * 3.0, RNG.uniform(-2.0, 6.0, (40, 2)))
    assert at.input_jacobian().min() < 0.0 < at.input_jacobian().max()
    bend = np.linalg.eigvalsh(at.input_curvature(np.ones((40, 1))))
    assert bend.min() < 0.0 < bend.max()


@pytest.mark.parametrize("name", SHAPES)
def test_derivatives_of_shaped_laws_agree_with_differences(name):
    law = _law(SHAPES[name])
    theta, a, z_bar = law.init(3), RNG.uniform(0.0, 4.0, (6, 2)), RNG.normal(size=(6, 1))
    d, e, at = RNG.normal(size=law.size), RNG.normal(size=(6, 2)), law.at(theta, a)

    def agrees(exact, function, x, direction):
        slope = slope_of_order_six(function, x, direction)
        assert np.abs(exact - slope).max() <= 1e-8 * max(1.0, np.abs(slope).max())
    agrees(at.jacobian()[:, 0] @ d, lambda p: law.at(p, a).value[:, 0], theta, d)
    agrees(np.einsum("nd,nd->n", at.input_jacobian()[:, 0], e),
           lambda b: law.at(theta, b).value[:, 0], a, e)
    agrees(at.curvature(z_bar) @ d, lambda p: law.at(p, a).pullback(z_bar), theta, d)
    agrees(at.mixed_curvature(z_bar) @ d, lambda p: z_bar
           * law.at(p, a).input_jacobian()[:, 0], theta, d)
    agrees(np.einsum("nij,nj->ni", at.input_curvature(z_bar), e),
           lambda b: z_bar * law.at(theta, b).input_jacobian()[:, 0], a, e)


@pytest.mark.parametrize("words, told", [
    (dict(increasing="S", decreasing="S"), "both have 'S'"), (dict(convex=True, concave=True), "only a"),
    (dict(convex=True, bounds=(0, 1)), "only a constant"),
    (dict(concave=True, positive=True), "only a constant"),
    (dict(positive=True, bounds=(None, -1.0)), "lower bound"),
    (dict(increasing="T"), "increasing has 'T'"),
    (dict(bounds=(2.0, 1.0)), "lower bound"), (dict(bounds=3.0), "expected \\(lower, upper\\)"),
    (dict(net=ICNN((2, 3, 1)), convex=True), "expected hidden widths"),
    (dict(positive=True, output_shift=1.0), "output_shift"),
    (dict(increasing="S", input_scale=-1.0), "positive numbers")])
def test_shapes_that_cannot_be_are_refused_in_words(words, told):
    with pytest.raises(ValueError if "expected hidden" not in told else TypeError, match=told):
        Law(inputs=("S", "P"), outputs="r", **words)


def test_convexity_is_of_all_inputs_and_a_list_of_them_is_refused():
    with pytest.raises(TypeError, match="convex is .*expected True or False"):
        Law(inputs=("S", "P"), outputs="r", convex=["S"])
    with pytest.raises(TypeError, match="increasing is True; expected names"):
        Law(inputs=("S", "P"), outputs="r", increasing=True)


def test_hidden_widths_are_given_as_numbers_or_by_a_plain_network():
    for net in ((5, 4), MLP((2, 5, 4, 1))):
        assert Law(net, ("S", "P"), "r", increasing="S").net.widths == (2, 5, 4, 1)


def test_a_rising_bounded_law_is_learned_and_kept_in_a_file(tmp_path):
    """x' = −r(x), r = x/(0.5 + x) rises from 0 and stays below 1: noisy readings do not say so."""
    t = np.linspace(0.0, 3.0, 16)
    x = np.array([2.0])
    grid, h = [2.0], 3.0 / 1500
    for _ in range(1500):                                  # midpoint rule, error 1e-6
        half = x - 0.5 * h * x / (0.5 + x)
        x = x - h * half / (0.5 + half)
        grid.append(float(x[0]))
    seen = np.array(grid)[::100] + 0.03 * np.random.default_rng(0).standard_normal(16)
    model = Model(states="x", outputs="r", rates=lambda v: {"x": -v.r})
    found = fit(model, Trajectory(t, {"x": seen}, {"x": 2.0}),
                Law((4,), "x", "r", increasing="x", bounds=(0.0, 1.0)), elements=10)
    law, a = found.laws[0], np.linspace(-1.0, 5.0, 50)
    r = law(a)[:, 0]
    assert found.success and (np.diff(r) >= 0.0).all() and r.min() >= 0.0 and r.max() <= 1.0
    assert np.abs(law([0.5, 1.0, 1.5])[:, 0] - [0.5, 2.0 / 3.0, 0.75]).max() < 0.08
    found.save(tmp_path / "r.npz")
    assert np.array_equal(load(tmp_path / "r.npz", model).laws[0](a), law(a))
