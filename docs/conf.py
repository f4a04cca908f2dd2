"""Sphinx: the pages of docs/, the gallery made from examples/, and the reference made from docstrings."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import matplotlib

import densekit

matplotlib.use("agg")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

project = "densekit"
author = "the densekit authors"
project_copyright = "the densekit authors"
version = release = densekit.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_gallery.gen_gallery"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"densekit {version}"
html_static_path: list[str] = []
html_theme_options = {"source_repository": "", "navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "native"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# Pages link to source files and to the README, which are no pages; tests/test_concepts.py sees that they exist.
suppress_warnings = ["myst.xref_missing"]

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}

sphinx_gallery_conf = {
    "examples_dirs": [str(HERE.parent / "examples")],
    "gallery_dirs": ["gallery"],
    "subsection_order": ["regularization", "likelihood", "optimization", "generalisation"],
    "within_subsection_order": "FileNameSortKey",
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "abort_on_example_error": True,
    "matplotlib_animations": False,
    "min_reported_time": 10,
    "thumbnail_size": (320, 224),
}
sphinx_gallery_conf["subsection_order"] = [
    f"../examples/{group}" for group in ("regularization", "likelihood", "optimization", "generalisation")
]


def _prose(text: str) -> str:
    """Plain text with `code` as reStructuredText."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(f"`{p}`" if p.startswith("`") else re.sub(r"([\\*|_`])", r"\\\1", p) for p in parts)


def _as_rst(app, what, name, obj, options, lines: list[str]) -> None:
    """Docstrings are plain text: paragraphs, indented formulas and lists, and examples that begin with >>>."""
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    out: list[str] = []
    for paragraph in paragraphs:
        rows = paragraph.split("\n")
        if rows[0].lstrip().startswith(">>>"):
            out += [row.strip() if row.strip().startswith((">>>", "...")) else row for row in rows]
        elif any(row.startswith((" ", "- ", "* ")) for row in rows):
            out += ["| " + "\N{NO-BREAK SPACE}" * (len(row) - len(row.lstrip())) + _prose(row.lstrip()) for row in rows]
        else:
            out += [_prose(row) for row in rows]
        out.append("")
    lines[:] = out


def setup(app) -> None:
    app.connect("autodoc-process-docstring", _as_rst)
