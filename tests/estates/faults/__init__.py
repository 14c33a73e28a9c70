"""Single faults that operators make, each on the repaired estate, with the controls that are to say so."""

from __future__ import annotations

from tests.estates.faults import logs, models, openness, operation, private_links, roles, security_rules, transport

FAULTS = tuple(
    fault
    for family in (openness, transport, private_links, security_rules, roles, models, logs, operation)
    for fault in family.FAULTS
)
