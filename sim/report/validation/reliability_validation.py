"""The screen of `validate --kind reliability`: what is known beside what was simulated, with what it was given."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim.report.text import WIDTH, Result, percent, short, signed, table, wrapped

TITLES = {
    "oracles": "Closed forms, through the run engine",
    "peers": "Answers of another simulator",
    "published": "Published cases",
}
_NAME = 41


def reliability_validation(result: Result) -> str:
    """Return the report of a reliability validation from its JSON."""
    blocks = [_headline(result)]
    for section, title in TITLES.items():
        rows = [row for row in result["rows"] if row["section"] == section]
        blocks += [[title, "", *_lines(rows)]] if rows else []
    blocks += [_table(each) for each in result["tables"]]
    blocks += [_skipped(result["skipped"])] if result["skipped"] else []
    return "\n\n".join("\n".join(block) for block in blocks)


def _headline(result: Result) -> list[str]:
    bounds, tests = result["judged"]["bounds"], result["judged"]["z_tests"]
    parts = []
    if result["count"]:
        parts.append(
            f"{result['count']} published values: mean absolute error {percent(result['mape'])}, median "
            f"{percent(result['median'])}, largest {percent(result['max'])}, bias {signed(result['bias'])}"
        )
    parts += [f"{bounds['met']} of {bounds['count']} bounds hold"] if bounds["count"] else []
    parts += [f"{tests['met']} of {tests['count']} z-tests pass"] if tests["count"] else []
    return wrapped(". ".join(parts) + "." if parts else "Nothing could be compared.", "")


def _lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each row, then what it was given, what else came out, and what was assumed.

    What rows one after the other share is said once.
    """
    yield f"{'':{_NAME}}{'known':>11}{'simulated':>12}"
    said: object = None
    for row in rows:
        known = f"{row['relation'] if row['relation'] != '=' else ''} {_number(row['measured'])}"
        name = wrapped(row["id"], "  ")
        if len(name[-1]) > _NAME - 1:
            name.append("")
        yield from name[:-1]
        yield f"{name[-1]:{_NAME}}{known:>11}{_number(row['simulated']):>12}{_verdict(row):>16}"
        about = row["inputs"], row["note"]
        if about != said:
            yield from _about(row)
        said = about


def _about(row: Mapping[str, Any]) -> Iterator[str]:
    yield from wrapped(f"given {_facts(row['inputs'])}", "      ", "    ")
    others = {key: value for key, value in row["outputs"].items() if value != row["simulated"]}
    if others:
        yield from wrapped(f"and gave {_facts(others)}", "      ", "    ")
    if row["note"]:
        yield from wrapped(row["note"], "      ", "    ")


def _verdict(row: Mapping[str, Any]) -> str:
    """Return how far off a row is, or whether its bound holds; in brackets where that does not count."""
    if row["relation"] != "=":
        text = "holds" if row["met"] else "does not hold"
    elif row["section"] == "published":
        text = signed(row["error"])
    else:
        text = f"z {row['z']:+.1f}"
    return text if row["scored"] else f"({text})"


def _number(value: object) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}" if abs(value) < 1e6 else short(value)


def _facts(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in facts.items())


def _table(each: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table, below its title and above what it says."""
    body = [[str(cell) for cell in row] for row in each["rows"]]
    lines = table([list(each["head"]), *body], "<" + ">" * (len(each["head"]) - 1))
    return [*wrapped(each["title"], ""), "", *lines, "", *(line for says in each["says"] for line in wrapped(says))]


def _skipped(skipped: Sequence[Mapping[str, str]]) -> list[str]:
    """Return which cases were not predicted, each with its reason."""
    lines = [f"Not predicted: {len(skipped)}"]
    for each in skipped:
        lines += wrapped(f"{each['id']}: {each['reason']}", "    ", "  ")
    assert all(len(line) <= WIDTH for line in lines), "lines are wrapped"
    return lines
