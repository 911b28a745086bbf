"""Command-line options made of a dataclass's fields, so that a setting is written once."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, get_args, get_type_hints

Config = TypeVar("Config")


@dataclass(frozen=True)
class _Option:
    help: str
    flags: tuple[str, ...]
    choices: tuple[str, ...] | None
    const: Any


def option(
    default: Any,
    help: str,
    *flags: str,
    choices: Collection[str] | None = None,
    const: Any = None,
) -> Any:
    """A field of a dataclass that is an option of the command line, too.

    Args:
        default: Value without the option.
        help: One line without a full stop; the default is added.
        flags: Short names and aliases. The option is called as the field, with dashes in place of
            underscores unless the name with underscores is among these.
        choices: Values that are allowed.
        const: Value of the option without an argument, which is then optional.
    """
    names = None if choices is None else tuple(choices)
    return field(default=default, metadata={"option": _Option(help, flags, names, const)})


def add_options(
    parser: ArgumentParser | Any, kind: type, *, without: Collection[str] = (), **defaults: Any
) -> None:
    """Add an option for each field of `kind` that `option` made.

    Args:
        parser: A parser or a group of one.
        kind: The dataclass.
        without: Names of fields that get none.
        defaults: Other defaults by the field's name.
    """
    hints = get_type_hints(kind)
    for setting in fields(kind):
        made: _Option | None = setting.metadata.get("option")
        if made is None or setting.name in without:
            continue
        flags = list(made.flags)
        if f"--{setting.name}" not in flags:
            flags.append("--" + setting.name.replace("_", "-"))
        default, text = defaults.get(setting.name, setting.default), made.help
        value_type = next(t for t in (get_args(hints[setting.name]) or (hints[setting.name],)))
        if value_type is bool:
            parser.add_argument(*flags, dest=setting.name, action="store_true", help=text)
            continue
        if default not in (None, ""):
            text += " (%(default)s)"
        optional = {} if made.const is None else {"nargs": "?", "const": made.const}
        parser.add_argument(
            *flags,
            dest=setting.name,
            type=value_type,
            default=default,
            choices=made.choices,
            help=text,
            metavar=None if made.choices else setting.name.upper(),
            **optional,
        )


def check_choices(config: Any) -> None:
    """Raise ValueError for a field of a dataclass whose value is not among its choices.

    Its default is always allowed: None, for a value that is chosen later, need not be a choice.
    """
    for setting in fields(config):
        made: _Option | None = setting.metadata.get("option")
        value = getattr(config, setting.name)
        if made is None or made.choices is None or value == setting.default:
            continue
        if value not in made.choices:
            raise ValueError(
                f"{setting.name} must be one of {', '.join(made.choices)}, got {value!r}"
            )


def from_options(kind: type[Config], arguments: Namespace, **others: Any) -> Config:
    """The dataclass of parsed options.

    Args:
        kind: The dataclass.
        arguments: What a parser with `add_options` returned.
        others: Its remaining fields.

    Raises:
        ValueError: As the dataclass does.
    """
    names = {setting.name for setting in fields(kind)} & vars(arguments).keys()  # type: ignore[arg-type]
    return kind(**{**{name: getattr(arguments, name) for name in names}, **others})
