"""What a type checker and an editor see of the library: the names, and the types of what they give."""

import pathlib
import re

import pytest

api = pytest.importorskip("mypy.api")

ROOT = pathlib.Path(__file__).parent.parent

TYPES = """
from typing import assert_type
from pcl.support.types import Array, Blocks, Tensor
from pcl.training.run.history import History
assert_type(V.n, int)
assert_type(V.quadrature_points, Array)
assert_type(net.init(seed=233), Array)
assert_type(problem, pcl.Problem)
assert_type(H, Array)
assert_type(result.x, Array)
assert_type(result.theta, Blocks)
assert_type(result.history, History)
assert_type(result.history.loss, Array)
assert_type(result.status, pcl.Status)
assert_type(pcl.__version__, str)
assert_type(pcl.march(pcl.FirstOrder(), data, pcl.uniform_times(0.0, 1.0, 2)), Tensor)
assert_type(fem.Grid([0.0, 0.5, 1.0]).shape, tuple[int, ...])

def fitted(model: pcl.dae.Model, data: pcl.dae.Data) -> None:
    fit = pcl.dae.fit(model, data)
    assert_type(fit, pcl.dae.Fit)
    assert_type(fit.parameters, dict[str, float])
    assert_type(fit.trajectories, dict[str, pcl.dae.Curve])
    assert_type(fit.laws, tuple[pcl.dae.TrainedLaw, ...])

def solved(program: pcl.interior_point.Program) -> None:
    assert_type(pcl.interior_point.solve(program).lam, Array)
"""

# Who promises to keep a protocol.
KEEPERS = {
    "pcl.engine.nodes.Node": [
        "pcl.nodes.guard.GuardNode", "pcl.nodes.linear.linear_map.LinearMapNode",
        "pcl.nodes.linear.product.ProductNode", "pcl.nodes.linear.solve.SolveNode",
        "pcl.nodes.network.NetworkNode"],
    "pcl.engine.nodes.Point": [
        "pcl.nodes.guard.GuardPoint", "pcl.nodes.linear.linear_map.LinearMapPoint",
        "pcl.nodes.linear.product.ProductPoint", "pcl.nodes.linear.solve.SolvePoint",
        "pcl.nodes.network.NetworkNodePoint", "pcl.rules.square_sum.SquareSumPoint"],
    "pcl.engine.nodes.Construct": ["pcl.nodes.equation.call.Equation", "pcl.nodes.scan.scan.Recurrence"],
    "pcl.engine.procedure.Call": [
        "pcl.engine.call.NodeCall", "pcl.nodes.equation.call.ImplicitCall",
        "pcl.nodes.scan.call.ScanCall"],
    "pcl.engine.second.bases.Base": ["pcl.engine.second.bases.InverseBase"],
    "pcl.engine.second.bases.CurvedBase": [
        "pcl.engine.second.streamed.StreamedBase", "pcl.nodes.scan.base.ScanBase"],
    "pcl.engine.second.columns.Columns": [
        "pcl.engine.second.columns.InPlace", "pcl.engine.second.columns.Dense",
        "pcl.engine.second.columns.Summed", "pcl.engine.second.streamed.StreamedColumns"],
    "pcl.dae.laws.law.Network": ["pcl.networks.mlp.MLP"],
    "pcl.interior_point.program.Program": [
        "pcl.interior_point.fronts.tensorflow.TensorFlowProgram",
        "pcl.dae.program.transcription.Transcription"],
    "pcl.interior_point.hessians.Hessian": [
        "pcl.interior_point.hessians.Exact", "pcl.interior_point.hessians.LimitedMemory"],
    "pcl.interior_point.kkt.protocol.KKT": [
        "pcl.interior_point.kkt.dense.DenseKKT", "pcl.interior_point.kkt.sparse.FeralKKT",
        "pcl.interior_point.kkt.sparse.SuperLUKKT", "pcl.interior_point.kkt.low_rank.LowRankKKT",
        "pcl.dae.kkt.reduced.ReducedKKT"],
}


def complaints(code, tmp_path, monkeypatch):
    """What mypy says about a script, [] if nothing."""
    monkeypatch.chdir(ROOT)
    script = tmp_path / "script.py"
    script.write_text(code)
    said, failure, status = api.run(["--config-file", "setup.cfg", str(script)])
    assert not failure and (status == 0) == said.startswith("Success")
    return [line for line in said.splitlines() if " error: " in line]


def readme():
    """The twenty lines."""
    return re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]


def test_the_example_of_the_readme_has_its_types(tmp_path, monkeypatch):
    assert complaints(readme() + TYPES, tmp_path, monkeypatch) == []


def test_names_and_arguments_that_are_not_there_are_refused(tmp_path, monkeypatch):
    wrong = ("import fem", "import pcl", "pcl.minimise", "pcl.dae.fitt", "fem.unit_square('10')",
             "pcl.MLP([2, 1]).init(sede=0)", "pcl.uniform_times(0.0, 1.0, 2).shapes")
    found = complaints("\n".join(wrong), tmp_path, monkeypatch)
    assert [int(line.split(":")[1]) for line in found] == [3, 4, 5, 6, 7]


def kept(i, keeper, protocol):
    """Code that a checker takes if `keeper` keeps `protocol`, on one line."""
    classes = (f"from {name.rpartition('.')[0]} import {name.rpartition('.')[2]} as {letter}{i}"
               for letter, name in zip("KP", (keeper, protocol)))
    return "; ".join([*classes, f"given_{i}: K{i}", f"taken_{i}: P{i} = given_{i}"])


def test_every_implementation_has_the_types_of_its_protocol(tmp_path, monkeypatch):
    pairs = [(keeper, protocol) for protocol, keepers in KEEPERS.items() for keeper in keepers]
    pairs.append(("pcl.interior_point.kkt.dense.DenseKKT", "pcl.engine.nodes.Node"))      # does not
    code = [kept(i, *pair) for i, pair in enumerate(pairs)]
    found = complaints("\n".join(code), tmp_path, monkeypatch)
    assert [int(line.split(":")[1]) for line in found] == [len(code)]


def test_the_library_passes(monkeypatch):
    monkeypatch.chdir(ROOT)
    said, failure, status = api.run(["--config-file", "setup.cfg"])
    assert status == 0, said + failure
