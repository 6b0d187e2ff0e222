"""A policy from outside that kills whoever asks it."""

import os
from typing import Any


def interval(state: Any) -> float:
    """End the process, as running out of memory would."""
    os._exit(9)
