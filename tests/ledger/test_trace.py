"""Tables of a trace: rows that take their names late are the same rows."""

from dataclasses import replace

from sim.engine.run import simulate_run
from sim.ledger.time.trace import Stay, Table, plain_rows
from tests.engine.run_cases import llama_plan

ROWS = [(3, "repair", 0, 5, "gpu", 7), (1, "spare", 0, 9, "", -1)]
STAYS = tuple(Stay(*row) for row in ROWS)


def test_rows_have_names_however_they_are_reached() -> None:
    table = Table(Stay, ROWS)
    assert (table[0].place, table[-1].node, [stay.cause for stay in table]) == ("repair", 1, ["gpu", ""])
    assert (table[:1], table + STAYS[:1], len(table), bool(Table(Stay, []))) == (
        STAYS[:1],
        (*STAYS, STAYS[0]),
        2,
        False,
    )


def test_a_table_equals_its_rows_and_no_others() -> None:
    table = Table(Stay, ROWS)
    assert table == STAYS
    assert table == Table(Stay, tuple(ROWS))
    assert table != STAYS[:1]
    assert table != Table(Stay, ROWS[::-1])
    assert hash(table) == hash(STAYS)
    assert repr(table) == repr(STAYS)


def test_plain_rows_are_those_of_a_table_or_what_is_given() -> None:
    assert plain_rows(Table(Stay, ROWS)) is ROWS
    assert plain_rows(STAYS) is STAYS


def test_traces_are_compared_by_their_rows() -> None:
    plan = replace(llama_plan(nodes=64, seed=1), horizon_us=10**12)
    first, again = simulate_run(plan), simulate_run(plan)
    assert first == again
    assert first == replace(again, events=tuple(again.events))
    assert first != replace(again, events=again.events[:-1])
