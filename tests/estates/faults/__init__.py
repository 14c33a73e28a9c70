"""Single faults that operators make, each on the repaired estate, with the controls that are to say so."""

from __future__ import annotations

from tests.estates.faults import openness, security_rules, transport

FAULTS = (*openness.FAULTS, *transport.FAULTS, *security_rules.FAULTS)
