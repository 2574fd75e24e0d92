"""Pictures of the library: labelled axes, at most six curves a panel, matplotlib's settings untouched."""

import matplotlib
import numpy as np
import pytest
import tensorflow as tf

import fem
import pcl
from pcl import dae, diagnose
from pcl.interior_point import TensorFlowProgram, solve
from pcl.uncertainty import noise, pictures, prior

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
NET = pcl.MLP([1, 3, 3, 3, 3, 3, 3, 3, 1])       # seven hidden layers
X = np.linspace(0.0, 1.0, 9)[:, None]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


class Bowl:
    """ℓ = Σ θ²."""

    size, slices = 8, {"θ": slice(0, 8)}

    def value(self, theta):
        return float(np.sum(np.square(theta)))

    def gradient(self, theta):
        return 2.0 * np.asarray(theta)

    def hessian(self, theta):
        return 2.0 * np.eye(8)


def trained():
    problem = pcl.Problem.from_residuals(lambda t: tf.concat([t["a"] - 3.0, 2.0 * t["b"]], 0),
                                         {"a": [0.0], "b": np.ones(2)})
    return problem, pcl.minimize(problem, progress=False)


def posterior():
    problem = pcl.Problem.from_data(lambda t: t["a"] + t["b"] * X[:, 0], X[:, 0], noise.Gaussian(0.1),
                                    {"a": 0.0, "b": 0.0}, dict.fromkeys("ab", prior.Normal(0.0, 2.0)))
    return problem.posterior(pcl.minimize(problem, progress=False).x)


def fitted(count):
    model = dae.Model(states=("x",), parameters=("k",), rates=lambda v: {"x": -v.k * v.x})
    t = np.linspace(0.0, 2.0, 5)
    runs = [dae.Trajectory(t, {"x": a * np.exp(-0.7 * t)}, {"x": a}, sigma={"x": 0.1})
            for a in 1.0 + np.arange(count)]
    return dae.fit(model, runs, elements=3)


def of_training():
    problem, result = trained()
    return [result.plot(), pcl.check_hessian(problem).plot()]


def of_a_program():
    program = TensorFlowProgram(lambda x: tf.reduce_sum((x - 2.0) ** 2), 2, lambda x: x[:1] + x[1:],
                                c_lower=[1.0], c_upper=[1.0])
    return [solve(program, [0.0, 0.0]).plot()]


def of_diagnosis():
    theta, params = np.zeros(8), NET.init(0)
    at = np.linspace(1.0, 100.0, 8)
    line = diagnose.identifiability(Bowl(), theta, (np.ones(8), np.eye(8)), at, sigma=0.1)
    return [diagnose.spectrum(Bowl(), theta).plot(), diagnose.active_directions(Bowl(), theta).plot(),
            diagnose.profile(Bowl(), theta, np.eye(8), points=3).plot(),
            diagnose.plane(Bowl(), theta, points=3).plot(), diagnose.weights(NET, params).plot(),
            diagnose.saturation(NET, params, X).plot(),
            line.plot(xlabel="r (m)", name="K (m/d)", log="xy")]


def of_a_posterior():
    known = posterior()
    band = known.band(lambda t: t["a"] + t["b"] * X[:, 0], X[:, 0])
    square = pictures.corner(known)
    return [band.plot(truth=X[:, 0], data=(X[:, 0], X[:, 0])), square[1, 0], square[0, 0],
            pictures.singular_values(known), pictures.map(np.eye(3)[:, :2], np.arange(3.0))]


def of_fields():
    V = fem.Space(fem.unit_square(2), "P1")
    u = V.dof_points[:, 0]
    return [fem.plot(V, u), fem.plot_mesh(V), fem.plot_slice(V, u, line=((0, 0), (1, 1))),
            *fem.plot_comparison(V, u, 0.5 * u)[:1]]


def of_a_fit():
    found = fitted(8)
    later = found.predict({"x": 1.0}, t=np.linspace(0.0, 4.0, 9), bands=True)
    return found.plot(bands=True, trajectories=["0", "3"], forecasts=later).axes + found.plot().axes


