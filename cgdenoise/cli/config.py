"""`cgdenoise config`: which values options have without flags, and where these come from."""

from __future__ import annotations

import os
from enum import Enum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cgdenoise.cli.options import Json
from cgdenoise.cli.output import emit, emit_json, note
from cgdenoise.cli.settings import FILE, PREFIX, Setting, settings_of, unknown_variables
from cgdenoise.errors import OptionError


def config(
    context: typer.Context,
    command: Annotated[str | None, typer.Argument(help="Command of which all options are listed, with their defaults.")] = None,
    file: Annotated[
        str | None, typer.Option("--config", help=f"TOML file; {FILE} in the working folder if not given.", metavar="FILE")
    ] = None,
    json: Json = False,
) -> None:
    """Say which values options have where no flag is given, and where these come from.

    A flag goes before a variable of the environment, as CGDENOISE_MAX_ITERATIONS, that before a TOML file, and that before the
    default. In the file, max-iterations = 200 goes for all commands that have the option, and below [denoise] for that one.
    """
    group = None if context.parent is None else context.parent.command
    assert isinstance(group, TyperGroup)
    if command is not None and command not in group.commands:
        raise OptionError(f"{command} is no command; expected one of {', '.join(group.commands)}")
    names = [*group.commands] if command is None else [command]
    found = {name: settings_of(context, group, name, file) for name in names}
    for name, settings in found.items():
        shown = {key: setting for key, setting in settings.items() if command is not None or setting.source is not None}
        if json:
            for key, setting in shown.items():
                emit_json({"command": name, "option": _word(key), **_facts(setting)})
        elif shown:
            emit(f"{name}:")
            for key, setting in shown.items():
                emit(f"  {_line(key, setting)}")
    if not json and command is None and not any(setting.source for settings in found.values() for setting in settings.values()):
        path = file or os.environ.get(f"{PREFIX}CONFIG") or FILE
        emit(f"all options have their defaults: nothing is set in {path} or by variables {PREFIX}...")
    for name in unknown_variables(group):
        note(f"warning: {name} is the variable of no option")


def _facts(setting: Setting) -> dict[str, Any]:
    value = setting.value.value if isinstance(setting.value, Enum) else setting.value
    return {"value": value, "source": setting.source or "default"}


def _line(key: str, setting: Setting) -> str:
    facts = _facts(setting)
    value = facts["value"]
    if value is None or isinstance(value, bool):
        value = "not given" if value is None else str(value).lower()
    return f"{_word(key)} = {value}  ({facts['source']})"


def _word(key: str) -> str:
    return key.replace("_", "-")
