"""Checks of a plan's failure domains and shocks."""

from collections.abc import Sequence

from sim.cluster.domains import DOMAINS
from sim.errors import InputError, ScenarioError, unknown_name
from sim.reliability.records import NODE_PARTS, Correlated, FailureClass

SHOCK_DOMAINS = ("node", *DOMAINS)
"""Whose components a shock may hit together."""


def check_held(failure: FailureClass, nodes: int, where: str) -> None:
    """Refuse domains and shocks of a plan that do not fit together.

    Raises ScenarioError for a domain without its nodes, and for shocks that would change a component's rate; InputError
    for nodes that are not there and for numbers out of range.
    """
    if failure.component in DOMAINS:
        _check_nodes(failure.names, failure.holds, nodes, where)
    elif failure.holds:
        raise ScenarioError(f"{where}: got the nodes of domains; a {failure.component} is none, expected no nodes")
    if failure.correlated is not None:
        _check_nodes(failure.correlated.names, failure.correlated.holds, nodes, f"{where}: correlated")
        check_correlated(failure, failure.correlated, where)


def check_correlated(failure: FailureClass, shocks: Correlated, where: str) -> None:
    """Refuse shocks under which a component's rate would not be what it is without them.

    Raises UnknownNameError for another domain, ScenarioError for what is no part of a node, an outage, and lives that
    are not exponential; InputError for a share or a probability out of range.
    """
    if shocks.domain not in SHOCK_DOMAINS:
        raise unknown_name("domain", shocks.domain, SHOCK_DOMAINS, f"{where}: correlated")
    if failure.component not in NODE_PARTS:
        raise ScenarioError(
            f"{where}: correlated: a {failure.component} is no part of a node; expected one of {', '.join(NODE_PARTS)}"
        )
    if failure.outage is not None:
        raise ScenarioError(f"{where}: got both an outage and correlated; expected one of them")
    if failure.life.kind != "exponential":
        raise ScenarioError(
            f"{where}: correlated: shocks leave the rate of a {failure.life.kind} life not what it is; expected "
            "exponential"
        )
    if not 0 < shocks.share < 1 or not 0 < shocks.hit <= 1:
        raise InputError(
            f"{where}: correlated: got share {shocks.share:g} and hit {shocks.hit:g}; expected a share between 0 and "
            "1, and a hit above 0, at most 1"
        )


def _check_nodes(names: Sequence[str], holds: Sequence[Sequence[int]], nodes: int, where: str) -> None:
    if not names or len(names) != len(holds):
        raise ScenarioError(f"{where}: got {len(names)} domains and the nodes of {len(holds)}; expected those of each")
    beyond = [node for own in holds for node in own if not 0 <= node < nodes]
    if beyond or not all(holds):
        got = f"node {beyond[0]}" if beyond else "a domain without nodes"
        raise InputError(f"{where}: got {got}; expected nodes 0 to {nodes - 1}")
