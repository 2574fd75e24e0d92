"""llms.txt and llms-full.txt at the root of the site: every page with a line on it, and the text of all.

The format is that of llmstxt.org: a title, a quoted summary, sections of links.
"""

import pathlib
import re

from docutils import nodes

SECTIONS = {"learn": "Tutorials", "howto": "How to", "understand": "Understand",
            "coming_from": "Coming from", "reference": "Reference"}
LONGEST = 200       # characters of a description


def ordered(env):
    """Names of pages, in the order of the table of contents, what is in none of them last."""
    found, waiting = [], [env.config.root_doc]
    while waiting:
        name = waiting.pop(0)
        if name not in found and name in env.all_docs:
            found.append(name)
            waiting = [child for child in env.toctree_includes.get(name, [])] + waiting
    return found


def description(doctree):
    """The first sentence of a page that is one."""
    for paragraph in doctree.findall(nodes.paragraph):
        inside = paragraph.parent
        text = " ".join(paragraph.astext().split())
        if isinstance(inside, (nodes.section, nodes.document)) and len(text) > 20:
            first = re.split(r"(?<=[.?!]) ", text)[0]
            return first if len(first) <= LONGEST else first[:LONGEST].rsplit(" ", 1)[0] + " …"
    return ""


def entry(app, name):
    title = app.env.titles[name].astext()
    said = description(app.env.get_doctree(name))
    return f"- [{title}]({app.builder.get_target_uri(name)})" + (f": {said}" if said else "")


def index(app):
    """llms.txt."""
    names = [name for name in ordered(app.env) if name != app.config.root_doc]
    groups = {}
    for name in names:
        groups.setdefault(SECTIONS.get(name.split("/")[0], "Pages"), []).append(entry(app, name))
    parts = [f"# {app.config.project}\n\n> {description(app.env.get_doctree(app.config.root_doc))}\n"]
    for title in [*dict.fromkeys(["Pages", *SECTIONS.values()])]:
        if title in groups:
            parts.append(f"## {title}\n\n" + "\n".join(groups[title]) + "\n")
    return "\n".join(parts)


def whole(app):
    """llms-full.txt: pages as they are written, made ones as their text."""
    parts = []
    for name in ordered(app.env):
        path = pathlib.Path(app.env.doc2path(name))
        written = path.suffix == ".md"
        text = path.read_text(encoding="utf-8") if written else app.env.get_doctree(name).astext()
        parts.append(f"<!-- {app.builder.get_target_uri(name)} -->\n\n{text.strip()}\n")
    return "\n".join(parts)


def write(app, exception):
    if exception is None and app.builder.format == "html":
        out = pathlib.Path(app.outdir)
        (out / "llms.txt").write_text(index(app), encoding="utf-8")
        (out / "llms-full.txt").write_text(whole(app), encoding="utf-8")


def setup(app):
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
