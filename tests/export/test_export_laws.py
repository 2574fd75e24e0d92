"""Exported laws are executed and compared with the law."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

import pcl
from pcl import export
from pcl.dae import Law, TrainedLaw

POINTS = np.random.default_rng(0).uniform(-3.0, 4.0, (40, 2))


def a_law(net, seed=1, inner=1.0):
    """A trained law of `net` with shifts and scales, weights large enough to reach both branches."""
    theta = inner * net.init(seed) + 0.1 * np.random.default_rng(seed).standard_normal(net.size)
    m = net.n_out
    return TrainedLaw(Law(net, ("S", "T"), ("mu", "q")[:m], [0.3, -1.0], [0.7, 2.0], 0.2,
                          np.array([3.0, -0.1])[:m]), theta)


LAWS = {
    **{name: a_law(pcl.MLP((2, 5, 4, 2), name)) for name in ("tanh", "sigmoid", "softplus", "swish",
                                                             "sin")},
    "linear": a_law(pcl.MLP((2, 1))),
    "far from zero": a_law(pcl.MLP((2, 4, 1), "softplus", "softplus"), inner=300.0),
    "far sigmoids": a_law(pcl.MLP((2, 4, 1), "swish", "sigmoid"), inner=300.0),
    "positive": a_law(pcl.MLP((2, 3, 1), output=pcl.softplus(0.1))),
    "exponential": a_law(pcl.MLP((2, 3, 2), output=pcl.exponential())),
    "bounded": a_law(pcl.MLP((2, 3, 1), output=pcl.bounded(-1.0, 2.5))),
    "convex": a_law(pcl.ICNN((2, 4, 3, 1), "softplus")),
    "rising": a_law(pcl.MonotoneMLP((2, 4, 1), (1, -1))),
    "convex, increasing": a_law(pcl.ICNN((2, 4, 1), monotone=True)),
}


def close(found, law, points=POINTS):
    expected = law(points)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


@pytest.fixture(params=LAWS, ids=str)
def law(request):
    return LAWS[request.param]


def test_numpy_source_computes_the_law(law):
    space = {}
    exec(export.numpy_source(law, name="rate"), space)
    close(space["rate"](POINTS), law)


def test_casadi_function_computes_the_law_and_its_jacobian(law):
    ca = pytest.importorskip("casadi")
    f = export.casadi(law)
    close(np.array(f(POINTS.T)).T, law)
    a = ca.SX.sym("a", 2)
    J = ca.Function("J", [a], [ca.jacobian(f(a), a)])
    expected = law.law.at(law.theta, POINTS[:5]).input_jacobian()
    for x, slope in zip(POINTS, expected):
        np.testing.assert_allclose(np.array(J(x)), slope, rtol=1e-10, atol=1e-11 * np.abs(slope).max())


def test_onnx_model_computes_the_law_in_doubles(law, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    export.onnx(law, path=tmp_path / "law.onnx")
    session = runtime.InferenceSession(str(tmp_path / "law.onnx"), providers=["CPUExecutionProvider"])
    z, = session.run(None, {"a": POINTS})
    assert z.dtype == np.float64
    close(z, law)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
def test_c_source_computes_the_law(law, tmp_path):
    (tmp_path / "law.c").write_text(export.c_source(law))
    library = tmp_path / "law.so"
    subprocess.run(["cc", "-std=c99", "-Wall", "-Werror", "-pedantic", "-shared", "-fPIC", "-O1", "-o",
                    library, tmp_path / "law.c", "-lm"], check=True)
    function = ctypes.CDLL(str(library)).law
    pointer = np.ctypeslib.ndpointer(np.float64, flags="C")
    function.argtypes, function.restype = (pointer, pointer), None
    found = np.empty((len(POINTS), len(law.outputs)))
    for x, z in zip(POINTS, found):
        function(x, z)
    close(found, law)


def test_networks_with_parameters_and_laws_of_files_are_exported(tmp_path):
    net = pcl.MLP((1, 3, 1))
    problem = pcl.Problem(lambda theta: net(theta["law"], np.ones((2, 1)))[0, 0] ** 2,
                          {"law": net.init(0)})
    pcl.minimize(problem, maxiter=2).save(tmp_path / "run.npz")
    saved = pcl.load(tmp_path / "run.npz").laws["law"]
    for given in ((saved,), (net, saved.params)):
        space = {}
        exec(export.numpy_source(*given), space)
        close(space["law"](POINTS[:, :1]), saved, POINTS[:, :1])


class Other:
    size, n_in, n_out = 1, 1, 1
    init = at = None


@pytest.mark.parametrize("given, words", [
    ((Other(), [1.0]), "Other"), ((TrainedLaw(Law(Other(), "x", "y"), np.ones(1)),), "Other"),
    (("law",), "str")])
def test_what_cannot_be_written_down_is_refused_by_name(given, words):
    with pytest.raises(TypeError, match=words):
        export.numpy_source(*given)
    with pytest.raises(TypeError, match=words):
        export.c_source(*given)


def test_a_network_without_parameters_and_a_name_of_c_are_refused():
    with pytest.raises(ValueError, match="params is None"):
        export.c_source(pcl.MLP((1, 1)))
    with pytest.raises(ValueError, match="'double'"):
        export.c_source(LAWS["linear"], name="double")
