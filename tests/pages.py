"""What a reader sees of a notebook: the page that nbconvert makes of it, with the template that it takes by default."""

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter

NO_ALT_TEXT = "No description has been provided for this image"     # what nbconvert writes where there is none


def pictures(notebook: nbformat.NotebookNode) -> list[dict[str, str]]:
    """The attributes of every <img> on the page, `alt` only where the notebook gave one."""
    page, _ = HTMLExporter().from_notebook_node(notebook)
    found = [dict(picture.attrs) for picture in BeautifulSoup(page, "html.parser").select("img")]
    return [{key: value for key, value in picture.items() if value != NO_ALT_TEXT} for picture in found]
