"""What the documents show runs, and what they link to exists."""

import pathlib
import re

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/[!_]*.md"))]
CODE = re.compile(r"```python\n(.*?)```|<!-- before the next block\n(.*?)-->", re.DOTALL)


def blocks(page):
    """[(first line, code), …] of a page, in order: what is shown, and what comments set up for it."""
    text = page.read_text()
    return [(text[:found.start()].count("\n") + 2, found[1] or found[2]) for found in CODE.finditer(text)]


def run(page, shorter=lambda code: code):
    """The names left by all blocks of a page, run one after the other as a reader would."""
    names = {"__name__": page.stem}
    for line, code in blocks(page):
        exec(compile("\n" * (line - 1) + shorter(code), page.name, "exec"), names)
    return names


def test_the_example_of_the_readme_reaches_the_data():
    names = run(ROOT / "README.md", lambda code: code.replace("maxiter=100", "maxiter=15"))
    assert names["result"].fun < 1e-6
    assert names["H"].shape == (921, 921) and np.isfinite(names["H"]).all()


@pytest.mark.parametrize("page", [page for page in PAGES[1:] if blocks(page)], ids=lambda page: page.name)
def test_every_block_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)        # a[0](x) is no link
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", prose)
    missing = [t for t in targets if not (page.parent / t).exists()]
    assert not missing
