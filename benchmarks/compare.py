"""Other training-free methods beside cgdenoise, in one run: PSNR against seconds, on the same noisy images and cores.

    python benchmarks/compare.py                          # two crops from scikit-image; the table and benchmarks/compare.png
    python benchmarks/compare.py --images FOLDER --crop 256 --limit 4

cgdenoise is not told the noise level; all others are. The iterative rivals, the deep image prior with its authors' network
and settings (Ulyanov et al., CVPR 2018, arXiv 1711.10925) and deepinv's with its convolutional decoder, get as much time as
`balanced` took on the same image; the first is scored at its best averaged iterate by the clean image, which favours it.
BM3D (package bm3d) and deepinv are measured where they can be imported.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from compare_dip import hourglass
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from skimage.restoration import denoise_nl_means

import cgdenoise
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.runtime import available_cores, keep_freed_memory

Array = NDArray[np.float64]
Curve = list[tuple[float, float]]
"""Seconds and PSNR, in order; the last is the method's result."""


def score(restored: Array, clean: Array) -> float:
    return cgdenoise.psnr(np.clip(restored, 0, 1), clean, 1.0)


def fitted(preset: str, noisy: Array, clean: Array) -> Curve:
    start = time.perf_counter()
    curve: Curve = []
    watched = 0.0  # the observer's own time does not count

    def observe(snapshot: cgdenoise.Snapshot) -> None:
        nonlocal watched
        now = time.perf_counter()
        if not snapshot.label.probe:
            curve.append((now - start - watched, score(snapshot.image(), clean)))
        watched += time.perf_counter() - now

    restored = cgdenoise.denoise(noisy, preset=preset, progress=Hooks(observers=[observe])).image
    return [*curve, (time.perf_counter() - start - watched, score(restored, clean))]


def once(method: Callable[[Array], Array], noisy: Array, clean: Array) -> Curve:
    start = time.perf_counter()
    restored = method(noisy)
    return [(time.perf_counter() - start, score(restored, clean))]


def nonlocal_means(noisy: Array, clean: Array, sigma: float) -> Curve:
    """Return scikit-image's, with the filter strength that suits the clean image best."""

    def run(strength: float) -> Curve:
        settings = {"patch_size": 5, "patch_distance": 8, "h": strength * sigma, "sigma": sigma, "channel_axis": -1}
        return once(lambda image: denoise_nl_means(image, **settings), noisy, clean)

    return max((run(strength) for strength in (0.4, 0.5, 0.6, 0.8)), key=lambda curve: curve[-1][1])


def deep_image_prior(noisy: Array, clean: Array, seconds: float) -> Curve:
    """Return the averaged iterates (0.99) of the hourglass with skips, Adam 0.01, input noise 1/30."""
    torch.manual_seed(0)
    y = torch.tensor(noisy, dtype=torch.float32).permute(2, 0, 1)[None]
    network = hourglass(32, 3).to(memory_format=torch.channels_last)
    code = 0.1 * torch.rand(1, 32, *y.shape[2:])
    adam = torch.optim.Adam(network.parameters(), lr=0.01)
    average, curve, spent, next_score = None, [], 0.0, 0.0
    while spent < seconds:
        start = time.perf_counter()
        image = network(code + torch.randn_like(code) / 30)
        average = image.detach() if average is None else 0.99 * average + 0.01 * image.detach()
        adam.zero_grad()
        (image - y).square().mean().backward()
        adam.step()
        spent += time.perf_counter() - start
        if spent >= next_score:
            curve.append((spent, score(average[0].permute(1, 2, 0).double().numpy(), clean)))
            next_score = spent + seconds / 40
    return [*curve, (spent, max(quality for _, quality in curve))]


