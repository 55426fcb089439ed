"""The presets: every choice of a restoration that is not the user's, as data.

Numbers without another origin were chosen by hand; what half and twice of those of `fast` and `balanced` do is in
`benchmarks/NOTES.md`, "Constants of the fits".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cgdenoise.errors import OptionError
from cgdenoise.fitting.optimiser import OptimiserSpec
from cgdenoise.fitting.plan import Preset
from cgdenoise.generators.spec import DecoderSpec, GeneratorSpec, HourglassSpec
from cgdenoise.names import GeneratorName

_TAPERED = {
    4: DecoderSpec((512, 256, 64, 16)),
    5: DecoderSpec((512, 256, 128, 64, 16)),
}
"""By depth. Textured images want 3 to 4 levels, smooth ones 5 to 6; few channels at full resolution, where they cost most, and a
wide coarse end. Both were measured ("Constants of the fits" in NOTES.md, "What each choice brought" in
`benchmarks/README.md`)."""


DD_O = DecoderSpec((512,) * 6, sigmoid=True, random_grid=False, early_normalisation=False, initial_scale=1.0, head_gain=1.0)
"""As published, with the numbers of the code of its denoising experiments (arXiv 1910.14634)."""

_PUBLISHED_ADAM = OptimiserSpec("adam", 0.01)
"""Of the paper's code for DD-O, and of the deep image prior."""

PRESETS = {
    # 50 iterations chose within 0.5 dB of the better depth, at an eighth of the time of full fits (`benchmarks/README.md`).
    "fast": Preset(generators=(_TAPERED[4], _TAPERED[5]), probe_iterations=30, members=1, max_iterations=120, patience=20),
    # What the generator is worth in the pilot of the groups it has after 30 to 85 iterations at one depth: two fits of 170
    # change 0.02 dB (`benchmarks/NOTES.md`, "Generators in the pilot").
    "balanced": Preset(generators=(_TAPERED[4],), probe_iterations=0, members=1, max_iterations=40, patience=30, guided=True),
    "best": Preset(
        generators=(_TAPERED[4],), probe_iterations=0, members=1, max_iterations=85, patience=30, guided=True, estimates=3
    ),
    # DD-O as published, with the numbers of the code of its denoising experiments: it holds nothing out and averages nothing.
    "paper": Preset(
        generators=(DD_O,),
        probe_iterations=0,
        members=1,
        max_iterations=1500,
        patience=0,
        optimiser=_PUBLISHED_ADAM,
        averaging=0.0,
        hold_out=0.0,
        stop="none",
        reduced_precision=False,
    ),
}

_WIDE = (
    DecoderSpec((256, 128, 64, 32)),
    DecoderSpec((256, 256, 128, 64, 32)),
    DecoderSpec((256, 256, 256, 128, 64, 32)),
)
"""Without noise there is more to express: twice the channels at full resolution are worth 0.4 dB where half of the pixels are
missing."""

RECONSTRUCTION = {
    "fast": replace(
        PRESETS["fast"], generators=_WIDE[:2], probe_iterations=60, max_iterations=250, patience=60, competition=True
    ),
    "balanced": replace(PRESETS["balanced"], generators=_WIDE[:2], members=2, max_iterations=130, patience=40, competition=True),
    "best": replace(PRESETS["balanced"], generators=_WIDE, members=6, max_iterations=800, patience=160, competition=True),
    "paper": PRESETS["paper"],
}
"""The same names for images that are measured through an operator, where fits converge more slowly. `balanced` gives what four
fits of 400 iterations at three depths gave, within 0.1 dB in the mean and 0.2 where 90 % are missing: groups of patches end much
alike wherever they begin (`benchmarks/NOTES.md`, "Fits through an operator"). The others' numbers are by hand; not measured."""


_SLOWER = 5
"""Iterations that published generators take with Adam for one of the preset's own: fits of a 64² photograph with noise were best
after 215 to 245 (`reproduce mse-curves --quick`), where the preset's own end after some 50."""


def with_generator(preset: Preset, name: str) -> Preset:
    """Return a preset that fits another generator, with its published optimiser, and everything else as it is.

    Parameters
    ----------
    preset : Preset
        Which.
    name : str
        "decoder" leaves it as it is. "dd-o" is the paper's DD-O, "hourglass" the network of the deep image prior (Ulyanov et al.,
        CVPR 2018); they take five times the iterations, but those of `paper`.

    Raises
    ------
    OptionError
        If there is no generator of that name.
    """
    if name not in list(GeneratorName):
        raise OptionError(f"generator {name!r}; expected one of {', '.join(GeneratorName)}")
    if name == GeneratorName.DECODER:
        return preset
    slower = 1 if preset.optimiser == _PUBLISHED_ADAM else _SLOWER
    specs: dict[str, tuple[GeneratorSpec, ...]] = {
        GeneratorName.DD_O: (DD_O,),
        GeneratorName.HOURGLASS: (HourglassSpec(),),
    }
    return replace(
        preset,
        generators=specs[name],
        probe_iterations=0,
        max_iterations=slower * preset.max_iterations,
        patience=slower * preset.patience,
        optimiser=_PUBLISHED_ADAM,
        reduced_precision=False,
    )


def preset_of(name: str | Preset, presets: Mapping[str, Preset] = PRESETS) -> Preset:
    """Return a preset by name; one that is a preset already is returned as it is.

    Raises
    ------
    OptionError
        If there is none of that name.
    """
    if isinstance(name, Preset):
        return name
    if name not in presets:
        raise OptionError(f"preset {name!r}; expected one of {', '.join(presets)}")
    return presets[name]


def within(
    preset: str | Preset, members: int | None, max_iterations: int | None, presets: Mapping[str, Preset] = PRESETS
) -> Preset:
    """Return a preset, by name perhaps, with another budget.

    Parameters
    ----------
    preset : str or Preset
        Which.
    members, max_iterations : int or None
        Fits that are averaged, and iterations of each at most; None leaves what the preset has.
    presets : mapping
        Of which names.

    Raises
    ------
    OptionError
        If there is none of that name, or a budget is below 1.
    """
    chosen = preset_of(preset, presets)
    for name, count in (("members", members), ("max_iterations", max_iterations)):
        if count is not None and count < 1:
            raise OptionError(f"{name} {count}; expected 1 or above")
    return replace(chosen, members=members or chosen.members, max_iterations=max_iterations or chosen.max_iterations)
