"""Denoise an array from Python, and watch the fit: python examples/denoise_array.py [IMAGE]."""

import sys
from pathlib import Path

import cgdenoise

source = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("noisy.png"))
picture = cgdenoise.read_image(source)
cgdenoise.keep_freed_memory()  # half the time on Linux; see its docstring


def watch(snapshot: cgdenoise.Snapshot) -> None:
    """Say how the held-out error comes down."""
    if snapshot.iteration % 50 == 0:
        print(f"fit {snapshot.label.index + 1}, iteration {snapshot.iteration}: held-out error {snapshot.held_out_rms:.2f}")


# progress=True draws a bar; hooks see more.
result = cgdenoise.denoise(picture.pages[0], preset="fast", progress=cgdenoise.Hooks(observers=[watch]))
print(f"noise {result.sigma:.1f} grey levels (estimated), depth {result.depth}, {result.seconds:.0f} s")

output = source.with_name(f"{source.stem}_from_python.png")
cgdenoise.write_image(output, picture.with_pages([result.image]))
print(f"wrote {output}")
