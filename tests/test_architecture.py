"""Imports point one way: what is read here is the source, without running it."""
import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "setup.cfg").exists())
TRAINING = ("pcl.training", "pcl.callbacks", "pcl.checks")
TENSORFLOW = ("tensorflow", "keras", "tf_keras")
HEAVY = ("tensorflow_probability", "matplotlib", "skfem")

# Rooms from the bottom up. A room imports from lines above its own in this table only (below it in the
# house); those in one line do not know each other.
FLOORS = (
    ("pcl.errors",),
    ("pcl.support",),
    ("pcl.execute",),
    ("pcl.checks", "pcl.collocation", "pcl.factor", "pcl.training.run", "pcl.interior_point.kkt"),
    ("pcl.callbacks", "pcl.training.checkpoint", "pcl.training.drivers", "pcl.interior_point"),
    ("pcl.training.verdict", "pcl.interior_point.fronts"),
    ("pcl.training",),
    ("pcl.engine.second",),
    ("pcl.engine.glue",),
    ("pcl.engine",),
    ("pcl.nodes",),
    ("pcl.nodes.linear", "pcl.nodes.equation", "pcl.nodes.scan"),
    ("pcl.nodes.eigen", "pcl.nodes.pointwise", "pcl.full_space"),
    ("pcl.networks",),
    ("pcl.uncertainty.kernels",),
    ("pcl.uncertainty.noise",),
    ("pcl.uncertainty.prior",),
    ("pcl.uncertainty",),
    ("pcl.saved",),
    ("pcl.experiments",),
    ("pcl.problem",),
    ("pcl.evolution",),
    ("pcl.diagnose", "pcl.refinement", "pcl.rules"),
    ("pcl.dae.priors", "pcl.dae.blocks"),
    ("pcl.dae.model", "pcl.dae.data", "pcl.dae.laws"),
    ("pcl.dae.program",),
    ("pcl.dae.kkt", "pcl.dae.structure"),
    ("pcl.dae.failures", "pcl.dae.solver", "pcl.dae.sequential"),
    ("pcl.dae.result",),
    ("pcl.dae.stages", "pcl.export"),
    ("pcl.dae.petab",),
    ("pcl.__main__",),
    ("fem.common", "fem.materials"),
    ("fem.mesh",),
    ("fem.output",),
    ("fem.space", "fem.grid"),
    ("fem.unknowns",),
    ("fem.solvers",),
    ("fem.refinement",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Rooms that see less than the table allows: {room: the rooms of `pcl` that it may see}.
NARROW = {
    "pcl.checks": {"pcl.support", "pcl.errors"},
    "pcl.collocation": {"pcl.support", "pcl.errors"},
    "pcl.factor": {"pcl.support", "pcl.errors", "pcl.execute"},
    "pcl.interior_point": {"pcl.support", "pcl.errors", "pcl.execute", "pcl.interior_point"},
    "pcl.training": {"pcl.support", "pcl.errors", "pcl.execute", "pcl.training", "pcl.callbacks"},
    "fem.refinement": {"pcl", "fem"},           # it trains, and reads what the data determine
    "fem.unknowns": {"pcl.support", "pcl.errors", "pcl.engine", "pcl.nodes", "pcl.uncertainty.prior",
                     "fem"},                    # a Matérn field is a prior
    "fem": {"pcl.support", "pcl.errors", "pcl.engine", "pcl.nodes", "pcl.evolution", "fem"},
}

# Arrows that are still to go.
UPWARD = set()

# Where `hasattr` looks at what users or other packages bring, {module: how often at most}.
FOREIGN = {
    "fem.space.matrix_form": 1,             # tensors with a value
    "fem.solvers.march": 2,                 # arrays and tensors among starts
    "pcl.dae.data.read": 1, "pcl.dae.data.csv_table": 2, "pcl.dae.data.trajectory": 2,  # mappings
    "pcl.dae.data.dose": 1,
    "pcl.dae.laws.law": 1,                  # a user's network
    "pcl.dae.structure.check": 1,           # one law or several
    "pcl.diagnose.identify": 1,             # a user's problem
    "pcl.engine.trace": 1,                  # tensors with a value
    "pcl.execute.threads": 3,               # libraries, the operating system
    "pcl.interior_point.fronts.scipy": 1,   # a user's matrix
    "pcl.refinement.resolution": 1,         # a user's levels
    "pcl.support.interface": 1,             # a user's problem
    "pcl.support.memory": 1, "pcl.support.validate": 4,
    "pcl.support.processes": 1,            # the operating system
    "pcl.training.automatic": 2, "pcl.training.bounds": 1,                  # a user's problem
    "pcl.training.methods": 1, "pcl.training.verdict.surroundings": 3,      # a user's problem
}


def sources(folder=ROOT):
    """{module name: path} of our two packages."""
    found = {}
    for package in ("pcl", "fem"):
        for path in sorted((folder / package).rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def statements(tree, everywhere):
    """Import statements; without `everywhere` only those that run when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif everywhere or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from statements(node, everywhere)


def imports(name, path, everywhere=False):
    """Pairs of dotted names: ('a', 'a') for `import a`, ('a', 'a.b') for `from a import b`."""
    for node in statements(ast.parse(path.read_text(encoding="utf-8")), everywhere):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.name) for alias in node.names)
        else:
            base = absolute(name, path, node)
            yield from ((base, f"{base}.{alias.name}") for alias in node.names)


def absolute(name, path, node):
    """The module a `from` statement names, relative ones resolved."""
    if not node.level:
        return node.module
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    package = package[:len(package) - node.level + 1]
    return ".".join(package + ([node.module] if node.module else []))


def within(name, packages):
    return any(name == package or name.startswith(package + ".") for package in packages)


def graph(modules, everywhere=False):
    """{module: our modules that it imports when it is imported itself}.

    `from a import b` is an edge to a.b where that is a module, else to a.
    """
    return {name: {full if full in modules else base for base, full in imports(name, path, everywhere)}
            & set(modules) for name, path in modules.items()}


def offenders(modules, packages, forbidden, everywhere):
    """{module inside `packages`: the names inside `forbidden` that it imports}."""
    found = {}
    for name, path in modules.items():
        if within(name, packages):
            bad = {full for _, full in imports(name, path, everywhere) if within(full, forbidden)}
            found.update({name: sorted(bad)} if bad else {})
    return found


def room_of(module):
    """The longest room that holds a module; None for the faces `pcl`, `pcl.dae` and `fem`."""
    parts = module.split(".")
    return next((room for k in range(len(parts), 0, -1)
                 for room in [".".join(parts[:k])] if room in FLOOR), None)


def arrows(modules):
    """{(room, room it imports from): modules that do}, imports inside functions included.

    Not those of the faces: an `__init__` gathers names of the rooms below it, for users.
    """
    found = {}
    for name, targets in graph(modules, everywhere=True).items():
        if modules[name].name == "__init__.py":
            continue
        for target in targets:
            pair = room_of(name), room_of(target)
            if pair[0] != pair[1]:
                found.setdefault(pair, []).append(f"{name} -> {target}")
    return found


def wrong_arrows(modules):
    """The arrows that the table forbids."""
    def forbidden(room, target):
        if room is None or target is None or FLOOR[target] >= FLOOR[room]:
            return True
        allowed = next((seen for narrow, seen in NARROW.items() if within(room, [narrow])), None)
        return allowed is not None and not within(target, allowed)
    return {pair: found for pair, found in arrows(modules).items() if forbidden(*pair)}


def test_every_module_has_a_room():
    faces = {"pcl", "pcl.dae", "fem"}
    assert {name for name in sources() if room_of(name) is None} == faces
    assert set(FLOOR) <= set(sources())


def test_a_room_imports_only_from_floors_below_its_own():
    wrong = wrong_arrows(sources())
    assert {pair: found for pair, found in wrong.items() if pair not in UPWARD} == {}
    assert UPWARD <= set(wrong), "an arrow of UPWARD is gone: take it out of the list"


def test_packages_have_no_circle():
    order = {}
    for room, target in arrows(sources()):
        if (room, target) not in UPWARD:
            order.setdefault(room, set()).add(target)
    assert list(TopologicalSorter(order).static_order())


def test_modules_have_no_circle_imports_inside_functions_included():
    below = graph(sources(), everywhere=True)
    faces = {name for name, path in sources().items() if path.name == "__init__.py"}
    order = {name: targets - faces for name, targets in below.items() if name not in faces}
    assert set(TopologicalSorter(order).static_order()) == set(order)


def test_pcl_imports_neither_fem_nor_skfem_anywhere():
    assert offenders(sources(), ["pcl"], ["fem", "skfem"], everywhere=True) == {}


def test_training_modules_see_arrays_not_tensorflow():
    assert offenders(sources(), TRAINING, TENSORFLOW, everywhere=False) == {}


def test_files_and_pictures_import_their_packages_when_they_are_called():
    assert offenders(sources(), ["fem"], ["matplotlib", "meshio", "pyvista"], everywhere=False) == {}


def test_every_training_module_exists():
    assert set(TRAINING) <= set(sources())


def test_imports_at_module_level_have_no_cycle():
    order = list(TopologicalSorter(graph(sources())).static_order())
    assert set(order) == set(sources())


def asks(path):
    """How often a module calls `hasattr`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return sum(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "hasattr"
               for n in ast.walk(tree))


def test_no_class_of_ours_is_told_from_another_by_hasattr():
    """A new `hasattr` has to say in the table above whom it asks; ours have protocols instead."""
    found = {name: asks(path) for name, path in sources().items()}
    assert {name: n for name, n in found.items() if n > FOREIGN.get(name, 0)} == {}
    assert set(FOREIGN) <= set(found)


def lists_of(module):
    """({name: module} as imported for type checkers, {name: module} as fetched) of a lazy package."""
    path = sources()[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checked = {alias.name: node.module for branch in tree.body if isinstance(branch, ast.If)
               for node in branch.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    given = {getattr(node.targets[0], "id", ""): node.value for node in tree.body
             if isinstance(node, ast.Assign)}
    fetched = eval(compile(ast.Expression(given["_HOME"]), module, "eval"), {"dict": dict})
    packages = ast.literal_eval(given["_PACKAGES"]) if "_PACKAGES" in given else ()
    top = module.split(".")[0]
    return checked, dict.fromkeys(packages, top) | {
        name: home if home.startswith(f"{top}.") else f"{top}.{home}" for name, home in fetched.items()}


@pytest.mark.parametrize("module", ["pcl", "pcl.dae", "fem"])
def test_type_checkers_and_users_find_the_same_names(module):
    checked, fetched = lists_of(module)
    assert checked == fetched


def write(folder, **modules):
    for name, text in modules.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return sources(folder)


def test_a_wrong_arrow_is_seen(tmp_path):
    modules = write(tmp_path, pcl__a="def f():\n    from fem import space\n", fem__space="")
    assert offenders(modules, ["pcl"], ["fem"], everywhere=True) == {"pcl.a": ["fem.space"]}
    assert offenders(modules, ["pcl"], ["fem"], everywhere=False) == {}


def test_an_arrow_upward_and_one_to_a_neighbour_are_seen(tmp_path):
    modules = write(tmp_path, pcl__support__a="def f():\n    from pcl.problem import Problem\n",
                    pcl__problem="from pcl.support import a\n",
                    pcl__checks__b="from pcl.factor.c import d\n", pcl__factor__c="")
    assert set(wrong_arrows(modules)) == {("pcl.support", "pcl.problem"), ("pcl.checks", "pcl.factor")}


def test_a_cycle_is_seen(tmp_path):
    modules = write(tmp_path, pcl__a="from pcl import b\n", pcl__b="from .a import f\n")
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph(modules)).static_order())


def test_imports_of_the_two_packages_leave_what_is_heavy_alone():
    code = ("import sys, pcl, fem\n"
            f"print([name for name in {HEAVY} if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True,
                          check=True, timeout=300)
    assert done.stdout.strip() == "[]"
