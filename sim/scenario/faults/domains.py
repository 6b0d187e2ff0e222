"""[cluster.domains] and correlated failures: what takes several nodes along, and how components fail together."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from sim.cluster.domains import DOMAINS, DomainSize
from sim.errors import ScenarioError
from sim.reliability.failures.domain_checks import SHOCK_DOMAINS
from sim.reliability.records import Correlated
from sim.scenario.fields import Count, Fraction, OneOf, refuse
from sim.scenario.laws import CLOSED

DomainName = Annotated[str, OneOf(what="failure domain", known=DOMAINS)]


class DomainSizeForm(BaseModel):
    """What one domain holds where the graph does not say it: consecutive nodes, or consecutive racks."""

    model_config = CLOSED
    nodes: Count | None = None
    racks: Count | None = None

    @model_validator(mode="after")
    def _check_one(self) -> "DomainSizeForm":
        if (self.nodes is None) == (self.racks is None):
            raise refuse(
                f"got {'neither nodes nor' if self.nodes is None else 'both nodes and'} racks; expected one of them"
            )
        return self


class CorrelatedForm(BaseModel):
    """How components of a cause fail together; the rate of each stays what it is.

    share: of a component's failures, those that come from shocks to its domain; hit: the probability that a shock hits
    a component of the domain.
    """

    model_config = CLOSED
    domain: Annotated[str, OneOf(what="domain", known=SHOCK_DOMAINS)]
    share: Annotated[Fraction, Field(lt=1)]
    hit: Annotated[Fraction, Field(gt=0)]


def sizes_of(forms: Mapping[str, DomainSizeForm]) -> tuple[tuple[str, DomainSize], ...]:
    """Return the sizes that are stated, by kind. Raises ScenarioError for racks of racks.

    >>> sizes_of({"rack": DomainSizeForm(nodes=2)})
    (('rack', DomainSize(nodes=2, racks=None)),)
    """
    if "rack" in forms and forms["rack"].racks is not None:
        raise ScenarioError("cluster.domains.rack: got racks; expected its nodes, such as rack = { nodes = 4 }")
    return tuple((kind, DomainSize(nodes=each.nodes, racks=each.racks)) for kind, each in sorted(forms.items()))


def correlated_of(form: CorrelatedForm | None) -> Correlated | None:
    """Return how components fail together, None where a share of 0 leaves each to itself."""
    if form is None or form.share == 0:
        return None
    return Correlated(domain=form.domain, share=form.share, hit=form.hit)


def check_domains(forms: Mapping[str, DomainSizeForm], wanted: set[str], *, wired: bool) -> None:
    """Raise ScenarioError for a size that nothing reads, and where nothing says what a domain holds.

    wanted: kinds of domains that failures name; wired: whether there is a graph, which may say it.
    """
    wanted = wanted & {*DOMAINS}
    if any(forms[kind].racks is not None for kind in wanted & forms.keys()):
        wanted = wanted | {"rack"}
    lines = [
        f"cluster.domains.{kind}: nothing reads it; expected a cause of failure that hits a {kind}"
        for kind in sorted(forms.keys() - wanted)
    ]
    if not wired:
        lines += [
            f"cluster.domains.{kind}: is missing, and there is no cluster.topology that says which {kind} a node is "
            f"in; expected what one holds, such as {kind} = {{ {'nodes = 4' if kind == 'rack' else 'racks = 8'} }}"
            for kind in sorted(wanted - forms.keys())
        ]
    if lines:
        raise ScenarioError("\n".join(lines))
