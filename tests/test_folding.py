"""Solutions: code in a notebook's source, folded in the notebook, an exercise's with the output of a run."""

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


SOURCE = """import torch

def f(x):
    \"\"\"Twice x.\"\"\"
    ### BEGIN SOLUTION
    if x:
        return 2 * x

    return 0
    ### END SOLUTION

print("ready")"""


def test_a_function_of_the_readers_is_a_stub_and_its_body_is_folded_beneath(folding):
    stub, answer = folding.as_read([nbformat.v4.new_code_cell(SOURCE)])
    assert stub.source == SOURCE.partition("    ### BEGIN")[0] + (
        '    # YOUR CODE HERE\n    raise NotImplementedError()\n\nprint("ready")')
    assert stub.metadata.tags == ["yours"]
    assert answer.source == ("<details><summary><code>f</code>: a solution</summary>\n\n"
                             "```python\nif x:\n    return 2 * x\n\nreturn 0\n```\n\n</details>")


def test_what_is_executed_has_the_answers_in_the_stubs(folding):
    cells = folding.as_read([nbformat.v4.new_code_cell(SOURCE), solution()])
    stub, answer, exercise = folding.solved(cells)
    assert stub.source == SOURCE.replace("    ### BEGIN SOLUTION\n", "").replace("    ### END SOLUTION\n", "")
    assert [answer, exercise] == cells[1:]
    assert "NotImplementedError" in cells[0].source         # the reader's stays as it is


def test_a_check_may_fail_and_keeps_what_it_said_of_the_solution(folding):
    check, = folding.as_read([nbformat.v4.new_code_cell("checks.f(f)", outputs=[printed("f: right.")],
                                                        metadata={"tags": ["check"]})])
    assert check.metadata.tags == ["check", "raises-exception"] and check.outputs == [printed("f: right.")]
