"""Software profiles hold what is published of each stack, and say what is not."""

from dataclasses import fields

import pytest

from sim import catalog
from sim.catalog.records import SoftwareProfile


@pytest.mark.parametrize("name", catalog.names("software"))
def test_every_field_has_a_provenance_of_its_own(name: str) -> None:
    own = {field.name for field in fields(SoftwareProfile)} - {"name", "sources", "expert_levels"}
    assert {source.split(".")[0] for source in catalog.software(name).sources} - {"expert_levels"} == own


def test_tensor_overlap_lies_in_the_fitted_ranges() -> None:
    assert catalog.software("meta-2024").tensor_overlap == 0
    assert catalog.software("megatron-2021").tensor_overlap == 0
    assert 0.1 <= catalog.software("megatron-2022").tensor_overlap <= 0.2
    assert 0.4 <= catalog.software("megatron-core-2024").tensor_overlap <= 0.7


def test_llama_reduces_gradients_in_fp32_and_sends_asynchronously() -> None:
    meta = catalog.software("meta-2024")
    assert (meta.gradient_bytes, meta.reduce_bytes, meta.pipeline_overlap) == (4, 4, True)


@pytest.mark.parametrize("name", catalog.names("software"))
def test_step_overhead_lies_in_the_fitted_range(name: str) -> None:
    assert 0.015 <= catalog.software(name).step_overhead_s <= 0.090
