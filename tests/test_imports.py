"""The direction of dependence, read from the sources; and what importing costs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cgdenoise

ROOT = Path(cgdenoise.__file__).parent
# A room may import from the layers above it here and, in the first layer, from its own.
LAYERS = [
    {"errors", "garbage", "metrics", "names", "native", "progress", "reading", "runtime"},
    {"generators", "operators", "noise", "images", "measurements"},
    {"fitting", "patches"},
    {"restoration"},
    {"problems", "fitlog", "experiments"},
    {"jobs", "integrations"},
    {"cli"},
    {"__init__", "__main__"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def imports(source: str, package: list[str]) -> set[str]:
    """Parts of cgdenoise that a source in a package imports, wherever in it, by full names or relative ones."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            names = [".".join([*base, *filter(None, [node.module]), a.name]) for a in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("cgdenoise.")}
    return found & set(RANK)


def imported(path: Path) -> set[str]:
    return imports(path.read_text(), [ROOT.name, *path.relative_to(ROOT).parent.parts])


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "line",
    [
        "import cgdenoise.fitting.loop",
        "import numpy, cgdenoise.fitting.loop as loop",
        "from cgdenoise import fitting",
        "from cgdenoise.fitting.loop import Problem",
        "from .. import fitting",
        "from ..fitting import loop",
    ],
)
def test_every_form_of_import_is_seen(line):
    assert imports(f"def later():\n    {line}", ["cgdenoise", "images"]) == {"fitting"}
    assert imports("import torch.fitting\nfrom . import fitting", ["cgdenoise", "images"]) == {"images"}


def test_every_part_has_a_layer():
    assert {part(path) for path in ROOT.rglob("*.py")} == set(RANK)


def test_dependence_runs_one_way():
    for path in ROOT.rglob("*.py"):
        for name in imported(path) - {part(path)}:
            allowed = RANK[name] < RANK[part(path)] or RANK[name] == RANK[part(path)] == 0
            assert allowed or part(path) == "__init__", f"{path.relative_to(ROOT)} imports {name}"


def test_kernels_are_the_business_of_their_room_alone():
    for path in ROOT.rglob("*.py"):
        assert set(re.findall(r"(\w+)\.kernels", path.read_text())) <= {part(path)}, path.relative_to(ROOT)


def test_only_the_command_line_prints():
    for path in ROOT.rglob("*.py"):
        if part(path) != "cli":
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"], path


def test_ground_truth_is_in_no_signature_of_the_fit():
    for path in (path for path in ROOT.rglob("*.py") if part(path) in {"fitting", "restoration"}):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                arguments = {a.arg for a in node.args.args + node.args.kwonlyargs}
                assert not arguments & {"clean", "reference", "truth", "ground_truth"}, f"{path.name}: {node.name}"


def test_importing_the_package_and_help_leave_the_heavy_libraries_alone():
    code = (
        "import sys, cgdenoise, cgdenoise.images\n"
        "sys.argv = ['cgdenoise', '--help']\n"
        "from cgdenoise.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted({'torch', 'matplotlib', 'skimage', 'scipy', 'tifffile', 'click'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.slow
def test_restoring_pictures_leaves_what_draws_alone():
    code = "import sys, cgdenoise.jobs.files, cgdenoise.jobs.posed; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_public_names_resolve_and_unknown_ones_do_not():
    assert all(getattr(cgdenoise, name) is not None for name in cgdenoise.__all__)
    assert not hasattr(cgdenoise, "nonsense")


def test_nothing_but_public_names_is_listed():
    assert {name for name in dir(cgdenoise) if not name.startswith("__")} == {*cgdenoise.__all__, "operators"}


def test_names_are_listed_and_operators_are_at_hand_without_another_import():
    code = "import cgdenoise; assert {'denoise', 'operators'} <= {*dir(cgdenoise)}; print(cgdenoise.operators.PixelMask.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "PixelMask\n"
