"""The nonlinear, heat and growth benchmarks: one problem on both sides, exact derivatives, lines."""
import functools
import json

import numpy as np
import pytest
from oracles import slope

from benchmarks import growth, heat, nonlinear, peers, square

STEPS = 5


@functools.cache
def sides(which):
    """Ours, JAX and θ, on a 6 × 6 × 2 mesh; compiled functions are shared by the tests."""
    if which == "heat":
        jax_heat = pytest.importorskip("benchmarks.jax_heat", exc_type=ImportError)
        pcl_heat = pytest.importorskip("benchmarks.pcl_heat")
        return pcl_heat.Heat(6, STEPS), jax_heat.Heat(6, STEPS, 307), square.initial()
    jax_nonlinear = pytest.importorskip("benchmarks.jax_nonlinear", exc_type=ImportError)
    pcl_nonlinear = pytest.importorskip("benchmarks.pcl_nonlinear")
    return (pcl_nonlinear.Nonlinear(6), jax_nonlinear.Nonlinear(6, 53),
            square.initial(widths=nonlinear.WIDTHS))


def relative(a, b):
    return np.abs(a - b).max() / np.abs(a).max()


@pytest.mark.parametrize("which", ["heat", "nonlinear"])
def test_both_sides_have_one_loss_with_its_derivatives(which):
    ours, peer, theta = sides(which)
    v = np.random.default_rng(1).standard_normal(theta.size)
    H, tolerance = ours.hessian(theta), 1e-11       # rounding times the condition of the matrix, 50
    assert peer.loss(theta) == pytest.approx(ours.loss(theta), rel=tolerance)
    assert relative(ours.gradient(theta), peer.gradient(theta)) < tolerance
    assert relative(ours.hvp(theta, v), peer.hvp(theta, v)) < tolerance
    assert relative(H, peer.hessian(theta)) < tolerance
    h = 1e-5                                        # truncation h² = 1e-10, rounding 1e-16 / h = 1e-11
    curvature = slope(peer.gradient, theta, v, h)
    assert peer.gradient(theta) @ v == pytest.approx(slope(peer.loss, theta, v, h), rel=1e-6)
    assert relative(H @ v, curvature) < 1e-6


@pytest.mark.parametrize("which, newton", [("heat", 0), ("nonlinear", 8)])
def test_the_peer_factorises_once_a_point_beside_newton(which, newton, monkeypatch):
    jax_fem = pytest.importorskip("benchmarks.jax_fem", exc_type=ImportError)
    _, peer, theta = sides(which)
    count, bare = [], jax_fem.splu
    monkeypatch.setattr(jax_fem, "splu", lambda *a, **k: count.append(1) or bare(*a, **k))
    peer.hessian(theta + 1e-3)                      # the last matrix was another one
    assert 1 <= len(count) <= 1 + newton


def test_hessians_in_batches_and_as_they_stand_agree():
    jax_fem = pytest.importorskip("benchmarks.jax_fem", exc_type=ImportError)
    theta, c = np.linspace(0.1, 1.0, 7), np.arange(7.0)

    def loss(t, c):                                 # ∂²ℓ = 2 c cᵀ + diag(6 θ)
        return (t @ c)**2 + (t**3).sum()
    expected = 2.0 * np.outer(c, c) + np.diag(6.0 * theta)
    for batch in (None, 3, 7, 16):
        H = jax_fem.Derivatives(loss, batch).hessian(theta, c)
        assert relative(expected, H) < 1e-15 * 10


def test_backward_euler_of_ours_is_of_first_order_in_time():
    """The last state at t = 0.1 tends to that of many steps as Δt."""
    fem = pytest.importorskip("fem")
    pcl_heat = pytest.importorskip("benchmarks.pcl_heat")
    space = fem.Space(square.mesh(6), "P1")
    last = {steps: pcl_heat.march(space, 1.0, steps).numpy()[:, -1] for steps in (10, 20, 40)}
    ratio = np.abs(last[10] - last[20]).max() / np.abs(last[20] - last[40]).max()
    assert 1.8 < ratio < 2.2


