"""What a type checker and an editor see of the library: the names, and the types of what they give."""

import importlib
import inspect
import pathlib
import re

import pytest
from test_docs import PAGES, blocks

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
    "pcl.uncertainty.laplace.gaussian.Covariance": [
        "pcl.uncertainty.laplace.gaussian.Factored", "pcl.uncertainty.laplace.low_rank.LowRank"],
    "pcl.engine.nodes.Node": [
        "pcl.nodes.guard.GuardNode", "pcl.nodes.linear.linear_map.LinearMapNode",
        "pcl.nodes.linear.product.ProductNode", "pcl.nodes.linear.solve.SolveNode",
        "pcl.nodes.network.NetworkNode", "pcl.dae.result.node.SimulationNode"],
    "pcl.engine.nodes.Point": [
        "pcl.nodes.guard.GuardPoint", "pcl.nodes.linear.linear_map.LinearMapPoint",
        "pcl.nodes.linear.product.ProductPoint", "pcl.nodes.linear.solve.SolvePoint",
        "pcl.nodes.network.CollapsedNodePoint", "pcl.nodes.network.NetworkNodePoint",
        "pcl.rules.square_sum.SquareSumPoint",
        "pcl.dae.result.node.SimulationPoint"],
    "pcl.engine.nodes.Construct": ["pcl.nodes.equation.call.Equation", "pcl.nodes.scan.scan.Recurrence"],
    "pcl.engine.procedure.Call": [
        "pcl.engine.call.NodeCall", "pcl.nodes.equation.call.ImplicitCall",
        "pcl.nodes.scan.call.ScanCall"],
    "pcl.engine.second.bases.Base": ["pcl.engine.second.bases.InverseBase"],
    "pcl.engine.second.bases.CurvedBase": [
        "pcl.engine.second.streamed.StreamedBase", "pcl.nodes.scan.base.ScanBase",
        "pcl.engine.second.collapsed.CollapsedBase"],
    "pcl.engine.second.columns.Columns": [
        "pcl.engine.second.columns.InPlace", "pcl.engine.second.columns.Dense",
        "pcl.engine.second.columns.Summed", "pcl.engine.second.streamed.StreamedColumns",
        "pcl.engine.second.collapsed.CollapsedColumns"],
    "pcl.factor.factorisation.Factorisation": [
        "pcl.factor.superlu.SuperLU", "pcl.factor.cholespy.Cholespy", "pcl.factor.amg.AMG"],
    "pcl.evolution.scheme.Scheme": [
        "pcl.evolution.schemes.SDIRK2", "pcl.evolution.schemes.Theta", "pcl.evolution.schemes.BDF2"],
    "pcl.dae.laws.law.Network": ["pcl.networks.mlp.MLP"],
    "pcl.dae.laws.term.Term": [
        "pcl.dae.laws.law.Law", "pcl.dae.laws.fixed_law.FixedLaw",
        "pcl.dae.laws.free_outputs.FreeOutputs"],
    "pcl.dae.laws.term.TermPoint": [
        "pcl.dae.laws.law.LawPoint", "pcl.dae.laws.fixed_law.FixedPoint",
        "pcl.dae.laws.free_outputs.FreePoint"],
    "pcl.training.run.driven.Driven": ["pcl.training.run.run.Run", "pcl.training.drivers.part.Part"],
    "pcl.uncertainty.noise.unit.Unit": [
        "pcl.uncertainty.noise.unit.Normal", "pcl.uncertainty.noise.unit.StudentT"],
    "pcl.interior_point.program.Program": [
        "pcl.interior_point.fronts.tensorflow.TensorFlowProgram",
        "pcl.dae.program.transcription.Transcription"],
    "pcl.interior_point.hessians.Hessian": [
        "pcl.interior_point.hessians.Exact", "pcl.interior_point.hessians.LimitedMemory",
        "pcl.dae.program.hessians.GaussNewton", "pcl.dae.program.hessians.Hybrid"],
    "pcl.interior_point.kkt.protocol.KKT": [
        "pcl.interior_point.kkt.dense.DenseKKT", "pcl.interior_point.kkt.sparse.FeralKKT",
        "pcl.interior_point.kkt.sparse.SuperLUKKT", "pcl.interior_point.kkt.low_rank.LowRankKKT",
        "pcl.dae.kkt.reduced.ReducedKKT"],
}

# Where users find names.
FACES = ("fem", "fem.materials", "pcl", "pcl.collocation", "pcl.dae", "pcl.diagnose",
         "pcl.interior_point", "pcl.rules")
# Nobody calls these by hand.
PYTHONS_OWN = {"__post_init__", "__getstate__", "__setstate__", *vars(object)} - {"__init__"}


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


def test_names_of_the_faces_are_there_for_strict_checkers(tmp_path, monkeypatch):
    code = "\n".join(f"from {face} import {name}" for face in FACES
                     for name in importlib.import_module(face).__all__)
    header = "# mypy: disable-error-code=\"no-redef, assignment\"\n"
    assert complaints(header + code, tmp_path, monkeypatch) == []


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


def named(path):
    """The object of a dotted name."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def methods(kind):
    """The functions of a class that users call: methods, properties, operators."""
    for name, value in vars(kind).items():
        if name not in PYTHONS_OWN and (not name.startswith("_") or name.endswith("__")):
            found = getattr(value, "fget", None) or getattr(value, "func", None) or value
            function = inspect.unwrap(getattr(found, "__func__", found))
            if inspect.isfunction(function) and function.__module__ == kind.__module__:
                yield function


def public_functions():
    """Those of all faces, with those of their classes and what these inherit from us."""
    for value in (getattr(face, name) for face in map(importlib.import_module, FACES)
                  for name in face.__all__):
        if inspect.isclass(value):
            for kind in value.__mro__:
                yield from methods(kind) if kind.__module__.startswith(("pcl.", "fem.")) else ()
        elif callable(value):
            yield inspect.unwrap(value)


def promised_functions():
    """Those of all protocols, and of who keeps them."""
    for protocol, keepers in KEEPERS.items():
        promised = list(methods(named(protocol)))
        yield from promised
        for keeper in keepers:
            yield from (f for f in methods(named(keeper)) if f.__name__ in {p.__name__ for p in promised}
                        and f.__name__ != "__init__")


def without_types(functions):
    """{function: its arguments, and "return", that have no annotation}."""
    found = {}
    for function in functions:
        signature = inspect.signature(function)
        bare = [name for name, argument in signature.parameters.items()
                if argument.annotation is argument.empty and name not in ("self", "cls")]
        if signature.return_annotation is signature.empty and function.__name__ != "__init__":
            bare.append("return")
        found.update({f"{function.__module__}.{function.__qualname__}": bare} if bare else {})
    return found


def test_every_public_function_and_every_protocol_is_annotated():
    public, promised = list(public_functions()), list(promised_functions())
    assert len(public) > 200 and len(promised) > 100
    assert without_types([*public, *promised]) == {}


def test_a_missing_annotation_is_seen():
    class Half:
        def __init__(self, a, b: int): ...
        @property
        def size(self): ...
        def whole(self, a: int) -> int: ...
        def _own(self, a): ...
    assert sorted(without_types(methods(Half)).values()) == [["a"], ["return"]]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_what_the_documents_show_has_no_wrong_types(page, tmp_path, monkeypatch):
    code = "\n".join(code for _, code in blocks(page))
    code = "# mypy: disable-error-code=\"no-redef, name-defined\"\n" + code     # a page is no module
    assert complaints(code, tmp_path, monkeypatch) == []
