"""`cgdenoise info`: say how files will be read, and what to expect."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cgdenoise.cli.axes import Axes, checked_axes
from cgdenoise.cli.errors import Failures
from cgdenoise.cli.options import Inputs, Json, Threads
from cgdenoise.cli.output import emit, emit_json
from cgdenoise.cli.progress import waiting
from cgdenoise.cli.streams import expanded, read_input

if TYPE_CHECKING:
    from numpy.typing import NDArray


_SAMPLE = 1024
"""Side of the part of an image in which the noise is measured. By hand: it has more patches than the estimate uses of any image
(`noise.estimate._MAX_VALUES`)."""


def info(
    inputs: Inputs,
    axes: Axes = None,
    json: Json = False,
    threads: Threads = None,
) -> None:
    """Say how files will be read: shape, depth, range, metadata, noise level, and the time a restoration will take at most.

    The time is measured: a few iterations on an image of that size or, if it is large, on smaller ones; the noise of a large
    image is measured in its centre.
    """
    axes = checked_axes(axes)
    from cgdenoise.jobs.found import called
    from cgdenoise.runtime import prepare_process

    prepare_process(threads)
    failures = Failures(json)
    for name in expanded(inputs, failures):
        with failures.noted(name):
            with waiting("measuring time", name):
                facts = _facts(name, axes)
            if json:
                emit_json(facts)
            else:
                emit(_text(called(name), facts))
    sys.exit(failures.code)


def _facts(source: str, axes: str | None) -> dict[str, Any]:
    from cgdenoise.jobs.found import called
    from cgdenoise.reading import about
    from cgdenoise.restoration.duration import seconds_at_most

    picture, _ = read_input(source, axes)
    page = picture.pages[0]
    with about(called(source)):
        contents = _contents(page)
    metadata = picture.metadata
    height, width = page.shape[:2]
    channels = 1 if page.ndim == 2 else page.shape[2]
    seconds = seconds_at_most(("fast", "balanced"), (height, width), channels)
    from cgdenoise.fitlog.records import FORMAT

    return {
        "format": FORMAT,
        "input": source,
        "container": picture.container,
        "pages": len(picture.pages),
        "height": height,
        "width": width,
        "channels": channels,
        "dtype": str(picture.dtype),
        "alpha": picture.alpha is not None,
        **contents,
        "icc_profile_bytes": len(metadata.icc_profile or b""),
        "exif_bytes": len(metadata.exif or b""),
        "dpi": metadata.dpi,
        "seconds_at_most": {preset: of_a_page * len(picture.pages) for preset, of_a_page in seconds.items()},
    }


def _contents(page: NDArray[Any]) -> dict[str, Any]:
    """Return what the pixels say, and in how large a part from the middle the noise was measured."""
    import numpy as np

    from cgdenoise.noise import estimate_sigma
    from cgdenoise.restoration.units import Layout, check_image, check_large_image

    # Only the middle in float64, of which the whole may take gigabytes.
    values = Layout.of(page, -1).view(page)
    check_large_image(values)
    first = [max(0, (side - _SAMPLE) // 2) for side in values.shape[:2]]
    centre = check_image(values[first[0] : first[0] + _SAMPLE, first[1] : first[1] + _SAMPLE])
    return {
        "minimum": float(np.nanmin(page)),
        "maximum": float(np.nanmax(page)),
        "missing": int(np.isnan(values).any(axis=2).sum()) if values.dtype.kind == "f" else 0,
        "sigma": estimate_sigma(centre),
        "sample": centre.shape[:2],
    }


def _text(name: str, facts: dict[str, Any]) -> str:
    kind = {1: "grey", 3: "RGB"}.get(facts["channels"], f"{facts['channels']} channels")
    pages = f", {facts['pages']} pages, of which the first" if facts["pages"] > 1 else ""
    carried = [
        f"ICC profile ({facts['icc_profile_bytes']} bytes)" if facts["icc_profile_bytes"] else "",
        f"EXIF ({facts['exif_bytes']} bytes)" if facts["exif_bytes"] else "",
        "{:g} x {:g} dpi".format(*(round(value, 1) for value in facts["dpi"])) if facts["dpi"] else "",
        "alpha, carried over unchanged" if facts["alpha"] else "",
    ]
    time = ", ".join(f"{preset} {seconds:.0f} s" for preset, seconds in facts["seconds_at_most"].items())
    whole = facts["sample"] == (facts["height"], facts["width"])
    part = "" if whole else ", in the central {1} x {0} pixels".format(*facts["sample"])
    scaled = "" if whole else ", told from smaller images"
    missing = f"\n  missing    {facts['missing']} pixels, which will be filled" if facts["missing"] else ""
    return (
        f"{name}: {facts['container'].upper()}{pages}\n"
        f"  pixels     {facts['width']} x {facts['height']}, {kind}, {facts['dtype']}\n"
        f"  values     {facts['minimum']:g} to {facts['maximum']:g}{missing}\n"
        f"  metadata   {', '.join(filter(None, carried)) or 'none'}\n"
        f"  noise      about {facts['sigma']:.3g} grey levels (standard deviation){part}\n"
        f"  time       at most {time}{scaled}"
    )
