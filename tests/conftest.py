"""What all tests share: laws are checked on the same inputs in each run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "auditor",
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("auditor")
