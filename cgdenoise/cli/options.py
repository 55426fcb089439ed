"""Options that several commands share, so that one name means one thing."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer
from typer.models import OptionInfo

from cgdenoise.errors import OptionError
from cgdenoise.names import DeviceName, PresetName, StopName

if TYPE_CHECKING:
    from cgdenoise.fitting.plan import Preset
    from cgdenoise.jobs.options import Options

Inputs = Annotated[
    list[str],
    typer.Argument(metavar="FILE", help="Images (PNG, JPEG, TIFF, NPY, FITS, ...), or folders of them. - is standard input."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an output that exists.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per result on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors (and JSON, if asked for).")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads. All that the process may use if not given.")]
Offset = Annotated[
    float | None,
    typer.Option(
        help="Value of a pixel without any light, for Poisson noise, in the file's own grey levels. Estimated if not given."
    ),
]
Sigma = Annotated[
    float | None,
    typer.Option(min=0, help="Noise level (standard deviation) in the file's own grey levels. Estimated if not given."),
]
NoiseFile = Annotated[
    str | None,
    typer.Option(help="The law of the noise, as noise --save-noise has written it; nothing is estimated.", metavar="LAW.json"),
]
NoiseFrom = Annotated[
    str | None,
    typer.Option(help="A second exposure of the same scene: the noise is measured in the difference.", metavar="SECOND"),
]
Dark = Annotated[
    str | None,
    typer.Option(
        help="Dark frames, one a page: they tell the offset and the read noise of a detector that counts.", metavar="FILE"
    ),
]
CertainSigma = Annotated[
    float | None,
    typer.Option(
        "--sigma",
        min=0,
        help="Noise level (standard deviation) in the file's own grey levels; 0 for none. Not given: estimated; 0 if it may "
        "be texture.",
    ),
]


def parse_bytes(text: str) -> int:
    """Return the number of bytes that a text such as 2GB, 1.5 GiB or 800M stands for.

    Raises
    ------
    OptionError
        If it is no size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?\s*", text, re.IGNORECASE)
    if match is None:
        raise OptionError(f"size {text!r}; expected a number with a unit, as 2GB, 1.5GiB or 800M")
    number, prefix, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmgt".index(prefix.lower() or " "))


@dataclass(frozen=True)
class SharedOptions:
    """The options of every command that makes an image; `with_shared_options` gives them to one."""

    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Output file, folder (made if need be), or - for standard output. Beside the input if not given.",
        ),
    ] = None
    suffix: Annotated[str, typer.Option(help="What is added to an input's name to make the output's.")] = "_restored"
    force: Force = False
    preset: Annotated[
        PresetName, typer.Option(help="fast, balanced, best, or paper: the method as published.", metavar="NAME")
    ] = PresetName.BALANCED
    members: Annotated[int | None, typer.Option(min=1, max=64, help="Fits to average. More are better and slower.")] = None
    max_iterations: Annotated[int | None, typer.Option(min=1, help="Budget of each fit.")] = None
    stop: Annotated[
        StopName | None,
        typer.Option(
            help="Stop by held-out values (holdout), when the residual reaches the noise level (noise-level), or not before the "
            "budget ends (none).",
            metavar="RULE",
        ),
    ] = None
    hold_out: Annotated[
        float | None, typer.Option(min=0, max=0.5, help="Share of the values held out: 0.05 if not given, 0 in paper.")
    ] = None
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers: the same seed gives the same result.")] = 0
    device: Annotated[DeviceName, typer.Option(help="Where to compute.")] = DeviceName.AUTO
    threads: Threads = None
    reference: Annotated[
        str | None, typer.Option(help="Clean image to compare with: adds PSNR and SSIM to the log, never touches the fit.")
    ] = None
    report: Annotated[
        str | None,
        typer.Option(
            help="Web page of the result: before and after, what was removed, why. Of several, an index.", metavar="HTML"
        ),
    ] = None
    json: Json = False
    quiet: Quiet = False
    log: Annotated[
        str | None,
        typer.Option(help="Where the log of the fit goes: a file, or a folder. Beside the output if not given.", metavar="PATH"),
    ] = None
    no_log: Annotated[bool, typer.Option("--no-log", help="Write no log.")] = False
    side_by_side: Annotated[
        str | None,
        typer.Option(help="Picture of before, after and what was removed. Of several inputs, a folder of them.", metavar="PNG"),
    ] = None
    arguments: tuple[str, ...] = field(default=(), compare=False)
    """No option: those that were given and decide the result, as one would type them again."""

    def __post_init__(self) -> None:
        if self.no_log and self.log is not None:
            raise OptionError("--log with --no-log; expected one of them")
        if self.no_log and self.report is not None:
            raise OptionError("--report with --no-log; expected one of them")


_OF_ONE_RUN = (
    *(
        "output",
        "suffix",
        "force",
        "report",
        "json",
        "quiet",
        "log",
        "no_log",
        "side_by_side",
        "from_file",
        "null",
        "on_exists",
        "shard",
    ),
    *("jobs", "scheduler", "journal", "save_measurements"),
)
"""Parameters that say where from and where to, and what is shown: a result is made again without them."""


