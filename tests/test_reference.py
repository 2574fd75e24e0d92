"""The reference has every public name, and no other."""

import importlib
import inspect
import pathlib
import re

import pytest

REFERENCE = pathlib.Path(__file__).parent.parent / "docs" / "reference"
MODULES = ["pcl", "fem", "fem.materials", "pcl.dae", "pcl.uncertainty", "pcl.uncertainty.noise",
           "pcl.uncertainty.prior", "pcl.interior_point", "pcl.collocation", "pcl.diagnose", "pcl.rules",
           "pcl.export"]
TABLE = re.compile(r"\.\. currentmodule:: (\S+)\n\n\.\. autosummary::\n.*?\n\n(.*?)```", re.DOTALL)


def listed():
    """{module: names on the pages}."""
    found = {}
    for page in sorted(REFERENCE.glob("*.md")):
        for module, names in TABLE.findall(page.read_text()):
            found.setdefault(module, []).extend(names.split())
    return found


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_on_a_page(module):
    public = {name for name in importlib.import_module(module).__all__
              if not inspect.ismodule(getattr(importlib.import_module(module), name))}
    assert public - set().union(*listed().values()) == set()


@pytest.mark.parametrize("module", MODULES)
def test_every_name_on_a_page_is_there_and_says_what_it_is(module):
    home = importlib.import_module(module)
    assert [name for name in listed()[module] if not getattr(home, name).__doc__] == []
