"""`cgdenoise info`: say how files will be read, and what to expect."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from cgdenoise.cli.options import Json, Threads
from cgdenoise.cli.output import emit, emit_json, fail
from cgdenoise.errors import CgDenoiseError


def info(
    inputs: Annotated[list[str], typer.Argument(metavar="FILE...", help="Images: PNG, JPEG, TIFF or NPY.")],
    json: Json = False,
    threads: Threads = None,
) -> None:
    """Say how a file will be read: shape, depth, range, metadata, noise level, and the time a restoration will take at most.

    The time is measured: a few iterations on an image of that size.
    """
    from cgdenoise.runtime import prepare_process

    prepare_process(threads)
    failed = False
    for name in inputs:
        try:
            facts = _facts(name)
        except CgDenoiseError as error:
            fail(str(error))
            failed = True
            continue
        if json:
            emit_json(facts)
        else:
            emit(_text(facts))
    if failed:
        sys.exit(1)


def _facts(name: str) -> dict[str, Any]:
    import numpy as np

    from cgdenoise.errors import ImageError
    from cgdenoise.estimate import seconds_at_most
    from cgdenoise.images import read_image
    from cgdenoise.noise import estimate_sigma
    from cgdenoise.scaling import check_image

    picture = read_image(name)
    page = picture.pages[0]
    try:
        values = check_image(page)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error
    metadata = picture.metadata
    return {
        "input": name,
        "container": picture.container,
        "pages": len(picture.pages),
        "height": page.shape[0],
        "width": page.shape[1],
        "channels": 1 if page.ndim == 2 else page.shape[2],
        "dtype": str(picture.dtype),
        "alpha": picture.alpha is not None,
        "minimum": float(np.nanmin(values)),
        "maximum": float(np.nanmax(values)),
        "missing": int(np.isnan(values).any(axis=2).sum()),
        "icc_profile_bytes": len(metadata.icc_profile or b""),
        "exif_bytes": len(metadata.exif or b""),
        "dpi": metadata.dpi,
        "sigma": estimate_sigma(values),
        "seconds_at_most": {
            preset: seconds_at_most(preset, (page.shape[0], page.shape[1]), values.shape[2]) * len(picture.pages)
            for preset in ("fast", "balanced")
        },
    }


def _text(facts: dict[str, Any]) -> str:
    kind = {1: "grey", 3: "RGB"}.get(facts["channels"], f"{facts['channels']} channels")
    pages = f", {facts['pages']} pages, of which the first" if facts["pages"] > 1 else ""
    kept = [
        f"ICC profile ({facts['icc_profile_bytes']} bytes)" if facts["icc_profile_bytes"] else "",
        f"EXIF ({facts['exif_bytes']} bytes)" if facts["exif_bytes"] else "",
        "{:g} x {:g} dpi".format(*(round(value, 1) for value in facts["dpi"])) if facts["dpi"] else "",
        "alpha, carried over unchanged" if facts["alpha"] else "",
    ]
    time = ", ".join(f"{preset} {seconds:.0f} s" for preset, seconds in facts["seconds_at_most"].items())
    missing = f"\n  missing    {facts['missing']} pixels, which will be filled" if facts["missing"] else ""
    return (
        f"{facts['input']}: {facts['container'].upper()}{pages}\n"
        f"  pixels     {facts['width']} x {facts['height']}, {kind}, {facts['dtype']}\n"
        f"  values     {facts['minimum']:g} to {facts['maximum']:g}{missing}\n"
        f"  metadata   {', '.join(filter(None, kept)) or 'none'}\n"
        f"  noise      about {facts['sigma']:.3g} grey levels (standard deviation)\n"
        f"  time       at most {time}"
    )
