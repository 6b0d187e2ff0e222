"""Reference files in JSON: sections of rows to compare with, the project's own or a user's."""

import json
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import Any

from sim.errors import InputError


def read_sections(path: str | None, reference: str, known: Collection[str]) -> dict[str, Any]:
    """Return the sections of a file, by default of the project's reference of that name.

    known: sections of which it must hold one at least. Raises InputError for a file that is none.
    """
    try:
        if path is None:
            text = (files("experiments") / "reference" / reference).read_text(encoding="utf-8")
        else:
            text = Path(path).expanduser().read_text(encoding="utf-8-sig")
        sections = json.loads(text)
    except FileNotFoundError:
        raise InputError(f"--measurements {path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--measurements {path}: cannot be read: {error}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"--measurements {path}: not valid JSON: {error}") from None
    if not isinstance(sections, dict) or not set(sections) & set(known):
        raise InputError(f"--measurements {path}: expected one of the sections {', '.join(known)}")
    return sections
