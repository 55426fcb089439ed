"""Results as web pages that stand alone: before and after, what was removed, why, and how to do it again."""

from __future__ import annotations

import base64
import html
import io
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgdenoise.errors import ImageError
from cgdenoise.fitlog import story
from cgdenoise.fitlog.plot import draw
from cgdenoise.fitlog.reader import FitLog, check_fields, read_log
from cgdenoise.fitlog.records import Record
from cgdenoise.images import Picture, hash_of_image, open_image
from cgdenoise.jobs.shown import AMPLIFIED, as_large, grey_levels, shown_range
from cgdenoise.restoration.units import Array

_LARGEST = 2048
"""Side of an embedded picture, in pixels, at most: larger ones are shown by every second pixel or fewer. By hand: 2 to 8 MB."""

_TALLEST = "85vh"
"""Height of the picture, at most: the slider below it is to be seen, too."""

MARK = '<meta name="generator" content="cgdenoise">'
"""Near the beginning of every page, by which a report is known again."""

_TEMPLATE = Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Result:
    """One page of a log, and the pictures that it speaks of; None for what cannot be shown any more.

    Of measurements, which are no picture, what is before is the picture that is usual without any prior, on a scale of its own.
    """

    path: str
    pages: int
    log: FitLog
    before: Array | None
    after: Array | None
    of_measurements: bool = False

    @property
    def name(self) -> str:
        """What to call it."""
        number = f", page {self.log.header['page']} of {self.pages}" if self.pages > 1 else ""
        return f"{Path(self.log.end['output']).name}{number}"


def load(path: str, start: Array | None = None) -> list[Result]:
    """Read a log and the pictures beside it.

    Parameters
    ----------
    path : str
        Of the log.
    start : array, optional
        Of measurements, the picture that is usual without any prior: it is in no file.

    Raises
    ------
    LogError
        If it is no fit log. Pictures that are gone, or have other bytes by now, are left out.
    """
    logs = read_log(path)
    for log in logs:
        check_fields(log, path)
    header, end = logs[0].header, logs[0].end
    is_picture = "container" in header["input"]  # measurements in a .npy may look like one
    source, result, axes = str(end["input"]), str(end["output"]), header["options"].get("axes")
    before = _picture(source, path, header["input"].get("sha256"), axes) if is_picture else None
    same_kind = os.path.splitext(source)[1] == os.path.splitext(result)[1]
    after = _picture(result, path, end.get("output_sha256"), axes if same_kind else None)
    if start is not None:
        return [Result(path, len(logs), logs[0], start, _page(after, 0), of_measurements=True)]
    return [Result(path, len(logs), log, _page(before, number), _page(after, number)) for number, log in enumerate(logs)]


def page_of(result: Result) -> str:
    """Return the web page of one result."""
    log = result.log
    end = log.end
    warned = "".join(f'<p class="doubt">{as_text(told)}</p>' for told in [*filter(None, [end["error"]]), *end["warnings"]])
    status = "" if end["status"] == "complete" else f'<p class="doubt">{as_text(end["status"])}</p>'
    likeness = "" if end["psnr"] is None else f"<br>PSNR {end['psnr']:.2f} dB, SSIM {end['ssim']:.4f} against the reference"
    facts = (
        f'<p class="facts">Made of: <b>{as_text(story.made_of(end))}</b><br>{as_text(story.kept(log.fits))}<br>'
        f"Noise: {as_text(story.noise(log.header))}<br>{end['seconds']:.1f} s on {as_text(end['device'])}{likeness}"
        "<br><small>docs/log.md explains these words.</small></p>"
    )
    curves = draw(log, "svg").decode() if log.evaluations else ""
    body = [
        f"<h1>{as_text(result.name)}</h1>",
        status,
        warned,
        facts,
        _pictures(result),
        "<h2>Why this noise</h2>",
        "".join(f"<p>{as_text(reason)}</p>" for reason in log.header["noise"]["reasons"]),
        "<h2>Parts</h2>",
        _shares(end["parts"]),
        f'<h2>Curves of the fits</h2><div class="curves">{curves[curves.find("<svg") :]}</div>' if curves else "",
        "<h2>To do it again</h2>",
        f"<pre>{as_text(story.repeat(log))}</pre>",
        _rows([*log.header["versions"].items(), ("platform", log.header["platform"]), ("log", result.path)]),
        "<h2>Options</h2>",
        _rows([(key, _option(value)) for key, value in log.header["options"].items() if value is not None]),
    ]
    return filled(result.name, "\n".join(filter(None, body)))


