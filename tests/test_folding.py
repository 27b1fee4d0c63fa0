"""Solutions: code in a notebook's source, folded in the notebook, with the output of a run."""

import base64

import nbformat
import pytest
from scripts import loaded

PICTURE = base64.b64encode(b"not really a picture").decode()


@pytest.fixture
def folding():
    return loaded("folding")


def solution(*outputs, source="# Exercise 1: a solution\nprint(1)"):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": ["solution"]})


def printed(text):
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def shown(**data):
    return nbformat.v4.new_output("display_data", data={kind.replace("_", "/"): text for kind, text in data.items()})


def test_a_folded_solution_holds_its_title_its_code_and_what_it_printed(folding):
    text = folding.folded(solution(printed("1\n"), printed("2\n")))
    assert text.cell_type == "markdown" and folding.is_solution(text)
    assert text.source.startswith("<details><summary>Exercise 1: a solution</summary>\n\n```python\n")
    assert "```text\n1\n2\n```\n\n</details>" in text.source
    assert folding.code_of(text) == "# Exercise 1: a solution\nprint(1)" == folding.code_of(solution())


@pytest.mark.parametrize("tag", [
    f'<img alt="A cat&#x27;s eye." style="x" src="data:image/jpeg;base64,{PICTURE}"/>',
    f'<img src="data:image/jpeg;base64,{PICTURE}" alt="A cat&#x27;s eye."/>'])
def test_a_picture_becomes_an_attachment_with_its_description(folding, tag):
    text = folding.folded(solution(shown(text_html=tag, text_plain="<IPython>"), shown(text_markdown="*Look!*")))
    assert "![A cat's eye.](attachment:output-0.jpeg)\n\n*Look!*\n\n</details>" in text.source
    assert text.attachments == {"output-0.jpeg": {"image/jpeg": PICTURE}}


def test_a_solution_that_fails_says_so(folding):
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])
    assert "ValueError: no" in folding.folded(solution(error)).source


def test_a_solution_without_a_title_is_refused(folding):
    with pytest.raises(AssertionError, match="title"):
        folding.folded(solution(source="print(1)"))
