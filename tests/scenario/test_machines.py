"""The machines of a scenario: racks of which a cluster takes a part."""

import pytest

from sim.errors import ScenarioError
from sim.scenario.form import ClusterForm
from sim.scenario.machines import machines_of


def test_a_cluster_can_take_a_part_of_each_scale_up_domain() -> None:
    whole = machines_of(ClusterForm(node="gb200-nvl72", nodes=16))
    part = machines_of(ClusterForm(node="gb200-nvl72", nodes=16, domain_gpus=64))
    assert (whole.node.scale_up_domain, part.node.scale_up_domain) == (72, 64)
    assert whole.gpus == part.gpus == 64


@pytest.mark.parametrize("taken", [80, 66, 2])
def test_a_part_that_a_domain_does_not_have_is_refused(taken: int) -> None:
    with pytest.raises(ScenarioError) as caught:
        machines_of(ClusterForm(node="gb200-nvl72", nodes=16, domain_gpus=taken))
    assert str(caught.value) == (
        f"cluster.domain_gpus: got {taken}, expected a multiple of the 4 GPUs of a node, at most the 72 of a scale-up "
        "domain of 'gb200-nvl72'"
    )


def test_a_job_can_hold_a_part_of_a_node() -> None:
    part = machines_of(ClusterForm(node="dgx-h100", nodes=1, node_gpus=2))
    assert (part.gpus, part.node.scale_up_domain, part.node.nics) == (2, 2, 2)


@pytest.mark.parametrize(("node", "gpus"), [("dgx-h100", 3), ("dgx-h100", 16), ("gb200-nvl72", 2)])
def test_a_part_that_a_node_does_not_have_is_refused(node: str, gpus: int) -> None:
    with pytest.raises(ScenarioError, match=rf"cluster\.node_gpus: got {gpus}, expected a divisor"):
        machines_of(ClusterForm(node=node, nodes=1, node_gpus=gpus))
