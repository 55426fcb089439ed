"""Options from the environment and a file: a flag goes before a variable, that before the file, the file before a default."""

from __future__ import annotations

import difflib
import functools
import inspect
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from cgdenoise.errors import OptionError
from cgdenoise.reading import reading

FILE = "cgdenoise.toml"
"""Read if it is in the working folder."""

PREFIX = "CGDENOISE_"
"""Of variables: the option --max-iterations is CGDENOISE_MAX_ITERATIONS."""

_NO_OPTIONS = ("DEBUG", "CONFIG")
"""Variables that are about the whole program: `cli.errors`, and the file itself."""

_INSTEAD = {
    "force": ("on_exists",),
    "on_exists": ("force",),
    "log": ("no_log",),
    "no_log": ("log", "report"),
    "report": ("no_log",),
    "noise_file": ("noise_from", "dark", "sigma", "noise", "gain", "offset"),
    "noise_from": ("noise_file", "sigma", "noise", "gain"),
    "dark": ("noise_file", "sigma", "noise", "offset"),
}
"""What a flag contradicts: it holds, and they go back to their defaults, unless they are flags themselves."""


@dataclass(frozen=True)
class Setting:
    """An option's value, and where it comes from: a variable or a file, by name; None for the default."""

    value: object
    source: str | None


def options_of(command: TyperCommand) -> dict[str, TyperOption]:
    """Return the options of a command that can be set, by the names of their parameters."""
    options = [option for option in command.params if isinstance(option, TyperOption)]
    return {option.name: option for option in options if option.name and not option.is_eager and option.name != "help"}


def settings_of(context: typer.Context, group: TyperGroup, name: str, file: str | None) -> dict[str, Setting]:
    """Return what holds for each option of a command where there is no flag.

    Parameters
    ----------
    context : typer.Context
        Of the command that runs.
    group : TyperGroup
        All commands.
    name : str
        Of the command.
    file : str or None
        Of the TOML file; without it the one in the working folder, if there is one.

    Raises
    ------
    OptionError
        If the file cannot be read, or names an option that there is not; or a value is none of the option's.
    """
    commands = {each: options_of(command) for each, command in group.commands.items() if isinstance(command, TyperCommand)}
    found = {key: Setting(option.default, None) for key, option in commands[name].items()}
    path = file or os.environ.get(f"{PREFIX}CONFIG") or (FILE if os.path.lexists(FILE) else None)
    told: list[tuple[str, str, str, object]] = []
    if path is not None:
        told += [(key, path, shown, value) for key, shown, value in _in_file(path, commands, name)]
    told += [(key, "environment", f"{PREFIX}{key.upper()}", os.environ.get(f"{PREFIX}{key.upper()}", "")) for key in found]
    for key, place, shown, value in told:
        if value != "":
            source = shown if place == "environment" else path
            found[key] = Setting(_converted(context, commands[name][key], value, place, shown), source)
    return found


def unknown_variables(group: TyperGroup) -> list[str]:
    """Return variables of the environment that look like options, and are none of any command."""
    commands = [options_of(command) for command in group.commands.values() if isinstance(command, TyperCommand)]
    known = {f"{PREFIX}{key.upper()}" for options in commands for key in options} | {f"{PREFIX}{key}" for key in _NO_OPTIONS}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --config, and its other options their values from there and from the environment."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())
    config = inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=CONFIG_OPTION)
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    positions = [own_one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for own_one in own]

    @functools.wraps(command)
    def wrapper(context: typer.Context, config: str | None, **given: Any) -> None:
        defaults = {option.name: option.default for option in own}
        for flag, others in _INSTEAD.items():
            if _source(context, flag) == "COMMANDLINE":
                given |= {other: defaults[other] for other in others if _source(context, other) == "DEFAULT_MAP"}
        command(**given)

    shown = [context, *positions, config]
    wrapper.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {option.name: option.annotation for option in shown}
    return wrapper


def _take(context: typer.Context, file: str | None) -> str | None:
    """Let what the file and the environment say be the defaults of the options that are looked at after this one."""
    group = None if context.parent is None else context.parent.command
    name = str(context.info_name)
    if isinstance(group, TyperGroup) and name in group.commands and not context.resilient_parsing:
        found = settings_of(context, group, name, file)
        context.default_map = {key: setting.value for key, setting in found.items() if setting.source is not None}
    return file


CONFIG_OPTION = Annotated[
    str | None,
    typer.Option(
        help=f"TOML file with values of options; {FILE} in the working folder if not given. cgdenoise config shows what holds.",
        metavar="FILE",
        is_eager=True,
        callback=_take,
    ),
]


def _in_file(path: str, commands: Mapping[str, Mapping[str, object]], name: str) -> Iterable[tuple[str, str, object]]:
    """Yield the option, its name in the file, and its value: what goes for all commands, and then what is for the one.

    Raises
    ------
    OptionError
        If something in the file is no option of any command, or of the one that it is said to be of.
    """
    with reading(path, OptionError, "a TOML file of options"):
        with open(path, "rb") as file:
            data = file.read()
        try:
            tables = tomllib.loads(data.decode())
        except tomllib.TOMLDecodeError as error:
            raise OptionError(f'{error}; expected TOML, as preset = "fast"') from error
        every = sorted({key for options in commands.values() for key in options})
        own: list[tuple[str, str, object]] = []
        for word, value in tables.items():
            if isinstance(value, dict):
                _check_known(word, [*commands], "command")
                for inner, inner_value in value.items():
                    _check_known(_key(inner), [*commands[word]], f"option of {word}")
                    own += [(_key(inner), f"{word}.{inner}", inner_value)] if word == name else []
            else:
                _check_known(_key(word), every, "option of any command")
                if _key(word) in commands[name]:
                    yield _key(word), word, value
    yield from own


def _check_known(word: str, known: Sequence[str], what: str) -> None:
    if word not in known:
        close = difflib.get_close_matches(word, known, 1)
        hint = f"; expected {close[0].replace('_', '-')}, perhaps" if close else "; cgdenoise config COMMAND lists them"
        raise OptionError(f"{word.replace('_', '-')} is no {what}{hint}")


def _converted(context: typer.Context, option: TyperOption, value: object, place: str, shown: str) -> object:
    """Return a value as the flag would give it."""
    if place != "environment" and (isinstance(value, bool) != option.is_flag or not isinstance(value, str | int | float)):
        expected = "true or false" if option.is_flag else "a number or a string"
        raise OptionError(f"{shown} = {value!r}; expected {expected}", place)
    try:
        return option.process_value(context, value if option.is_flag else str(value))
    except typer.BadParameter as error:
        raise OptionError(f"{shown} = {value!r}: {error.message}", place) from error


def _source(context: typer.Context, name: str) -> str | None:
    found = context.get_parameter_source(name)
    return None if found is None else found.name


def _key(word: str) -> str:
    return word.replace("-", "_")
