"""From what a user writes of a campaign to its records."""
