"""The pages are built without a warning: no broken link, no missing picture, no docstring that mkdocstrings cannot read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cgdenoise

ROOT = Path(cgdenoise.__file__).parents[1]


@pytest.mark.slow
def test_the_site_is_built_without_warnings(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    variables = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(line, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    reference = (tmp_path / "api.html").read_text()
    for name in ("denoise", "inpaint", "deblur", "upscale", "reconstruct", "Restoration", "ForwardOperator", "KnownNoise"):
        assert f">{name}</span>" in reference
    assert (tmp_path / "measured" / "compare.png").exists()
