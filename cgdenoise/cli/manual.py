"""`cgdenoise man`: the help texts as pages for man."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from cgdenoise.cli.examples import EXAMPLES
from cgdenoise.cli.options import Force
from cgdenoise.cli.output import emit
from cgdenoise.errors import OptionError

_EXIT_STATUS = "0 all done; 1 something failed, one line each on standard error; 2 usage; 130 interrupted."


def man(
    context: typer.Context,
    command: Annotated[
        str | None, typer.Argument(metavar="COMMAND", help="Of which command. Of the program if not given.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for all pages, made if need be: ~/.local/share/man/man1, say.", metavar="FOLDER"
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Print a page for man: cgdenoise man denoise | man -l -

    With -o ~/.local/share/man/man1 all pages are written there, and man cgdenoise and man cgdenoise-denoise find them.
    """
    group = None if context.parent is None else context.parent.command
    assert isinstance(group, TyperGroup)
    commands = {name: found for name, found in group.commands.items() if isinstance(found, TyperCommand)}
    if command is not None and command not in commands:
        raise OptionError(f"{command} is no command; expected one of {', '.join(commands)}")
    if output is None:
        emit((program_page(commands) if command is None else command_page(command, commands[command])).rstrip("\n"))
        return
    from cgdenoise.images import make_folder, write_together
    from cgdenoise.jobs.plan import check_output

    pages = {"cgdenoise": program_page(commands)} | {f"cgdenoise-{name}": command_page(name, commands[name]) for name in commands}
    files = {str(output / f"{name}.1"): page.encode() for name, page in pages.items()}
    make_folder(output)
    for path in files:
        check_output(path, force)
    write_together(files)
    emit(f"{output}: {len(files)} pages")


def program_page(commands: dict[str, TyperCommand]) -> str:
    """Return the page of the whole program, which names the others."""
    lines = _head("cgdenoise", "restore one noisy image without training data")
    lines += [".SH SYNOPSIS", r".B cgdenoise", r"\fICOMMAND\fR [\fIOPTION\fR]... [\fIINPUT\fR]...", ".SH COMMANDS"]
    for name, command in commands.items():
        lines += [".TP", rf".BR cgdenoise\-{_escaped(name)} (1)", _escaped(_paragraphs(command)[0])]
    return _page(lines)


def command_page(name: str, command: TyperCommand) -> str:
    """Return the page of a command."""
    first, *others = _paragraphs(command)
    arguments = [parameter for parameter in command.params if isinstance(parameter, TyperArgument)]
    options = [parameter for parameter in command.params if isinstance(parameter, TyperOption)]
    usage = " ".join(rf"\fI{_escaped(_named(argument))}\fR" for argument in arguments)
    lines = _head(f"cgdenoise-{name}", first.rstrip("."))
    lines += [".SH SYNOPSIS", rf".B cgdenoise {_escaped(name)}", rf"[\fIOPTION\fR]... {usage}".rstrip()]
    lines += [".SH DESCRIPTION", *(line for text in (first, *others) for line in (".PP", _escaped(text)))]
    lines += [".SH ARGUMENTS"] if arguments else []
    for argument in arguments:
        lines += [".TP", rf"\fI{_escaped(_named(argument))}\fR", _escaped(argument.help or "")]
    lines += [".SH OPTIONS"]
    for option in options:
        flags = ", ".join(rf"\fB{_escaped(flag)}\fR" for flag in (*option.opts, *option.secondary_opts))
        value = rf" \fI{_escaped(option.metavar)}\fR" if option.metavar else ""
        lines += [".TP", f"{flags}{value}", _escaped(f"{option.help or ''}{_bounds(option)}{_default(option)}")]
    lines += [".SH EXAMPLES", ".nf", *map(_escaped, EXAMPLES[name]), ".fi"]
    return _page(lines)


def _head(name: str, what: str) -> list[str]:
    from cgdenoise import __version__

    title = rf'.TH "{_escaped(name.upper())}" 1 "" "cgdenoise {__version__}" "User Commands"'
    return [title, ".SH NAME", rf"{_escaped(name)} \- {_escaped(what[:1].lower() + what[1:])}"]


def _page(lines: list[str]) -> str:
    return "\n".join([*lines, ".SH EXIT STATUS", _EXIT_STATUS, ".SH SEE ALSO", r".BR cgdenoise (1)", ""])


def _paragraphs(command: TyperCommand) -> list[str]:
    return [text for text in (command.help or "").split("\n\n") if text]


def _named(argument: TyperArgument) -> str:
    name = argument.metavar or str(argument.name).upper()
    return f"{name}..." if argument.nargs != 1 else name


def _bounds(option: TyperOption) -> str:
    told = [f"at {word} {bound:g}" for word, bound in (("least", option.min), ("most", option.max)) if bound is not None]
    return f" x is {' and '.join(told)}." if told else ""


def _default(option: TyperOption) -> str:
    shown = option.default is not None and not option.is_flag and not callable(option.default)
    return f" Default: {getattr(option.default, 'value', option.default)}." if shown else ""


def _escaped(text: str) -> str:
    """Return a text that roff prints as it is."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text
