"""The fit log: JSON lines that say what was done to an image, how the fits went and why they ended."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

Record = dict[str, Any]

FORMAT = 3
"""Version of the log's format, in every header and end; docs/log.md has the fields."""


def header(page: int, command: str, source: Record, options: Record) -> Record:
    """Return the first record of a page: the command, versions, the input, and the options.

    The page is counted from 0 here, and from 1 in the record.
    """
    import numpy as np
    import torch

    import cgdenoise

    versions = {
        "cgdenoise": cgdenoise.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    return {
        "type": "header",
        "format": FORMAT,
        "page": page + 1,
        "command": command,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions,
        "platform": platform.platform(),
        "input": source,
        "options": options,
    }


def dump(records: Iterable[Record]) -> bytes:
    """Return records as JSON lines. A number that is not finite becomes null: JSON has no other name for it."""
    return "".join(json.dumps(_finite(record), allow_nan=False) + "\n" for record in records).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
