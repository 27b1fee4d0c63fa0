"""Solutions, which a reader finds folded: those of exercises with the output of a run, those of stubs beneath them.

In a source an exercise's solution is a code cell tagged "solution" whose first line is a comment, its title. A function
that is the reader's stands there with its body between BEGIN SOLUTION and END SOLUTION. Both are executed. In the
notebook a solution is a text cell in <details>: folded in JupyterLab, on Colab, on GitHub and on the site.
The reader's function is a stub above it, the same as in the copies that are handed out: who opens a notebook anywhere
finds something to write, and no answer that was not asked for. Its check keeps the output of the solved run, and may
fail, so that "run all" goes on behind a function that nobody has written.
"""

import html
import re
import textwrap
from itertools import pairwise

import nbformat
from nbformat import NotebookNode

TAG, YOURS, CHECK = "solution", "yours", "check"
MAY_FAIL = "raises-exception"
ANSWER = re.compile(r"^( *)### BEGIN SOLUTION\n(.*?)\n *### END SOLUTION$", flags=re.DOTALL | re.MULTILINE)
UNWRITTEN = "# YOUR CODE HERE\nraise NotImplementedError()"       # nbgrader's own words
FORMATTED = "<details><summary>{title}</summary>\n\n```python\n{code}\n```\n\n{output}</details>"
PICTURE = re.compile(r'<img[^>]*alt="([^"]*)"[^>]*src="data:(image/\w+);base64,([^"]+)"|'
                     r'<img[^>]*src="data:(image/\w+);base64,([^"]+)"[^>]*alt="([^"]*)"')


def has_tag(cell: NotebookNode, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def as_read(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells of a source, executed or not, as a reader finds them."""
    read = []
    for cell in cells:
        if is_solution(cell):
            read.append(folded(cell))
        elif ANSWER.search(cell.source):
            read += stub_and_answer(cell)
        else:
            if has_tag(cell, CHECK):
                cell = nbformat.from_dict({**cell, "metadata": {**cell.metadata, "tags": [CHECK, MAY_FAIL]}})
            read.append(cell)
    return read


def solved(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells that a reader finds, with the folded answer in each stub: what is executed to show the whole course."""
    cells = [nbformat.from_dict(cell) for cell in cells]
    for stub, answer in pairwise(cells):
        if has_tag(stub, YOURS) and is_solution(answer):
            indent = re.search(r"^( *)# YOUR CODE HERE$", stub.source, flags=re.MULTILINE)[1]
            body = textwrap.indent(code_of(answer), indent)
            stub.source = stub.source.replace(textwrap.indent(UNWRITTEN, indent), body)
    return cells


def stub_and_answer(cell: NotebookNode) -> tuple[NotebookNode, NotebookNode]:
    """A function that is the reader's: without its body, and that body, folded."""
    indent, body = ANSWER.search(cell.source).groups()
    stub = nbformat.from_dict({**cell, "source": ANSWER.sub(textwrap.indent(UNWRITTEN, indent), cell.source),
                               "metadata": {**cell.metadata, "tags": [YOURS]}})
    name = re.findall(r"^def (\w+)", cell.source, flags=re.MULTILINE)[-1]
    text = FORMATTED.format(title=f"<code>{name}</code>: a solution", code=textwrap.dedent(body), output="")
    return stub, nbformat.v4.new_markdown_cell(text, metadata={"tags": [TAG]}, id=f"{cell.id}-solution")


def is_solution(cell: NotebookNode) -> bool:
    return has_tag(cell, TAG)


def code_of(cell: NotebookNode) -> str:
    """The code of a solution, folded or not; of a stub's, what stands in the place of the error."""
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
