"""The notebooks hold no outputs, and what they call exists: `pytest -m '' --nbmake examples` runs them."""

import json
from pathlib import Path

import pytest

import cgdenoise

NOTEBOOKS = sorted((Path(cgdenoise.__file__).parents[1] / "examples").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stripped_and_compiles(path):
    cells = json.loads(path.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 3
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        compile("".join(cell["source"]), path.name, "exec")


def test_there_are_three():
    assert len(NOTEBOOKS) == 3