def deepinv_decoder(noisy: Array, clean: Array, sigma: float, seconds: float) -> Curve:
    import deepinv

    y = torch.tensor(noisy, dtype=torch.float32).permute(2, 0, 1)[None]
    physics = deepinv.physics.Denoising(deepinv.physics.GaussianNoise(sigma))

    def run(iterations: int) -> tuple[float, Array]:
        torch.manual_seed(0)
        start = time.perf_counter()
        decoder = deepinv.models.ConvDecoder(img_size=y.shape[1:], in_size=(4, 4))
        prior = deepinv.models.DeepImagePrior(decoder, img_size=(256, 4, 4), iterations=iterations, learning_rate=1e-2)
        restored = prior(y, physics)
        return time.perf_counter() - start, restored[0].detach().permute(1, 2, 0).double().numpy()

    one = run(3)[0] / 3
    spent, restored = run(max(1, int(seconds / one)))
    return [(spent, score(restored, clean))]


def compare(noisy: Array, clean: Array, sigma: float) -> Iterator[tuple[str, Curve]]:
    yield "cgdenoise fast", fitted("fast", noisy, clean)
    balanced = fitted("balanced", noisy, clean)
    yield "cgdenoise balanced", balanced
    seconds = balanced[-1][0]
    yield "deep image prior, at its best", deep_image_prior(noisy, clean, seconds)
    yield "non-local means, at its best", nonlocal_means(noisy, clean, sigma)
    try:
        yield "deepinv's decoder", deepinv_decoder(noisy, clean, sigma, seconds)
    except ImportError:
        print("(deepinv is not installed)")
    try:
        import bm3d

        yield "BM3D", once(lambda image: bm3d.bm3d_rgb(image, sigma), noisy, clean)
    except ImportError:
        print("(bm3d is not installed)")


def pictures(folder: Path | None, crop: int, limit: int) -> dict[str, Array]:
    if folder is None:
        return {"astronaut": data.astronaut()[:256, 96:352] / 255, "coffee": data.coffee()[100:356, 200:456] / 255}
    found = {}
    for path in sorted(folder.iterdir())[:limit]:
        image = np.asarray(Image.open(path).convert("RGB"), np.float64) / 255
        top, left = (max(side - crop, 0) // 2 for side in image.shape[:2])
        found[path.stem] = image[top : top + crop, left : left + crop]
    return found


def draw(curves: dict[str, list[Curve]], path: Path) -> None:
    """Draw the first image's curves, and the single results as points."""
    figure = Figure(figsize=(7, 4.2), dpi=90)
    axes = figure.add_subplot(xlabel="seconds", ylabel="PSNR, dB", xscale="log", title="PSNR against seconds, first image")
    for name, of_images in curves.items():
        seconds, quality = zip(*of_images[0], strict=True)
        line = axes.plot(seconds[:-1], quality[:-1], alpha=0.8)[0] if len(seconds) > 1 else None
        axes.plot(seconds[-1], quality[-1], "o", color=line.get_color() if line else None, label=name)
    axes.set_ylim(bottom=5)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1))
    FigureCanvasAgg(figure).print_figure(path, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--limit", type=int, default=4)
    parser.add_argument("--sigma", type=float, default=25, help="of 255")
    parser.add_argument("--plot", type=Path, default=Path(__file__).with_name("compare.png"))
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(available_cores())
    sigma = arguments.sigma / 255
    curves: dict[str, list[Curve]] = {}
    for number, (name, clean) in enumerate(pictures(arguments.images, arguments.crop, arguments.limit).items()):
        noisy = clean + sigma * np.random.default_rng([0, number]).standard_normal(clean.shape)
        for method, curve in compare(noisy, clean, sigma):
            curves.setdefault(method, []).append(curve)
            print(f"{name}: {method}: {curve[-1][1]:.2f} dB, {curve[-1][0]:.1f} s", flush=True)
    print("\n| mean | PSNR, dB | seconds |\n| --- | --- | --- |")
    for method, of_images in curves.items():
        seconds, quality = np.mean([curve[-1] for curve in of_images], axis=0)
        print(f"| {method} | {quality:.2f} | {seconds:.1f} |")
    draw(curves, arguments.plot)


if __name__ == "__main__":
    main()
