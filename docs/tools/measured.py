"""A hook of MkDocs: what lies outside of docs/ is shown where the pages link to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]


def on_files(files: Files, config: Any) -> Files:
    """Add the figures of benchmarks/, and the notebooks and scripts of examples/."""
    for path in sorted([*ROOT.glob("benchmarks/*.md"), *ROOT.glob("benchmarks/*.png"), *ROOT.glob("benchmarks/*.jpg")]):
        files.append(File.generated(config, f"measured/{path.name}", abs_src_path=str(path)))
    for path in sorted([*ROOT.glob("examples/*.ipynb"), *ROOT.glob("examples/*.py")]):
        files.append(File.generated(config, f"examples/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead links that are right in the repository to where the site has the same."""
    return markdown.replace("](../benchmarks/", "](measured/").replace("](../examples/", "](examples/")
