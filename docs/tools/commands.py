"""The commands of the pages, in their order, as somebody would type them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in [*DOCS.glob("*.md"), *DOCS.glob("recipes/*.md")])

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_INSTALLS = re.compile(r"python3 -m venv|pip install")


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Return the blocks of code of a page: language, title ("" for none) and text."""
    return [(language, title, text) for language, title, text in _BLOCK.findall((DOCS / page).read_text())]


def commands(page: str) -> list[str]:
    """Return the lines of a page for a shell, but those that install something."""
    texts = [text.replace("\\\n", " ") for language, _, text in blocks(page) if language == "sh"]
    lines = [line for text in texts for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#") and not _INSTALLS.match(line)]


def write_titled(page: str, folder: Path) -> None:
    """Write the blocks of a page that are files."""
    for _, title, text in blocks(page):
        if title:
            (folder / title).write_text(text)
