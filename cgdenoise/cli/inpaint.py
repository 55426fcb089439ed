"""`cgdenoise inpaint`: fill missing pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.cli.options import ExactSigma, SharedOptions, with_shared_options
from cgdenoise.cli.run import Task, beside, picture_task, run
from cgdenoise.errors import OptionError

if TYPE_CHECKING:
    from cgdenoise.images import Picture

_MOST_MISSING = 0.5
"""Share of missing pixels above which a mask may well be inverted, and the user is warned. By hand."""


@with_shared_options()
def inpaint(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="PNG, JPEG, TIFF or NPY.")],
    mask: Annotated[
        str | None,
        typer.Option(
            help="Image or array of the same size: white (or 1) is kept, black (or 0) is missing. Without: what is transparent, "
            "or NaN."
        ),
    ] = None,
    invert: Annotated[bool, typer.Option("--invert", help="White is missing instead.")] = False,
    sigma: ExactSigma = 0.0,
    *,
    shared: SharedOptions,
) -> None:
    """Fill the missing pixels of an image; the others stay as they are, unless --sigma says that they are noisy.

    NaN in a float file is missing too, and without --mask what is transparent, which then becomes opaque. Size, bit depth, range,
    alpha (but for that) and metadata stay as they are.
    """
    if invert and mask is None:
        raise OptionError("--invert without --mask")
    target = beside(image, shared.output, "_inpainted")

    def read() -> Task:
        from cgdenoise.jobs.inputs import read_mask
        from cgdenoise.jobs.pictures import filled, visible
        from cgdenoise.problems import LinearProblem, inpainting

        def pose(picture: Picture) -> LinearProblem:
            page = picture.pages[0]
            height, width = page.shape[:2]
            keep = visible(picture) if mask is None else read_mask(mask, (height, width), invert)
            problem = inpainting(page, keep, sigma)
            if problem.missing is not None and problem.missing > _MOST_MISSING:
                hint = f"; if the mask means the others, {'leave out' if invert else 'use'} --invert" if mask else ""
                problem = replace(problem, warnings=(f"{problem.missing:.1%} of the pixels are missing{hint}",))
            return problem

        def result(picture: Picture) -> Picture:
            return filled(picture) if mask is None else picture

        return picture_task(image, target, pose, {"mask": mask, "invert": invert}, result)

    run("inpaint", [target], [image, mask], shared, read)
