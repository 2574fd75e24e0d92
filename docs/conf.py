"""The site: `make docs`. Built without network; warnings are errors."""

import os
import pathlib
import sys
from importlib.metadata import version as _version

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parent / "_ext"))

project, author = "pcl + fem", "the pcl developers"
copyright = author
release = version = _version("pcl-fem")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc",
              "sphinx_copybutton", "sphinx_design", "sphinx_gallery.gen_gallery",
              "citation", "examples", "formulas", "llms", "mathml", "number_cells"]
html_math_renderer = "mathml"
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "tutorials", "generated"]
templates_path = ["_templates"]

# Markdown: $…$ and $$…$$ are mathematics, headings have anchors, ::: opens a directive.
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4

# The reference: one page a name, from its docstring.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# Tutorials: scripts that are run for their pages, with a script and a notebook to download.
# `make docs-quick` makes the pages without running them.
sphinx_gallery_conf = {
    "examples_dirs": "tutorials", "gallery_dirs": "learn", "filename_pattern": "plot_",
    "within_subsection_order": "FileNameSortKey", "copyfile_regex": r".*\.csv",
    "abort_on_example_error": True,
    "write_computation_times": False, "show_signature": False, "download_all_examples": True,
    "capture_repr": (), "min_reported_time": 1e9,
}

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False, "show_prev_next": True, "navbar_align": "left",
    "header_links_before_dropdown": 8, "secondary_sidebar_items": ["page-toc"],
}
# Code of tutorials is 100 characters wide: it gets the room of the list beside it.
html_sidebars = {"gallery": [], "learn/plot_*": []}


def setup(app):
    from pygments.lexers.python import PythonLexer
    app.add_lexer("ufl", PythonLexer)
