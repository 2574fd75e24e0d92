"""The gallery: what the examples say of themselves, their pictures, and notebooks of them.

Where a page has the line MARK stand all examples: question, picture, statement and command from their
docstrings, pictures from `docs/figures`. Nothing is run. Notebooks and an archive of the folder go to
`docs/generated`.
"""

import ast
import dataclasses
import pathlib
import re
import zipfile

import nbformat
from sphinx.errors import ExtensionError

MARK = "<!-- all examples -->"
DOCS = pathlib.Path(__file__).parents[1]
EXAMPLES = DOCS.parent / "examples"
MADE = DOCS / "generated"
KINDS = {"PDEs": "*.py", "ODEs and DAEs": "dae/*.py"}
FIRST_CELL = """# The script as it stands. It reads examples/data and imports its neighbours: run this
# notebook in the folder of the script (they are in examples.zip).
import sys
sys.argv, __file__ = [{name!r}], {name!r}
%matplotlib inline"""


@dataclasses.dataclass(frozen=True)
class Example:
    """One script: path, question, statement up to the numbers to expect, the rest, figures."""
    path: pathlib.Path
    question: str
    statement: str
    expect: str
    figures: tuple[str, ...]

    @property
    def command(self):
        name = self.path.relative_to(EXAMPLES.parent)
        return f"python {name}"


def read(path):
    """The Example in a file, or None where its docstring asks no question."""
    text = path.read_text(encoding="utf-8")
    question, _, body = (ast.get_docstring(ast.parse(text)) or "").partition("\n")
    if not question.rstrip().endswith(("?", ".")) or "Numbers to expect" not in body:
        return None
    statement, _, rest = body.partition("Numbers to expect")
    return Example(path, question.strip(), statement.strip("\n"), "Numbers to expect" + rest,
                   figures(text, path))


def figures(text, path):
    """Names of pictures in `docs/figures` that the script writes: by name, or by an f-string's ending."""
    there = sorted(figure.name for figure in (DOCS / "figures").glob("*.png"))
    named = [name for name in there if f"{name}\"" in text or f"{name}'" in text]
    prefix = path.stem.split("_")[0] + "_"
    known = [name for name in there if name.startswith(prefix) and name[len(prefix):-4] in text]
    return tuple(dict.fromkeys(named or known))


def everything():
    """{kind: [Example, …]}; every script that asks a question has a picture."""
    found = {kind: [example for path in sorted(EXAMPLES.glob(pattern)) if (example := read(path))]
             for kind, pattern in KINDS.items()}
    bare = [example.path.name for group in found.values() for example in group if not example.figures]
    if bare:
        raise ExtensionError(f"docs/figures has no picture of {', '.join(bare)}. "
                             "Run them, and copy what they draw.")
    return found


def markdown(text):
    """A docstring as Markdown: indented blocks stay, signs that would be markup are escaped elsewhere."""
    lines = [line if line.startswith("    ") else
             "".join(part if part.startswith("`") else re.sub(r"([*<$\[\]~])", r"\\\1", part)
                     for part in re.split(r"(`.*?`)", line)) for line in text.split("\n")]
    return "\n".join(lines)


def section(example):
    """One example of the page."""
    name = example.path.stem
    pictures = "\n\n".join(f"![{example.question}](figures/{figure})" for figure in example.figures[:2])
    script = f"../{example.path.relative_to(EXAMPLES.parent)}"
    return f"""
({name})=
### {example.question}

{pictures}

    {example.command}

{{download}}`script <{script}>` · {{download}}`notebook <generated/notebooks/{name}.ipynb>`

:::{{dropdown}} Equations, data, numbers to expect
{markdown(example.statement)}

{markdown(example.expect)}
:::
"""


def card(example):
    return f"""
:::{{grid-item-card}}
:link: {example.path.stem}
:link-type: ref
:img-top: figures/{example.figures[0]}

{example.question}
:::
"""


def page():
    """Markdown of all examples: thumbnails first, then one section each."""
    found = everything()
    cards = "".join(card(example) for group in found.values() for example in group)
    parts = [f"::::{{grid}} 1 2 2 2\n:gutter: 2\n{cards}::::\n"]
    for kind, group in found.items():
        parts += [f"## {kind}\n", *(section(example) for example in group)]
    return "\n".join(parts)


def notebook(example):
    """The docstring as text, then the script in one cell."""
    text = example.path.read_text(encoding="utf-8")
    said = ast.parse(text).body[0].end_lineno
    code = "\n".join(text.split("\n")[said:]).strip()
    head = f"# {example.question}\n\n{markdown(example.statement)}\n\n{markdown(example.expect)}"
    cells = [nbformat.v4.new_markdown_cell(head),
             nbformat.v4.new_code_cell(FIRST_CELL.format(name=example.path.name)),
             nbformat.v4.new_code_cell(f'__doc__ = {example.question!r}\n{code}')]
    for number, cell in enumerate(cells):
        cell.id = f"{example.path.stem}-{number}".replace("_", "-")         # the same in every build
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {
        "name": "python3", "display_name": "Python 3", "language": "python"}})


def downloads(app=None):
    """Writes `generated/notebooks/*.ipynb` and `generated/examples.zip`."""
    (MADE / "notebooks").mkdir(parents=True, exist_ok=True)
    for group in everything().values():
        for example in group:
            nbformat.write(notebook(example), MADE / "notebooks" / f"{example.path.stem}.ipynb")
    with zipfile.ZipFile(MADE / "examples.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted([*EXAMPLES.rglob("*.py"), *EXAMPLES.rglob("*.csv"), *EXAMPLES.rglob("*.md")]):
            archive.write(path, pathlib.Path("examples") / path.relative_to(EXAMPLES))


def fill(app, name, source):
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, page())
        for path in EXAMPLES.rglob("*.py"):
            app.env.note_dependency(str(path), docname=name)


def setup(app):
    app.connect("builder-inited", downloads)
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}
