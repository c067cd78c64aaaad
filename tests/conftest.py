"""What all tests share, in both environments; it puts tests/ on the path, where `apps` lives."""

from hypothesis import HealthCheck, settings

# A time is never asserted: no deadline. The first example of a room pays for its imports.
settings.register_profile(
    "fedlab", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fedlab")
