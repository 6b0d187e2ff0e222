"""Epoch's tables: published results from the facts of a run alone."""

import datetime

import pytest

from sim.errors import InputError
from sim.ledger.methods.lookup import Run, bought_on, epoch_views, held_days, rent_usd_per_hour, start_of
from sim.ledger.methods.records import Missing, View
from sim.ledger.methods.tables import chip_of, deflator, electricity_usd_per_kwh, organization_of, pue_of, vendors_of


def run(model: str, hardware: str, hours: float, chips: float | None, published: str) -> Run:
    day = datetime.date.fromisoformat(published)
    return Run(model=model, hardware=hardware, chip_hours=hours, chips=chips, published=day)


# Chip-hours to the hour: chips x hours, or FLOP / (peak x 0.375) for PaLM 2.
PUBLISHED = [
    (run("GPT-3 175B (davinci)", "NVIDIA Tesla V100 DGXS 32 GB", 3_552_000, 10_000, "2020-05-28"), 2_192_211),
    (run("Gopher (280B)", "Google TPU v3", 3_768_320, 4096, "2021-12-08"), 571_960),
    (run("OPT-175B", "NVIDIA A100 SXM4 80 GB", 812_544, 1024, "2022-05-02"), 731_668),
    (run("LLaMA-65B", "NVIDIA A100", 1_024_000, 2048, "2023-02-24"), 576_476),
    (run("GPT-4", "NVIDIA A100 SXM4 40 GB", 57.0e6, 25_000, "2023-03-15"), 40_586_593),
    (run("PaLM 2", "Google TPU v4", 7.34e24 / (275e12 * 0.375 * 3600), None, "2023-05-10"), 4_624_420),
    (run("Falcon-180B", "NVIDIA A100 SXM4 40 GB", 17_694_720, 4096, "2023-09-06"), 10_340_912),
    (run("Gemini 1.0 Ultra", "Google TPU v4", 132.0e6, 57_000, "2023-12-06"), 28_233_700),
    (run("Llama 3-70B", "NVIDIA H100 SXM5 80GB", 6.4e6, None, "2024-04-18"), 9_614_203),
    (run("Llama 3.1-405B", "NVIDIA H100 SXM5 80GB", 35_094_528, 16_384, "2024-07-23"), 50_903_674),
]


@pytest.mark.parametrize(("published", "usd"), PUBLISHED, ids=[each.model for each, _ in PUBLISHED])
def test_amortised_capex_and_energy_to_the_dollar(published: Run, usd: int) -> None:
    view = epoch_views(published)["capex+energy"]
    assert isinstance(view, View)
    assert abs(view.total - usd) <= 1


RENTS = {
    "GPT-3 175B (davinci)": 1.16,
    "Gopher (280B)": 0.9,
    "OPT-175B": 1.8,
    "LLaMA-65B": 1.45,
    "GPT-4": 1.36,
    "Falcon-180B": 1.45,
    "Gemini 1.0 Ultra": 1.45,
    "Llama 3.1-405B": 4.86,
}


@pytest.mark.parametrize(("model", "rent"), RENTS.items(), ids=list(RENTS))
def test_the_rent_is_that_of_the_cloud_that_has_one_on_the_day(model: str, rent: float) -> None:
    of_model = next(each for each, _ in PUBLISHED if each.model == model)
    chip = chip_of(of_model.hardware)
    assert chip is not None
    assert rent_usd_per_hour(of_model, chip) == rent


def test_gpt_4_was_held_638_days() -> None:
    gpt4, chip = PUBLISHED[4][0], chip_of("NVIDIA A100 SXM4 40 GB")
    assert chip is not None
    assert start_of(gpt4) == datetime.datetime(2022, 5, 12)
    assert held_days(gpt4, chip) == 638


def test_a_gpu_is_not_used_before_it_is_bought() -> None:
    chip = chip_of("H100")
    assert chip is not None
    early = run("mine", "H100", 1e6, None, "2022-10-01")
    assert start_of(early).date() < bought_on(chip)
    assert held_days(early, chip) == 0


def test_a_start_that_is_given_counts() -> None:
    mine = Run(
        model="mine",
        hardware="H100",
        chip_hours=1e6,
        published=datetime.date(2024, 1, 1),
        start=datetime.date(2023, 3, 30),
    )
    chip = chip_of("H100")
    assert chip is not None
    assert held_days(mine, chip) == 101


def test_a_chip_without_a_price_is_missing_by_name() -> None:
    views = epoch_views(run("mine", "Cerebras CS-2", 1e6, 16, "2023-01-01"))
    assert {type(view) for view in views.values()} == {Missing}
    assert "no price of 'Cerebras CS-2'" in views["cloud"].reason  # type: ignore[union-attr]


def test_a_month_beyond_the_index_is_missing_and_the_methods_say_which() -> None:
    views = epoch_views(run("mine", "H100", 1e6, 1024, "2026-02-01"))
    missing = [view.reason for view in views.values() if isinstance(view, Missing)]
    assert len(missing) == 3
    assert any("2026" in reason for reason in missing)


def test_acquisition_wants_the_number_of_chips() -> None:
    view = epoch_views(run("mine", "H100", 1e6, None, "2024-02-01"))["acquisition"]
    assert view == Missing(method="Epoch: acquisition", reason="the number of chips is not known")


def test_hyperscalers_have_their_own_pue_and_cloud() -> None:
    assert (pue_of("Google DeepMind"), pue_of("Technology Innovation Institute")) == (1.1, 1.25)
    assert vendors_of("Google DeepMind", tpu=False)[0] == "Google Cloud"
    assert vendors_of("Meta AI", tpu=True) == ("Google Cloud",)
    assert organization_of("OPT-175B") == "Meta AI"


def test_years_and_months_without_a_number_are_refused() -> None:
    with pytest.raises(InputError, match="no price for 1999; expected 2010 to 2025"):
        electricity_usd_per_kwh(1999)
    with pytest.raises(InputError, match="none for 2025-07; expected 2014-01 to 2025-06"):
        deflator(datetime.date(2025, 7, 1))
    assert deflator(datetime.date(2023, 12, 31)) == 1.0
