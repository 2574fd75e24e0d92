"""Cells of tables that hold one number have the class `number`: browsers break 8.9e-07 at its sign."""

import re

from docutils import nodes

NUMBER = re.compile(r"[-−+±]?\d[\d.,]*(e[-+]?\d+)?( ?%)?")


def mark(app, doctree):
    for cell in doctree.findall(nodes.entry):
        if NUMBER.fullmatch(cell.astext().strip()):
            cell["classes"].append("number")


def setup(app):
    app.connect("doctree-read", mark)
    return {"parallel_read_safe": True}
