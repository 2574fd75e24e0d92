"""Public docstrings say what a thing is, its arguments and its errors, and their examples run."""

import ast
import contextlib
import doctest
import enum
import functools
import importlib
import inspect
import io
import re
import textwrap

import pytest

MODULES = ["pcl", "pcl.uncertainty", "pcl.uncertainty.noise", "pcl.uncertainty.prior",
           "pcl.interior_point", "pcl.collocation", "pcl.diagnose", "pcl.rules", "fem", "fem.materials",
           "pcl.dae", "pcl.export"]
SHARE = 0.9             # of the public names of a module have an example
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
ACCESSORS = (property, functools.cached_property)
VALIDATORS = "pcl.support.validate"


def public(module):
    """[(name, object)] of a module, without modules inside and plain data."""
    home = importlib.import_module(module)
    found = [(name, getattr(home, name)) for name in home.__all__]
    return [(name, x) for name, x in found if callable(x) and not inspect.ismodule(x)]


def members(cls):
    """[(name, function or property)] of a class that a user sees, inherited ones too, if written here."""
    found = {}
    for home in reversed(cls.__mro__):
        if home.__module__.split(".")[0] in ("pcl", "fem"):
            found.update({name: x for name, x in vars(home).items() if not name.startswith("_")})
    kinds = (staticmethod, classmethod, *ACCESSORS)
    return [(name, x) for name, x in found.items() if (inspect.isfunction(x) or isinstance(x, kinds))
            and name not in getattr(cls, "__dataclass_fields__", ())]


def documented(module):
    """[(qualified name, object, whether it belongs to a class, docstring)]."""
    for name, x in public(module):
        yield f"{module}.{name}", x, False, inspect.getdoc(x) or ""
        for member, y in members(x) if inspect.isclass(x) else ():
            yield f"{module}.{name}.{member}", y, True, inspect.getdoc(getattr(x, member)) or ""


def function_of(x):
    """The Python function behind a member."""
    if isinstance(x, ACCESSORS):
        x = x.fget if isinstance(x, property) else x.func
    return inspect.unwrap(getattr(x, "__func__", x))


def arguments(x):
    """Names of what the caller gives; none for enumerations, exceptions, protocols and accessors."""
    if isinstance(x, ACCESSORS) or inspect.isclass(x) and issubclass(x, (enum.Enum, BaseException)):
        return []
    call = x if inspect.isclass(x) else function_of(x)
    if inspect.isclass(x) and (getattr(x, "_is_protocol", False) or not hasattr(x.__init__, "__code__")):
        return []
    names = list(inspect.signature(call).parameters)
    return [name for name in names if name not in ("self", "cls")]


def section(text, *titles):
    """The lines under numpydoc headings of these titles, None if there is no such heading."""
    lines, found = text.splitlines(), None
    for k in range(len(lines) - 1):
        if lines[k].strip() in titles and set(lines[k + 1].strip()) == {"-"}:
            rest = lines[k + 2:]
            ends = [j for j in range(1, len(rest)) if rest[j].strip() and set(rest[j].strip()) == {"-"}]
            found = (found or []) + (rest[:ends[0] - 1] if ends else rest)
    return found


def described(text):
    """Names that stand at the left of Parameters and Attributes."""
    lines = section(text, "Parameters", "Attributes") or []
    heads = [re.split(r" : ", line)[0] for line in lines if line and not line[0].isspace()]
    return {name.strip().lstrip("*") for head in heads for name in head.split(",")}


def lacking(x, member, text):
    """Arguments that the docstring does not describe; that of a member may do it in its sentence."""
    names = [name for name in arguments(x) if name not in described(text)]
    return [name for name in names if not (member and re.search(rf"\b{name}\b", text))]


def sources(function, seen=()):
    """Syntax trees of a function and of the private functions of its module that it calls."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    yield function, tree
    for name in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(seen):
        inner = function.__globals__.get(name)
        if name.startswith("_") and inspect.isfunction(inner) and inner.__module__ == function.__module__:
            yield from sources(inner, (*seen, name))


def raises(function):
    """Whether it raises an error of its own, or by a validator that it calls."""
    for home, tree in sources(function):
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and node.exc is not None:
                return True
            if isinstance(node, ast.Name):
                known = home.__globals__.get(node.id)
                if inspect.isfunction(known) and known.__module__ == VALIDATORS:
                    return True
    return False


def refuses(x):
    """Whether calling it can raise, as far as its source shows."""
    if not inspect.isclass(x):
        return raises(function_of(x))
    if issubclass(x, (enum.Enum, BaseException)) or getattr(x, "_is_protocol", False):
        return False
    own = [vars(c).get(name) for c in x.__mro__ for name in ("__init__", "__post_init__")
           if c.__module__.split(".")[0] in ("pcl", "fem")]
    return any(raises(f) for f in own if f is not None and f.__code__.co_filename != "<string>")


def tells_errors(text, member):
    """A section of errors; or, for a member, the name of one."""
    named = re.search(r"\b\w*(Error|Failure|Indefinite|NotFinite|NotConverged|SingularMatrix)\b", text)
    return section(text, "Raises") is not None or bool(member and named)


def returns(function):
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, (ast.Return, ast.Yield)) and node.value is not None
               for node in ast.walk(tree))


def has_example(x):
    texts = [x.__doc__, *(y.__doc__ for _, y in members(x))] if inspect.isclass(x) else [x.__doc__]
    return any(">>>" in (text or "") for text in texts)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_thing_opens_with_a_statement(module):
    openings = {name: text.split("\n\n")[0].strip() for name, _, _, text in documented(module)}
    assert [name for name, opening in openings.items() if opening[-1:] not in (".", ":", ";")] == []


@pytest.mark.parametrize("module", MODULES)
def test_every_argument_is_described(module):
    missing = {name: lacking(x, member, text) for name, x, member, text in documented(module)}
    assert {name: arguments for name, arguments in missing.items() if arguments} == {}


@pytest.mark.parametrize("module", MODULES)
def test_what_can_refuse_says_so(module):
    assert [name for name, x, member, text in documented(module)
            if refuses(x) and not tells_errors(text, member)] == []


@pytest.mark.parametrize("module", MODULES)
def test_functions_say_what_they_return(module):
    assert [name for name, x in public(module) if not inspect.isclass(x) and returns(inspect.unwrap(x))
            and section(inspect.getdoc(x), "Returns", "Yields") is None] == []


@pytest.mark.parametrize("module", MODULES)
def test_nearly_every_name_has_an_example(module):
    without = [name for name, x in public(module) if not has_example(x)]
    assert len(without) <= (1 - SHARE) * len(public(module)), without


@pytest.mark.parametrize("module", MODULES)
def test_every_example_runs_and_shows_what_comes_out(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner, report = doctest.DocTestRunner(optionflags=FLAGS, verbose=False), io.StringIO()
    for text, name in {text: name for name, _, _, text in documented(module) if ">>>" in text}.items():
        test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
        with contextlib.redirect_stderr(io.StringIO()):
            runner.run(test, out=report.write)
    assert not runner.failures, report.getvalue()


def test_a_missing_argument_and_a_silent_error_are_seen():
    def function(a, b):
        """Halve a.

        Parameters
        ----------
        a : float
        """
        if a < b:
            raise ValueError("a is too small")
        return a / 2
    text = inspect.getdoc(function)
    assert lacking(function, False, text) == ["b"] and refuses(function) and returns(function)
    assert not tells_errors(text, False) and section(text, "Returns") is None
