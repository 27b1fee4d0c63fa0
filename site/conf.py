"""Sphinx: the course as a website. data_scripts/make_site.py lays out the pages and calls it (`make site`)."""

import re

from docutils import nodes
from latex2mathml.converter import convert

# "(", a table, ")": few fonts have brackets that grow with what is between them, so the table draws them itself.
MATRIX = re.compile(r"<mo[^>]*>(?:\(|&#x0*28;)</mo><mtable>(.*?)</mtable><mo[^>]*>(?:\)|&#x0*29;)</mo>", re.DOTALL)

project = "Optical flow distillation: a course"
language = "en"

extensions = ["myst_nb"]
html_theme = "furo"
html_title = "Optical flow distillation"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["course.css"]
html_css_files = ["course.css"]
html_math_renderer = "mathml"

if tags.has("lab"):                  # noqa: F821 (Sphinx gives it): furo's own navigation, and a link below it
    templates_path = ["."]
    html_sidebars = {"**": [*(f"sidebar/{part}.html" for part in ("brand", "search", "scroll-start", "navigation")),
                            "lab-link.html", "sidebar/scroll-end.html"]}

highlight_language = "none"          # a block without a name is printed text; cells of notebooks name theirs

nb_execution_mode = "off"            # the notebooks are executed already
nb_merge_streams = True
nb_render_markdown_format = "gfm"    # what a cell shows as Markdown may be a table
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a notebook's parts may begin at any level


def mathml(formula: str, display: str) -> str:
    """A formula that browsers draw themselves: no script, and no network."""
    plain = re.sub(r"\\[bB]igg?[lr]?(?![a-z])", "", re.sub(r"\\[lr]Vert", r"\\Vert", formula))
    return MATRIX.sub(r'<mtable class="matrix">\1</mtable>', convert(plain, display=display))


def within_text(page, node: nodes.math) -> None:
    page.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def in_a_line_of_its_own(page, node: nodes.math_block) -> None:
    page.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def setup(app) -> None:
    app.add_html_math_renderer("mathml", (within_text, None), (in_a_line_of_its_own, None))
