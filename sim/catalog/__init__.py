"""What exists: hardware, models, failures, prices and software stacks; each number with its source."""

from sim.catalog.describe import CatalogRow, describe
from sim.catalog.failures import expected_failures
from sim.catalog.load import (
    KINDS,
    accelerator,
    cable,
    cables,
    failure_preset,
    load_cooling,
    load_grid,
    load_price_book,
    model,
    names,
    node,
    price_book,
    software,
    storage,
    switch,
    switches,
)

__all__ = [
    "KINDS",
    "CatalogRow",
    "accelerator",
    "cable",
    "cables",
    "describe",
    "expected_failures",
    "failure_preset",
    "load_cooling",
    "load_grid",
    "load_price_book",
    "model",
    "names",
    "node",
    "price_book",
    "software",
    "storage",
    "switch",
    "switches",
]
