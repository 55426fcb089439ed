"""What commands share is declared once, and every command that makes an image has all of it."""

import inspect
from dataclasses import fields
from typing import Annotated, get_type_hints

import pytest
import typer

from cgdenoise.cli import app
from cgdenoise.cli.options import SharedOptions, with_shared_options
from cgdenoise.names import DeviceName, PresetName, StopName

NAMES = {field.name for field in fields(SharedOptions)} - {"arguments"}
MAKERS = [app.denoise, app.inpaint, app.deblur, app.upscale, app.cs, app.mri, app.ct]


@pytest.mark.parametrize("command", MAKERS, ids=lambda command: command.__name__)
def test_a_command_lists_no_shared_option_and_its_help_has_them_all(cli, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "300")
    assert not NAMES & set(inspect.signature(command.__wrapped__).parameters)
    words = cli(command.__name__, "--help").out.split()
    assert {"--" + name.replace("_", "-") for name in NAMES} | {"-o", "-q"} <= set(words)


@pytest.mark.parametrize("command", [app.info, app.noise, app.plot], ids=lambda command: command.__name__)
def test_an_option_of_another_command_is_declared_as_the_shared_one_of_that_name(command):
    shared = get_type_hints(SharedOptions, include_extras=True)
    own = get_type_hints(command, include_extras=True)
    assert own.keys() & NAMES - {"output", "log"}  # plot's are a drawing, and what it draws
    for name in own.keys() & NAMES - {"output", "log"}:
        assert own[name] == shared[name]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("denoise", "Output file, folder (made if need be), or - for standard output."),
        ("deblur", "Output file, folder (made if need be), or - for standard output."),
        ("cs", "Picture; the array lies beside it."),
        ("mri", "Picture; the array lies beside it."),
    ],
)
def test_help_says_what_the_output_of_a_command_is(cli, monkeypatch, command, told):
    monkeypatch.setenv("COLUMNS", "300")
    assert told in cli(command, "--help").out


@pytest.fixture
def seen():
    return []


@pytest.fixture
def run(seen):
    """Run a command of two options of its own besides the shared ones."""

    @with_shared_options()
    def command(
        image: str,
        gain: Annotated[float, typer.Option()] = 1.0,
        *,
        shared: SharedOptions,
    ) -> None:
        seen.append((image, gain, shared))

    program = typer.Typer()
    program.command()(command)
    return lambda *args: program(args, standalone_mode=False)


def test_defaults_are_those_of_the_declaration(run, seen):
    run("a.png")
    assert seen == [("a.png", 1.0, SharedOptions())]
    assert (SharedOptions().preset, SharedOptions().device, SharedOptions().seed) == ("balanced", "auto", 0)


def test_values_arrive_in_the_declared_types(run, seen):
    run("a.png", "--gain", "2", "-o", "b.png", "--force", "--preset", "fast", "--members", "3", "--max-iterations", "9",
        "--seed", "4", "--device", "cpu", "--threads", "2", "--reference", "c.png", "--stop", "none", "--hold-out", "0.1",
        "--report", "d.html", "--json", "-q")  # fmt: skip
    ((image, gain, shared),) = seen
    assert (image, gain) == ("a.png", 2.0)
    assert shared == SharedOptions(
        "b.png", "_restored", True, PresetName.FAST, 3, 9, StopName.NONE, 0.1, 4, DeviceName.CPU, 2, "c.png", "d.html", True, True
    )
    decisive = ("--gain 2.0 --preset fast --members 3 --max-iterations 9 --stop none --hold-out 0.1 --seed 4 --device cpu "
                "--threads 2 --reference c.png")  # fmt: skip
    assert shared.arguments == tuple(decisive.split())
    assert isinstance(shared.preset, PresetName)


def test_help_of_one_command_is_not_that_of_another():
    @with_shared_options(output="Two pictures.")
    def pair(*, shared: SharedOptions) -> None: ...

    @with_shared_options()
    def single(*, shared: SharedOptions) -> None: ...

    def told(command):
        return inspect.signature(command).parameters["output"].annotation.__metadata__[0].help

    assert told(pair) == "Two pictures."
    assert told(single).startswith("Output file, folder (made if need be), or - for standard output.")
