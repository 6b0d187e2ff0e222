"""Progress goes to stderr, late and seldom."""

from io import StringIO

from sim.report.progress import progress


class Terminal(StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(stream: StringIO, times: list[float]) -> str:
    clock = Clock()
    with progress(stream, clock) as report:
        for time in times:
            clock.now = time
            report(time / 10, "run")
    return stream.getvalue()


def test_what_takes_less_than_a_second_shows_nothing() -> None:
    assert shown(StringIO(), [0.1, 0.5, 0.9]) == ""
    assert shown(Terminal(), [0.1, 0.5, 0.9]) == ""


def test_a_file_gets_a_line_every_two_seconds() -> None:
    times = [tick / 10 for tick in range(100)]
    assert shown(StringIO(), times).splitlines() == [f"run: {done} %" for done in (10, 30, 50, 70, 90)]


def test_a_terminal_gets_a_bar() -> None:
    assert "50%" in shown(Terminal(), [0.5, 2.0, 5.0]).replace(" ", "")