@pytest.mark.parametrize("steps, expected", [(50, [10, 20, 30, 40, 50]), (7, [2, 3, 5, 6, 7]),
                                             (2, [1, 2])])
def test_observed_times_end_with_the_last_step(steps, expected):
    assert heat.observed_steps(steps).tolist() == expected


def test_a_tenth_of_the_inner_nodes_is_observed():
    chosen = nonlinear.observed(961)
    assert len(np.unique(chosen)) == len(chosen) == 96
    assert 0 <= chosen.min() and chosen.max() < 961
    assert len(nonlinear.observed(4)) == 1


class Quadratic:
    """ℓ = Σ c θ², built as a side of a table is; needs nothing to import."""

    def __init__(self, n, c, error, batch=0):
        self.c = c if batch == 0 else (1.0 + error) * c

    def gradient(self, theta):
        return 2.0 * self.c * theta

    def hvp(self, theta, v):
        return 2.0 * self.c * v

    def hessian(self, theta):
        return 2.0 * self.c * np.eye(theta.size)


def quadratics(error):
    return peers.Peers(ours=f"{__name__}:Quadratic", jax=f"{__name__}:Quadratic", start=np.ones(3),
                       plain_mb=1.0, in_batch=1e5, settings={"c": 2.0, "error": error})


def test_a_wrong_peer_ends_the_table():
    options = peers.parser("", [3]).parse_args(["--threads", "1", "--repeats", "1"])
    with pytest.raises(ValueError, match="gradient: ours and jax batched differ by 1.0e-03"):
        quadratics(1e-3).measure(3, options)


def test_the_table_of_peers_holds_all_works_and_leaves_out_what_needs_too_much_memory(tmp_path, capsys):
    path = tmp_path / "table.json"
    options = peers.parser("", [2, 4]).parse_args(
        ["--threads", "1", "--repeats", "1", "--plain-mb", "10", "--json", str(path)])
    peers.report("Quadratic", quadratics(1e-12), options)
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    batched = [("gradient", "jax batched"), ("hvp", "jax batched"), ("hessian", "jax batched")]
    assert [(row["work"], row["peer"]) for row in rows] == (
        batched + [("hessian", "jax.hessian")] + batched)     # 2·4² triangles of 1 MB: over 10
    assert rows[0]["c"] == 2.0 and rows[0]["timings"]["ours"]["repeats"] == peers.CHEAP
    assert "peer/ours" in capsys.readouterr().out


def power(slopes):
    """Rows of a made-up growth, seconds = size^slope."""
    rows = []
    for grows, exponent in slopes.items():
        for size in (100, 400, 1600):
            other = "p" if grows == "n" else "n"
            rows.append({"grows": grows, grows: size, other: 7, "s": 1e-3 * size**exponent,
                         "MB": size / 8})
    return rows


def test_fitted_slopes_are_the_exponents():
    rows = power({"n": 1.05, "p": 1.9})
    assert growth.line(rows, "n", "s")[0] == pytest.approx(1.05, abs=1e-12)
    assert growth.line(rows, "p", "s")[0] == pytest.approx(1.9, abs=1e-12)
    assert growth.line(rows, "p", "MB")[0] == pytest.approx(1.0, abs=1e-12)


def test_growth_is_drawn_when_asked(tmp_path):
    growth.draw(power({"n": 1.0, "p": 2.0}), tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 10_000


def test_parameters_and_start_of_the_growth_are_of_the_width():
    assert [growth.start(w).size for w in (6, 20, 44)] == [2 * w * w + 6 * w + 1 for w in (6, 20, 44)]


def test_the_march_and_the_loop_in_scipy_take_the_same_newton_steps():
    from benchmarks import march
    row = march.measure(cells=20, steps=3, repeats=1)       # which compares the two losses first
    assert row["unknowns"] == 21 and 6 <= row["Newton steps"] <= 15 and row["ours/loop"] > 0.0
