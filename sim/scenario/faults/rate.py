"""How often a job may fail at all."""

from collections.abc import Sequence

from sim.errors import ScenarioError
from sim.reliability.failures.exposure import rate_per_s
from sim.reliability.records import FailureClass


def check_rate(classes: Sequence[FailureClass], nodes: int) -> None:
    """Raise ScenarioError where the job would fail more than once a second: no recovery would ever end.

    A shock counts once if it hits any node of the job. Domains and parts of a network count as far as they are known.
    """
    # What a log says has happened, however fast.
    rate = sum(rate_per_s(each, nodes) for each in classes if each.logged is None)
    if rate > 1:
        raise ScenarioError(
            f"failures: the job would fail every {1 / rate:.3g} s on average; expected at least 1 s, "
            "so longer lives or a smaller scale"
        )
