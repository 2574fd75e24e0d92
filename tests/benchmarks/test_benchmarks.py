"""Both sides of the Hessian benchmark solve one problem, and the harness sees when they do not."""
import numpy as np
import pytest
from oracles import slope

from benchmarks import floor, harness, square
from benchmarks.side import Side, SideError


class Quadratic:
    """ℓ = Σ c θ²; a side that needs nothing to import."""

    def __init__(self, c):
        self.c = c

    def gradient(self, theta):
        return 2.0 * self.c * theta


def quadratic(c):
    return Side("ours" if c == 1.0 else "peer", f"{__name__}:Quadratic", c, threads=1)


def at(k):
    return (np.arange(1.0, 4.0) + k,)


def test_sides_take_turns_and_one_median_is_given_for_each():
    with quadratic(1.0) as ours, quadratic(1.0 + 1e-12) as peer:
        timings = harness.alternate([ours, peer], "gradient", at, repeats=3, tolerance=1e-8)
    assert [timing.repeats for timing in timings.values()] == [3, 3]
    assert all(0.0 < timing.low <= timing.median <= timing.high for timing in timings.values())


def test_a_wrong_peer_is_not_timed():
    with quadratic(1.0) as ours, quadratic(1.001) as peer:
        with pytest.raises(ValueError, match="gradient: ours and peer differ by 1.0e-03"):
            harness.alternate([ours, peer], "gradient", at, repeats=1, tolerance=1e-8)


def test_a_side_that_dies_is_named():
    with quadratic(1.0) as ours:
        with pytest.raises(SideError, match="'ours' ended with exit code 1"):
            ours.call("hessian", 0.0)


def test_jax_derivatives_are_those_of_its_loss():
    jax_poisson = pytest.importorskip("benchmarks.jax_poisson", exc_type=ImportError)
    whole, batched = jax_poisson.Poisson(4), jax_poisson.Poisson(4, batch=128)
    theta = square.initial()
    v = np.random.default_rng(1).standard_normal(theta.size)
    h = 1e-5                                     # truncation h² = 1e-10, rounding 1e-16 / h = 1e-11
    curvature = slope(whole.gradient, theta, v, h)
    H = whole.hessian(theta)
    assert whole.gradient(theta) @ v == pytest.approx(slope(whole.loss, theta, v, h), rel=1e-7)
    assert np.abs(H @ v - curvature).max() < 1e-7 * np.abs(curvature).max()
    assert np.abs(whole.hvp(theta, v) - H @ v).max() < 1e-12 * np.abs(H @ v).max()
    assert np.abs(batched.hessian(theta) - H).max() < 1e-12 * np.abs(H).max()


def test_ours_and_jax_state_the_same_problem():
    jax_poisson = pytest.importorskip("benchmarks.jax_poisson", exc_type=ImportError)
    pcl_poisson = pytest.importorskip("benchmarks.pcl_poisson")
    ours, peer = pcl_poisson.Poisson(4), jax_poisson.Poisson(4)
    theta = ours.problem.theta0
    assert np.array_equal(theta, square.initial())
    assert ours.loss(theta) == pytest.approx(peer.loss(theta), rel=1e-12)
    assert np.abs(ours.gradient(theta) - peer.gradient(theta)).max() < 1e-10


class CountedProduct:
    """The product of weights and points, with the flops counted of those that curvature adds."""

    def __init__(self, product):
        self.product, self.flops = product, 0

    def __call__(self, a, b, out=None):
        self.flops += 0 if out is None else 2 * len(a) * b.size
        return self.product(a, b, out)


@pytest.mark.parametrize("widths", [(2, 5, 4, 3, 1), (2, 20, 20, 20, 1), (3, 4, 2), (2, 3, 4, 3, 5, 2)])
def test_the_floor_counts_the_products_that_the_curvature_performs(widths, monkeypatch):
    from pcl.networks import curvature as network_curvature  # not above: sides import this module
    from pcl.networks.mlp import MLP
    summed, counted, points = [], CountedProduct(network_curvature.product), 7

    def accumulate(self, key, A, B):                     # the sums themselves are not needed here
        summed.append((A.size // points, B.size // points))

    net = MLP(widths)
    point = net.at(net.init(seed=0), np.ones((points, widths[0])))
    sums = network_curvature.CurvatureSums(point._rule, np.dtype(np.float64))
    monkeypatch.setattr(network_curvature.CurvatureSums, "_accumulate", accumulate)
    monkeypatch.setattr(network_curvature, "product", counted)
    block, = point._blocks([0])
    sums.add(block, np.ones((widths[-1], points)), None)
    assert sorted(summed) == sorted(floor.sums_over_points(widths))
    assert counted.flops == 2 * points * sum(a * b * c for a, b, c in floor.products_with_weights(widths))


def test_the_floor_runs_its_products_and_counts_their_flops():
    products = floor.Floor(4)
    p, q, unknowns = 921, 96, 9
    a_point = sum(a * b for a, b in floor.sums_over_points(square.WIDTHS))
    assert products.hessian(None) > 2 * (q * a_point + unknowns * p * p)


def test_the_floor_is_set_beside_the_hessian_on_a_tiny_mesh(capsys):
    floor.main(["--meshes", "4", "--repeats", "1", "--threads", "1"])
    title, values = (line.split("  ") for line in capsys.readouterr().out.strip().splitlines()[-2:])
    row = dict(zip(filter(None, title), filter(None, values), strict=True))
    row = {name.strip(): value.strip() for name, value in row.items()}
    assert row["mesh"] == "4x4"
    ratio = float(row["ours s"]) / float(row["floor s"])
    assert float(row["ours/floor"]) == pytest.approx(ratio, rel=0.05)
