"""What every test shares: property tests that neither time out on a busy machine nor change between runs."""

from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")