@pytest.mark.parametrize("draw", [of_training, of_a_program, of_diagnosis, of_a_posterior, of_fields,
                                  of_a_fit])
def test_plots_have_labelled_axes_few_curves_and_leave_the_settings_alone(draw):
    before = dict(matplotlib.rcParams)
    for ax in draw():
        assert ax.get_ylabel() and (ax.get_xlabel() or ax.figure.axes[-1].get_xlabel())
        curves = [line for line in ax.lines if len(line.get_xdata()) > 2]
        assert 6 >= len([line for line in curves if line.get_linestyle() != "None"])
    assert dict(matplotlib.rcParams) == before


def test_a_forecast_is_drawn_dashed_with_its_band():
    found = fitted(1)
    later = found.predict({"x": 1.0}, t=np.linspace(0.0, 4.0, 9), bands=True)
    ax = found.plot(forecasts={"twice as long": later}).axes[0]
    line = next(line for line in ax.lines if line.get_label() == "twice as long")
    assert line.get_linestyle() == "--"
    np.testing.assert_array_equal(line.get_ydata(), later["x"])
    value, error = later.bands["x"]
    drawn = ax.collections[-1].get_paths()[0].vertices[:, 1]
    assert drawn.max() == pytest.approx((value + 2.0 * error).max())
    with pytest.raises(ValueError, match="trajectory is '7'"):
        found.plot(trajectories=["7"])


def test_an_identifiability_map_takes_names_and_logarithmic_axes():
    found = diagnose.identifiability(Bowl(), np.zeros(8), (np.ones(8), np.eye(8)), np.arange(1.0, 9.0),
                                     sigma=0.1)
    ax = found.plot(xlabel="r (m)", name="K (m/d)", log="x")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("r (m)", "K (m/d)")
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    with pytest.raises(ValueError, match="log is 'z'"):
        found.plot(log="z")


def test_deviations_over_decades_have_logarithmic_colours():
    places = np.stack(np.meshgrid(np.arange(4.0), np.arange(2.0)), axis=-1).reshape(-1, 2)
    for factor, kind in ((1.0, "Normalize"), (4.0, "LogNorm")):
        J = np.diag(factor ** np.arange(8.0)) + (factor == 1.0) * np.diag(np.arange(8.0))
        found = diagnose.identifiability(Bowl(), np.zeros(8), (np.ones(8), J), places, sigma=0.1)
        assert type(found.plot().collections[0].norm).__name__ == kind


def test_the_style_holds_inside_and_settings_come_back_also_after_an_error():
    before = dict(matplotlib.rcParams)
    with pytest.raises(ZeroDivisionError), pcl.style({"font.size": 20.0}):
        assert matplotlib.rcParams["font.size"] == 20.0
        history = trained()[1].plot()
        assert history.xaxis.label.get_fontsize() == 8.5 and history.figure.get_figwidth() == 3.5
        raise ZeroDivisionError
    assert dict(matplotlib.rcParams) == before
    with pytest.raises(KeyError), pcl.style({"font.colour": 1}):
        pass
    assert trained()[1].plot().figure.get_figwidth() == 3.5 and dict(matplotlib.rcParams) == before


def test_users_sizes_reach_the_plots_of_the_library():
    with pcl.style({"axes.labelsize": 13.0, "figure.figsize": (5.0, 3.0)}):
        ax = trained()[1].plot()
    assert ax.xaxis.label.get_fontsize() == 13.0 and ax.figure.get_figwidth() == 5.0


def test_the_six_colours_differ_also_in_grey():
    """Their lightness, as eyes without colour see it, is that of no neighbour in the list."""
    from matplotlib.colors import to_rgb

    from pcl.support.style import COLOURS
    grey = [np.dot([0.299, 0.587, 0.114], to_rgb(colour)) for colour in COLOURS]
    assert len(set(COLOURS)) == 6 and np.abs(np.diff(grey)).min() > 0.02
