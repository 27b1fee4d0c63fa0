"""Solutions of exercises, which a reader finds folded, with the output of a run.

In a source a solution is a code cell tagged "solution" whose first line is a comment, its title. In the notebook it is
a text cell in <details>, so that it is folded on every page: in JupyterLab, on Colab and on GitHub.
"""

import html
import re

import nbformat
from nbformat import NotebookNode

TAG = "solution"
FORMATTED = "<details><summary>{title}</summary>\n\n```python\n{code}\n```\n\n{output}</details>"
PICTURE = re.compile(r'<img[^>]*alt="([^"]*)"[^>]*src="data:(image/\w+);base64,([^"]+)"|'
                     r'<img[^>]*src="data:(image/\w+);base64,([^"]+)"[^>]*alt="([^"]*)"')


def is_solution(cell: NotebookNode) -> bool:
    return TAG in cell.metadata.get("tags", [])


def code_of(cell: NotebookNode) -> str:
    """The code of a solution, folded or not."""
    if cell.cell_type == "code":
        return cell.source
    return re.search(r"```python\n(.*?)\n```", cell.source, flags=re.DOTALL)[1]


def folded(cell: NotebookNode) -> NotebookNode:
    """The text cell of a solution, with what its code put out."""
    title, _, _ = cell.source.partition("\n")
    assert title.startswith("# "), f"a solution begins with its title in a comment, not with {title!r}"
    attachments, parts = {}, []
    for output in cell.outputs:
        parts.append(_text(output, attachments))
    output = "".join(f"{part}\n\n" for part in parts).replace("\n```\n\n```text\n", "\n")
    text = nbformat.v4.new_markdown_cell(
        FORMATTED.format(title=title.removeprefix("# "), code=cell.source, output=output),
        metadata={"tags": [TAG]}, id=cell.id)
    if attachments:
        text.attachments = attachments
    return text


def _text(output: NotebookNode, attachments: dict) -> str:
    """One output as Markdown; a picture becomes an attachment, since pages strip pictures within a text's own HTML."""
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```"
    if output.output_type == "error":
        return f"```text\n{output.ename}: {output.evalue}\n```"
    data = output.data
    found = PICTURE.search(data.get("text/html", ""))
    if found:
        alt, kind, content = (found[1], found[2], found[3]) if found[2] else (found[6], found[4], found[5])
        name = f"output-{len(attachments)}.{kind.split('/')[1]}"
        attachments[name] = {kind: content}
        return f"![{html.unescape(alt)}](attachment:{name})"
    if "text/markdown" in data:
        return data["text/markdown"]
    return data.get("text/html") or f"```text\n{data['text/plain']}\n```"
