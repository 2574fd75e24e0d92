"""Docstrings as this project writes them, for Sphinx: formulas are plain text, not markup.

What stands indented under a paragraph of the description is a formula and keeps its lines; elsewhere
| and * mean themselves, outside of `code` and of examples (>>> up to an empty line).
"""

import re

SPAN = re.compile(r"(``.*?``|`.*?`)")


def literal(lines):
    """Signs that would be markup, escaped outside of code and examples."""
    found, example = [], False
    for line in lines:
        example = line.lstrip().startswith(">>>") or example and bool(line.strip())
        found.append(line if example else "".join(
            part if part.startswith("`") else re.sub(r"([|*])", r"\\\1", part)
            for part in SPAN.split(line)))
    return found


def description(lines):
    """(lines before the first underlined heading, the rest)."""
    for k in range(1, len(lines)):
        if lines[k].strip() and set(lines[k].strip()) == {"-"}:
            return lines[:k - 1], lines[k - 1:]
    return lines, []


def displayed(lines):
    """A description whose indented blocks are literal blocks; everything else is escaped."""
    found, block = [], False
    for k, line in enumerate(lines):
        indented = line.startswith("    ")
        if indented and not block and (k == 0 or not lines[k - 1].strip()):
            found += ["::", ""]
            block = True
        elif line.strip() and not indented:
            block = False
        found += [line] if block else literal([line])
    return found


def process(app, what, name, obj, options, lines):
    before, after = description(lines)
    lines[:] = displayed(before) + literal(after)


def setup(app):
    app.connect("autodoc-process-docstring", process, priority=400)     # before numpydoc's own
    return {"parallel_read_safe": True}