def filled(title: str, body: str) -> str:
    """Return a web page."""
    return _TEMPLATE.substitute(title=as_text(title), mark=MARK, body=body)


def _pictures(result: Result) -> str:
    """Return before and after with a slider, and the crops at the size of the pixels."""
    if result.after is None:
        return '<p class="doubt">The picture that was written is not there any more.</p>'
    step = max(1, -(-max(result.after.shape[:2]) // _LARGEST))
    after = result.after[::step, ::step].astype(np.float64)
    before = as_large(result.before, result.after.shape)
    before = None if before is None else before[::step, ::step].astype(np.float64)
    low, high = shown_range(after)
    shown = {"after": grey_levels(after, low, high)}
    if before is not None:
        shown = {"before": grey_levels(before, *(shown_range(before) if result.of_measurements else (low, high))), **shown}
    comparable = result.before is not None and result.before.shape == result.after.shape and not result.of_measurements
    if before is not None and comparable:
        removed = np.nan_to_num(before - after)
        spread = AMPLIFIED * float(removed.std()) or 1.0
        shown["removed"] = grey_levels(removed, -spread, spread)
    pictures = {name: f'<img id="{name}" class="{name}" alt="{name}" src="{embedded(levels)}">' for name, levels in shown.items()}
    first = pictures.get("before", "") + pictures["after"]
    if before is None:
        first = first.replace('class="after"', "")
    slider = '<input type="range" min="0" max="100" value="50" aria-label="before and after">' if before is not None else ""
    edge = '<div class="edge"></div>' if before is not None else ""
    first_one = "without a prior" if result.of_measurements else "before"
    captions = {"before": first_one, "after": "after", "removed": "what was removed, amplified"}
    crops = "".join(f'<figure><div data-of="{name}"></div><figcaption>{captions[name]}</figcaption></figure>' for name in shown)
    hidden = f"<div hidden>{pictures['removed']}</div>" if "removed" in pictures else ""
    note = f" (every {step}. pixel of a large picture)" if step > 1 else ""
    height, width = after.shape[:2]
    return (
        f'<h2>Before and after{note}</h2><div style="max-width: calc({_TALLEST} * {width / height:.3f})">'
        f'<div class="view">{first}{edge}<div class="frame"></div></div>{slider}</div>'
        f'<div class="crops">{crops}</div>{hidden}'
    )


def _picture(name: str, log: str, sha256: object, axes: str | None) -> Picture | None:
    """Read a picture by its name in a log, as it stands there or beside the log, if it still has the bytes that the log says."""
    for path in (name, os.path.join(os.path.dirname(log), os.path.basename(name))):
        try:
            if hash_of_image(path) == sha256:
                return open_image(path, tempfile.gettempdir(), axes)[0]
        except ImageError:
            continue
    return None


def _page(picture: Picture | None, number: int) -> Array | None:
    return picture.pages[number] if picture is not None and number < len(picture.pages) else None


def embedded(levels: NDArray[np.uint8]) -> str:
    """Return a picture as an address that holds it."""
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _rows(pairs: Sequence[tuple[str, object]]) -> str:
    return (
        '<table class="keys">'
        + "".join(f"<tr><td>{as_text(key)}</td><td>{as_text(value)}</td></tr>" for key, value in pairs)
        + "</table>"
    )


def _option(value: object) -> str:
    """Return what was chosen as text; generators and the optimiser are objects of several choices."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return "; ".join(map(_option, value)) if isinstance(value, list) else str(value)


def _shares(parts: Sequence[Record]) -> str:
    """Return a table of what a result was made from."""
    rows = [
        f"<tr><td>{as_text(story.part(part['name']))}</td><td>{part['weight']:.0%}{_decibels(part)}"
        f'<br><meter value="{part["weight"]:.3f}"></meter></td></tr>'
        for part in parts
    ]
    return f'<table class="shares">{"".join(rows)}</table>'


def _decibels(part: dict[str, float]) -> str:
    return f", {part['psnr']:.2f} dB" if part.get("psnr") is not None else ""


def as_text(value: object) -> str:
    """Return a value as text in HTML; the name of a file may be no text."""
    return html.escape(str(value).encode(errors="backslashreplace").decode())
