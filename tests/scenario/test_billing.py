"""What a scenario may say about its bill, and what stands beside its results."""

import pytest

from sim.errors import InputError
from sim.scenario import canonical_text, load_scenario


def test_a_price_can_be_overridden_for_one_run() -> None:
    billing = load_scenario("tiny", ['cost.override={"energy/kwh" = 0.5}']).billing
    assert billing is not None
    assert billing.prices.prices["energy/kwh"].value == 0.5
    assert billing.prices.prices["energy/kwh"].unit == "USD/kWh"


def test_an_unknown_or_negative_override_is_refused() -> None:
    with pytest.raises(InputError, match=r"cost\.override: unknown price 'energy/kw'; did you mean 'energy/kwh'"):
        load_scenario("tiny", ['cost.override={"energy/kw" = 0.5}'])
    with pytest.raises(InputError, match=r'cost\.override\."energy/kwh": got -1'):
        load_scenario("tiny", ['cost.override={"energy/kwh" = -1.0}'])


def test_published_figures_are_no_part_of_what_names_a_run() -> None:
    scenario = load_scenario("llama3-405b")
    assert {"job_gpu_hours", "step_mfu"} <= {figure.name for figure in scenario.published}
    assert scenario.published_gap
    assert "model card" not in canonical_text(scenario)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("cost.acquisition=reserved", r"price book '2026-owned': unknown price 'rent-reserved/dgx-h100'"),
        ("run.start=2020-01-01", r"run\.start: got 2020-01-01; expected a date from 2026-01-01"),
        ("cost.override.staff/fte=1e12", r'cost\.override\."staff/fte": got 1e\+12; expected 0 to 1e\+09'),
    ],
)
def test_a_bill_that_cannot_be_written_is_refused_before_the_run(override: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        load_scenario("tiny", [override])
