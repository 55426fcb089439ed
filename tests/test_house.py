"""The size of modules and functions, and that docs/architecture.md shows the rooms there are."""

import ast
from pathlib import Path

import pytest

import cgdenoise

ROOT = Path(cgdenoise.__file__).parent
MODULES = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.rglob("*.py"))}
LINES, FUNCTION_LINES, PARAMETERS, TOP = 300, 60, 8, 8


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]


def parameters(function: ast.FunctionDef) -> int:
    named = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len([name for name in named if name not in ("self", "cls")])


@pytest.mark.parametrize("name", MODULES)
def test_modules_and_functions_are_small(name):
    assert len(MODULES[name].read_text().splitlines()) <= LINES
    if name.startswith("cli"):  # a command has as many parameters as options
        return
    long = [f.name for f in functions(MODULES[name]) if f.end_lineno - f.lineno + 1 > FUNCTION_LINES]
    wide = [f.name for f in functions(MODULES[name]) if parameters(f) > PARAMETERS and f.name not in cgdenoise.__all__]
    assert (long, wide) == ([], [])


def test_few_modules_lie_outside_the_rooms():
    assert len([name for name in MODULES if "/" not in name]) <= TOP


def test_the_architecture_shows_every_room():
    text = (ROOT.parent / "docs" / "architecture.md").read_text()
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert [room for room in sorted(rooms) if f"`{room}/`" not in text] == []
