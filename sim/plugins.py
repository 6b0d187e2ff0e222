"""From a name to a function: a name of an explicit dict, or "module:function" where the user allows it."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

from sim.errors import InputError, UnknownNameError, unknown_name

Function = Callable[..., Any]


def resolve(
    kind: str, name: str, known: Mapping[str, Function], allow_plugins: bool = False, where: str = ""
) -> Function:
    """Return the function of a name: an entry of `known`, or "module:function" imported from the Python path.

    A scenario from elsewhere must not run code by itself, so that a plugin needs `allow_plugins`.
    Raises UnknownNameError with the nearest name, InputError for a plugin that is not allowed or not callable.

    >>> resolve("rounding", "up", {"up": max, "down": min})(1, 2)
    2
    >>> resolve("rounding", "math:hypot", {"up": max}, allow_plugins=True)(3.0, 4.0)
    5.0
    """
    if name in known:
        return known[name]
    if ":" not in name:
        raise unknown_name(kind, name, known, where)
    if not allow_plugins:
        raise InputError(
            f"{_at(where)}{kind} '{name}' would run code from outside; allow it with --allow-plugins, "
            f"or use one of: {', '.join(sorted(known))}"
        )
    return _load(kind, name, where)


def check_arguments(
    function: Function, arguments: Mapping[str, object], where: str = "", supplied: int = 0, own: Iterable[str] = ()
) -> None:
    """Check that keyword arguments fit a function's signature: none unknown, none missing, none that it would swallow.

    `supplied` leading parameters are filled by the caller, by position, and `own` ones by name. A parameter that
    gathers keywords (`**options`) does not make any name good: what a function does not name is an error.
    Raises UnknownNameError with the nearest name, InputError for missing arguments.

    >>> def ring(*, nodes, rails=1): ...
    >>> check_arguments(ring, {"nodes": 4})
    >>> check_arguments(ring, {"nodes": 4, "rail": 2})
    Traceback (most recent call last):
    sim.errors.UnknownNameError: unknown argument of ring 'rail'; did you mean 'rails'? Known: nodes, rails
    """
    parameters = list(signature(function).parameters.values())[supplied:]
    named = [p for p in parameters if p.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)]
    label = getattr(function, "__name__", "the function")
    _refuse_unknown(label, arguments, [p.name for p in named], where)
    missing = [p.name for p in named if p.default is Parameter.empty and p.name not in arguments and p.name not in own]
    if missing:
        raise InputError(f"{_at(where)}{label} needs {', '.join(missing)}, got {_listed(arguments)}")


def _refuse_unknown(label: str, arguments: Iterable[str], known: list[str], where: str) -> None:
    for argument in arguments:
        if argument in known:
            continue
        if known:
            raise unknown_name(f"argument of {label}", argument, known, where)
        raise UnknownNameError(f"{_at(where)}{label} takes no arguments, got '{argument}'")


def _load(kind: str, name: str, where: str) -> Function:
    module_name, _, attribute = name.partition(":")
    try:
        module = import_module(module_name)
    except Exception as error:  # what a module of someone else raises may be anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(f"{_at(where)}{kind} '{name}': cannot import '{module_name}' ({reason})") from error
    found = vars(module).get(attribute)
    if found is None:
        public = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
        raise unknown_name(f"function of {module_name}", attribute, public, where)
    if not callable(found):
        raise InputError(f"{_at(where)}{kind} '{name}' is a {type(found).__name__}, expected a function")
    function: Function = found
    return function


def _at(where: str) -> str:
    return f"{where}: " if where else ""


def _listed(arguments: Iterable[str]) -> str:
    return ", ".join(sorted(arguments)) or "nothing"
