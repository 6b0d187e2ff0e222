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


RENTED = ("cost.prices=2026-rented", "cost.override={}")
CONTRACTS = (
    'cost.contracts=[{ name = "a", from = "2026-01-01", to = "2026-02-01", price = "2 USD" }, '
    '{ name = "b", from = "2026-01-15", to = "2026-03-01", price = "2 USD" }]'
)
SPOT = ('failures.causes=[{ component = "node", name = "evicted", kind = "exponential", mean = "40 d" }]',)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("cost.acquisition=spot", *RENTED), "acquisition 'spot' without evictions; expected the cause of failure"),
        (
            ("cost.acquisition=spot", 'cost.evictions="evictd"', *SPOT, *RENTED),
            r"cost\.evictions: unknown cause of failure 'evictd'; did you mean 'evicted'",
        ),
        (("cost.deposit=0.3",), "deposit: got a deposit and no lead_time"),
        (("cost.egress=50 TB",), "egress: nothing reads it where the hardware is owned"),
        (
            ("cost.acquisition=on-demand", *RENTED, "cost.ramp=30 d"),
            "ramp: nothing reads it where the hardware is",
        ),
        (("cost.depreciation=linear",), "unknown depreciation 'linear'. Known: declining-balance"),
        (('cost.peak={ from = "08:00", to = "08:00" }',), "the same time of the day"),
        (('cost.peak={ from = "8", to = "20:00" }',), "expected a time of the day"),
        (("cost.grid=frence",), r"cost\.grid: unknown grid 'frence'; did you mean 'france'"),
        (("cluster.cooling=immersion",), r"cluster\.cooling: unknown cooling 'immersion'"),
        (("cost.credit=-5 USD",), "credit"),
        (("cost.commitment=5 EUR",), "expected an amount of money|money|USD"),
        (
            ("cost.acquisition=reserved", *RENTED, CONTRACTS),
            r"cost\.contracts: a .* and b .* overlap; expected contracts one after the other",
        ),
    ],
)
def test_terms_that_do_not_fit_are_refused_before_the_run(overrides: tuple[str, ...], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        load_scenario("tiny", overrides)


def test_terms_are_read_in_microseconds_bytes_and_dollars() -> None:
    billing = load_scenario(
        "tiny",
        [
            *(
                'cost.lead_time="180 d"',
                "cost.deposit=0.3",
                'cost.ramp="60 d"',
                'cost.credit="5e6 USD"',
                "cost.absorb=false",
            ),
            *('cost.depreciation_life="3 y"', 'cost.teams=[{ name = "data", fte = 9, share = 0.5, before = "1 y" }]'),
            'cost.grid="france"',
        ],
    ).billing
    assert billing is not None
    terms = billing.terms
    assert (terms.lead_us, terms.ramp_us, terms.deposit) == (180 * 86_400_000_000, 60 * 86_400_000_000, 0.3)
    assert (terms.credit_usd, terms.absorb, terms.depreciation_years) == (5e6, False, 3.0)
    assert (terms.teams[0].fte, terms.teams[0].before_us) == (9, 31_557_600_000_000)
    assert terms.grid_kg_per_kwh == 0.056039


def test_terms_of_nothing_leave_the_name_of_a_run() -> None:
    plain, stated = load_scenario("tiny"), load_scenario("tiny", ["cost.absorb=true", "cluster.cooling=air"])
    assert canonical_text(plain) == canonical_text(stated)
    assert canonical_text(plain) != canonical_text(load_scenario("tiny", ["cost.absorb=false"]))


def test_the_rent_of_deepseek_v3_is_the_published_two_dollars_of_a_gpu_hour() -> None:
    billing = load_scenario("deepseek-v3").billing
    assert billing is not None
    rent = billing.prices.prices["rent-on-demand/hgx-h800"]
    assert (rent.value, rent.unit) == (2.0, "USD/GPU-h")
