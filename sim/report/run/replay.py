"""What a run's report says of the failure log that it replays."""

from typing import Any

from sim.quantities import show, show_count
from sim.report.text import Result, wrapped
from sim.scenario.records import Failures

_RULES = {
    "appearance": "the log's nodes are ours in the order in which they fail",
    "index": "the log's nodes are ours by number",
    "modulo": "the log's nodes are ours in turn, several to one where it has more",
    "sample": "a drawn part of the log's nodes are ours",
}

_THEN = {
    "refuse": "the log reaches to the end of the run",
    "nothing": "nothing fails after the log's end",
    "repeat": "the log starts again at its end",
}


def replay_json(failures: Failures) -> dict[str, Any] | None:
    """Return what was replayed, None where nothing was: file, failures and how long the log is, who stands for whom.

    failures: as many as the log holds until the horizon; left_out: those beyond it, or beyond the start and end asked
    for. set_aside: causes whose clocks the log takes the place of. unsampled: failures of nodes that were not drawn.
    """
    replay, source = failures.replay, failures.provenance
    if replay is None or source is None:
        return None
    return {
        "file": source.file,
        "failures": source.failures,
        "span_s": replay.end_us * 1e-6,
        "nodes": source.nodes,
        "rule": source.rule,
        "then": replay.then,
        "left_out": source.left_out,
        "passed_over": dict(source.passed_over),
        "set_aside": source.set_aside,
        "unsampled": source.unsampled,
    }


def replay_text(result: Result) -> list[str]:
    """Return where a run's failures come from, none where they are drawn."""
    replay = result.get("replay")
    if replay is None:
        return []
    passed = ", ".join(f"{name} {show_count(count)}" for name, count in replay["passed_over"].items())
    days = show(replay["span_s"], "time", 4, unit="d")
    facts = [
        f"Failures: replayed from {replay['file']} ({show_count(replay['failures'])} events over {days})",
        _THEN[replay["then"]],
        *([_RULES[replay["rule"]]] if replay["nodes"] else []),
        *([f"clocks of {show_count(replay['set_aside'])} causes set aside"] if replay["set_aside"] else []),
        *([f"left out beyond start, end or horizon: {show_count(replay['left_out'])}"] if replay["left_out"] else []),
        *([f"of nodes not drawn: {show_count(replay['unsampled'])}"] if replay["unsampled"] else []),
        *([f"no failures: {passed}"] if passed else []),
    ]
    return wrapped("; ".join(facts))