def drawing_kind(path: str) -> str:
    """Return the format of a drawing by its name: "png", "svg" or "pdf".

    Raises
    ------
    OptionError
        If it is none of these.
    """
    suffix = Path(path).suffix
    if suffix.lower() not in (".png", ".svg", ".pdf"):
        raise OptionError(f"suffix {suffix!r}; expected .png, .svg or .pdf", path)
    return suffix.lower().removeprefix(".")


def check_noise_files(noise_file: str | None, noise_from: str | None, dark: str | None, offset: float | None) -> None:
    """Refuse files that tell the same of the noise, and an offset that one of them tells.

    Raises
    ------
    OptionError
        If so.
    """
    if noise_file is not None:
        others = {"--noise-from": noise_from, "--dark": dark, "--offset": offset}
        if told := [name for name, value in others.items() if value is not None]:
            raise OptionError(f"--noise-file with {told[0]}; expected one of them")
    if dark is not None and offset is not None:
        raise OptionError("--dark with --offset; expected one of them")


def with_shared_options(
    output: str | None = None, suffix: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command whose parameters are groups of options, `SharedOptions` and others, an option for each of their fields.

    Parameters
    ----------
    output : str, optional
        Help of --output, for a command that writes something other than one picture.
    suffix : str, optional
        Default of --suffix.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        declared = inspect.signature(command, eval_str=True).parameters.values()
        groups: dict[str, Any] = {
            parameter.name: parameter.annotation for parameter in declared if is_dataclass(parameter.annotation)
        }
        options = {name: _options_of(group, output, suffix) for name, group in groups.items()}
        own = [parameter for parameter in declared if parameter.name not in groups]

        @functools.wraps(command)
        def wrapper(**given: Any) -> None:
            arguments = _arguments(shown, given)
            gathered = {name: group(**{o.name: given.pop(o.name) for o in options[name]}) for name, group in groups.items()}
            gathered = {
                name: replace(group, arguments=arguments) if isinstance(group, SharedOptions) else group
                for name, group in gathered.items()
            }
            command(**given, **gathered)

        # Typer reads both: an option is what the signature names, of the type that the annotations resolve to.
        shown = [*own, *(option for group in options.values() for option in group)]
        wrapper.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {option.name: option.annotation for option in shown}
        return wrapper

    return decorate


def _options_of(group: Any, output: str | None, suffix: str | None) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    defaults = {field.name: field.default for field in fields(group) if field.name != "arguments"}
    if output is not None and "output" in hints:
        hints["output"] = _with_help(hints["output"], output)
    if suffix is not None and "suffix" in hints:
        defaults["suffix"] = suffix
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[name])
        for name, default in defaults.items()
    ]


def _arguments(parameters: Sequence[inspect.Parameter], given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options that were given and decide the result, as words of a command line."""
    words: list[str] = []
    for parameter in parameters:
        value, declared = given[parameter.name], next(iter(get_args(parameter.annotation)[1:]), None)
        if value == parameter.default or parameter.name in _OF_ONE_RUN or not isinstance(declared, OptionInfo):
            continue
        flags = [flag for flag in declared.param_decls or () if flag.startswith("--")]
        flag = flags[0] if flags else f"--{parameter.name.replace('_', '-')}"
        values = value if isinstance(value, list | tuple) else [value]
        words += [flag] if value is True else [word for item in values for word in (flag, str(item))]
    return tuple(words)


def _with_help(option: Any, text: str) -> Any:
    kind, declared = get_args(option)
    option_info = copy(declared)
    option_info.help = text
    return Annotated[kind, option_info]


def prepare(command: str, shared: SharedOptions, presets: Mapping[str, Preset], at_once: int = 1) -> Options:
    """Set up the process, its allocator, threads and device; return the shared options as the jobs of a command take them.

    Of several jobs at once each has its share of the threads, unless the user says how many.

    Raises
    ------
    OptionError
        If the device is absent, which is a matter of usage, not of each file.
    """
    import torch

    from cgdenoise.jobs.options import Options
    from cgdenoise.noise.known import KnownNoise
    from cgdenoise.restoration.presets import within
    from cgdenoise.runtime import choose_device, prepare_process

    prepare_process(shared.threads)
    choose_device(shared.device)
    base = within(shared.preset, shared.members, shared.max_iterations, presets)
    chosen = replace(
        base,
        stop=base.stop if shared.stop is None else str(shared.stop),
        hold_out=base.hold_out if shared.hold_out is None else shared.hold_out,
    )
    if chosen.stop == StopName.HOLDOUT and chosen.hold_out == 0:
        raise OptionError("--stop holdout without held-out values; expected --hold-out above 0")
    threads = torch.get_num_threads() if at_once == 1 else shared.threads or max(1, torch.get_num_threads() // at_once)
    options = Options(command, chosen, str(shared.preset), KnownNoise(), shared.seed, str(shared.device), threads)
    return replace(options, arguments=shared.arguments, at_once=at_once)
