"""How to cite, from CITATION.cff: where a page has the line MARK stands the entry for BibTeX."""

import pathlib
import re

import yaml

MARK = "<!-- citation -->"
FILE = pathlib.Path(__file__).parents[2] / "CITATION.cff"


def bibtex(path=FILE):
    """@software{…} of a citation file."""
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    fields = {"author": " and ".join(map(_author, said["authors"])), "title": f"{{{said['title']}}}",
              "version": said["version"], "year": str(said.get("date-released", ""))[:4],
              "doi": said.get("doi"), "url": said.get("url") or said.get("repository-code"),
              "license": said.get("license")}
    lines = [f"  {key} = {{{value}}}," for key, value in fields.items() if value]
    return "\n".join([f"@software{{{_key(said['title'])},", *lines, "}"])


def _author(person):
    """Family, Given; a group in braces, so that it is not taken for a surname."""
    if "family-names" in person:
        return f"{person['family-names']}, {person.get('given-names', '')}".rstrip(", ")
    return f"{{{person['name']}}}"


def _key(title):
    return re.match(r"[\w-]+", title)[0]


def fill(app, name, source):
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, f"```bibtex\n{bibtex()}\n```")
        app.env.note_dependency(str(FILE), docname=name)


def setup(app):
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}
