"""Tell which secrets of a vault a resource reads, as far as its configuration names them."""

from __future__ import annotations

from typing import Final

from auditor import resource_id as ids
from auditor.estate.graph import Estate
from auditor.estate.network_relations import GATEWAYS
from auditor.estate.service_relations import SETTINGS_FROM_VAULTS, SITES
from auditor.model import Gap, Resource

_RELATION: Final = "reads-secret"
_CERTIFICATES: Final = "properties.sslCertificates"


def secrets_read(estate: Estate, reader: Resource, vault: Resource) -> tuple[tuple[str, ...], Gap | None]:
    """Return the keys of the secrets of a vault that a gateway's certificates or an app's settings name, sorted.

    With them comes why there may be more, or None. A resource of another type names none.
    """
    own = [one.key for one in estate.of_type_below(SETTINGS_FROM_VAULTS, reader.key)]
    named = {secret for key in (reader.key, *own) for secret in estate.targets(key, _RELATION)}
    gap = None
    if reader.type_key == SITES:
        gap = estate.type_gap(SETTINGS_FROM_VAULTS, reader.id)
    elif reader.type_key == GATEWAYS:
        gap = estate.gap_at(reader.id, _CERTIFICATES)
    return tuple(sorted(secret for secret in named if ids.is_under(secret, vault.key))), gap
