"""What `--help` and the manual pages end with: commands to start from. Their files are those of docs/tools/samples.py."""

from __future__ import annotations

EXAMPLES = {
    "denoise": (
        "cgdenoise denoise photo.png",
        "cgdenoise denoise photo.png -o clean.png --report clean.html",
        "cgdenoise denoise cells.tif --noise poisson --gain 2.1 --offset 100",
        "cgdenoise denoise frames/ -o restored/ --jobs 2 --on-exists skip",
    ),
    "inpaint": (
        "cgdenoise inpaint scratched.png --mask keep.png",
        "cgdenoise inpaint field_bad.npy   # NaN is missing",
    ),
    "deblur": (
        "cgdenoise deblur shaken.png --psf motion:9,0",
        "cgdenoise deblur moon.png --psf unknown",
    ),
    "upscale": ("cgdenoise upscale small.png --factor 2",),
    "cs": (
        "cgdenoise cs y.npy --matrix A.npy --shape 64,64",
        "cgdenoise cs --simulate target.png --operator fourier --ratio 0.25",
        "cgdenoise cs --example FOLDER   # files to try it with, and their commands",
    ),
    "mri": (
        "cgdenoise mri scan.npy",
        "cgdenoise mri spokes.npy --trajectory trajectory.npy   # off the grid",
        "cgdenoise mri --simulate phantom.png --coils 8 --ratio 0.25",
    ),
    "ct": (
        "cgdenoise ct sinogram.npy --angles 0:180:60",
        "cgdenoise ct --simulate phantom.png --angles 0:180:30 -o thirty.png",
    ),
    "plot": ("cgdenoise plot photo_denoised.fit.jsonl -o curves.pdf",),
    "report": (
        "cgdenoise report photo_denoised.fit.jsonl",
        "cgdenoise report restored/*.fit.jsonl -o pages   # with an index",
    ),
    "compare": ("cgdenoise compare photo_denoised.png photo_clean.png",),
    "info": ("cgdenoise info photo.png cells.tif",),
    "noise": (
        "cgdenoise noise photo.png",
        "cgdenoise noise cells_1.tif --noise-from cells_2.tif --save-noise camera.json",
    ),
    "status": ("cgdenoise status night.jsonl   # of a batch with --journal night.jsonl",),
    "reproduce": ("cgdenoise reproduce --list", "cgdenoise reproduce compressive-sensing --quick"),
    "doctor": ("cgdenoise doctor",),
    "config": ("cgdenoise config denoise",),
    "man": ("cgdenoise man denoise | man -l -",),
}
"""By the names of the commands."""


PROGRAM = ("cgdenoise denoise photo.png", "cgdenoise denoise --help")
"""Of the program's own help."""


def epilog(lines: tuple[str, ...]) -> str:
    """Return what a help ends with."""
    return "\n".join(["Examples:", *lines])
