"""Help that reads well in 80 columns: what a flag is followed by is named shortly, and paragraphs fill their lines."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from copy import copy
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.models import OptionInfo

_WORDS = {bool: "", int: "x", float: "x", str: "TEXT", Path: "FILE"}
"""What stands for a value of a type after its flag; nothing where the flag is all. x, for bounds are told of x."""


def with_plain_help(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command whose help is easy to read: Typer's own has names of types, and breaks lines as the source does."""

    @functools.wraps(command)
    def wrapper(*args: Any, **given: Any) -> Any:
        return command(*args, **given)

    declared = inspect.signature(command, eval_str=True).parameters.values()
    shown = [parameter.replace(annotation=_named(parameter.annotation)) for parameter in declared]
    wrapper.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    wrapper.__doc__ = "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.getdoc(command).split("\n\n"))  # type: ignore[union-attr]
    return wrapper


def _named(annotation: Any) -> Any:
    kind, *declared = get_args(annotation) or (annotation,)
    if not declared or not isinstance(declared[0], OptionInfo) or declared[0].metavar is not None:
        return annotation
    option = copy(declared[0])
    option.metavar = _word(kind)
    return Annotated[kind, option]


def _word(kind: Any) -> str:
    (kind,) = {part for part in get_args(kind) or (kind,) if part is not NoneType}
    if issubclass(kind, Enum):
        return " | ".join(str(member.value) for member in kind)  # with spaces, at which a line may break
    return _WORDS[kind]


class PlainCommand(TyperCommand):
    """A command whose help shows no types of Python's."""

    def get_params(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Return its options, and its arguments."""
        return [_plain(parameter) for parameter in super().get_params(ctx)]


class PlainGroup(TyperGroup):
    """A group of commands whose help shows no types of Python's."""

    def get_params(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Return its options."""
        return [_plain(parameter) for parameter in super().get_params(ctx)]


def _plain(parameter: Any) -> Any:
    if isinstance(parameter, TyperArgument):
        parameter.display_type_rich = lambda ctx: None  # type: ignore[method-assign]
    elif isinstance(parameter, TyperOption) and parameter.is_flag:
        parameter.metavar = ""
    return parameter
