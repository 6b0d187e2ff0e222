"""From pydantic's errors to one line each: the dotted key, what it got, what was expected, the nearest key."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sim.errors import unknown_name

Key = tuple[int | str, ...]

_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "date_type": "a date such as 2024-03-01",
    "string_too_short": "text that is not empty",
}


def error_lines(error: ValidationError, form: type[BaseModel]) -> list[str]:
    """Return one line for each error of a form that was filled in wrongly."""
    return [_line(item, form) for item in error.errors(include_url=False)]


def option_line(error: BaseException) -> str | None:
    """Return what is wrong with the value of an option of the command line; None of errors that are not pydantic's."""
    return _message(error.errors(include_url=False)[0]) if isinstance(error, ValidationError) else None


def dotted(key: Key) -> str:
    """Return a key as it is written in TOML and for `--set`.

    >>> dotted(("training", "phases", 0, "tokens"))
    'training.phases.0.tokens'
    """
    return ".".join(str(part) for part in key)


def _line(item: Mapping[str, Any], form: type[BaseModel]) -> str:
    # Pydantic marks an error in a key of a table, rather than in its value.
    key: Key = tuple(part for part in item["loc"] if part != "[key]")
    if item["type"] == "extra_forbidden":
        return str(unknown_name("key", str(key[-1]), _keys(form, key[:-1]), dotted(key)))
    if item["type"] == "missing":
        return f"{dotted(key)}: is missing; {_wanted(form, key)}"
    if item["type"] == "model_type" and isinstance(item["input"], str) and "kind" in _keys(form, key):
        return f'{dotted(key)}: got {_shown(item["input"])}, expected a table such as {{ kind = "{item["input"]}" }}'
    return f"{dotted(key)}: {_brackets(item, form, key) or _message(item)}"


def _brackets(item: Mapping[str, Any], form: type[BaseModel], key: Key) -> str | None:
    """Return what is said of one table where TOML has an array of them, or the other way round; None of all else."""
    kind, got, name = item["type"], item["input"], dotted(tuple(part for part in key if isinstance(part, str)))
    if kind == "list_type" and isinstance(got, Mapping) and _holds_tables(form, key):
        keys = f" with {', '.join(map(str, got))}" if got else ""
        return f"got one table{_cut(keys)}; expected an array of tables: each begins with [[{name}]], not [{name}]"
    if kind in ("model_type", "dict_type") and _is_tables(got):
        return f"got an array of tables, [[{name}]]; expected one table: [{name}]"
    return None


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _holds_tables(form: type[BaseModel], key: Key) -> bool:
    """Return whether the key of a form is a list whose members are tables of keys."""
    fields = _table(form, key[:-1]).model_fields
    field = next((each for name, each in fields.items() if key[-1] in (name, each.alias)), None)
    lists = [] if field is None else _lists([field.annotation])
    return any(next(_forms(get_args(each)), None) is not None for each in lists)


def _lists(annotations: Sequence[Any]) -> Iterator[Any]:
    for annotation in annotations:
        if get_origin(annotation) is list:
            yield annotation
        else:
            yield from _lists(get_args(annotation))


def _message(item: Mapping[str, Any]) -> str:
    kind, context = item["type"], item.get("ctx", {})
    if kind == "scenario":
        return str(context["message"])
    for bound, words in (("gt", "more than"), ("ge", "at least"), ("lt", "less than"), ("le", "at most")):
        if bound in context:
            return f"got {_shown(item['input'])}, expected {words} {_shown(context[bound])}"
    return f"got {_shown(item['input'])}, expected {_EXPECTED.get(kind, item['msg'])}"


def _wanted(form: type[BaseModel], key: Key) -> str:
    """Return what a missing key would be: its table's keys that have no default."""
    table = _table(form, key[:-1])
    required = [field.alias or name for name, field in table.model_fields.items() if field.is_required()]
    return f"{dotted(key[:-1]) or 'the file'} needs {', '.join(required)}"


def _keys(form: type[BaseModel], key: Key) -> list[str]:
    return [field.alias or name for name, field in _table(form, key).model_fields.items()]


def _table(form: type[BaseModel], key: Key) -> type[BaseModel]:
    """Return the form of the table at a key, through lists and options."""
    for part in key:
        field = form.model_fields.get(part) if isinstance(part, str) else None
        form = next(_forms([field.annotation]), form) if field is not None else form
    return form


def _forms(annotations: Sequence[Any]) -> Iterator[type[BaseModel]]:
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        else:
            yield from _forms(get_args(annotation))


def _shown(value: object) -> str:
    return _cut(f"{value:g}" if isinstance(value, float) else str(value) if isinstance(value, date) else repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
