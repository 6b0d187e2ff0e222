"""The small campaign, simulated once for all tests that read it."""

import pytest

from sim.campaign.campaign import CampaignResult, simulate_campaign
from sim.campaign.forms.load import load_campaign
from sim.campaign.records import Campaign


@pytest.fixture(scope="session")
def small() -> Campaign:
    return load_campaign("small")


@pytest.fixture(scope="session")
def small_result(small: Campaign) -> CampaignResult:
    return simulate_campaign(small)
