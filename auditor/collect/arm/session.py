"""Open a signed-in session with the chosen cloud."""

from __future__ import annotations

from typing import Final

import orjson
import requests
from msgspec import Struct

from auditor.collect.arm.client import Arm
from auditor.collect.arm.clouds import Cloud, choose_cloud
from auditor.collect.arm.credentials import SignedInIdentity, open_credential, sign_in
from auditor.collect.arm.pacing import Pacer, WallClock
from auditor.collect.arm.refusals import Refused
from auditor.collect.arm.transport import session_for
from auditor.collect.options import CollectOptions
from auditor.errors import CollectionError

_METADATA_TIMEOUT: Final = 15.0
_METADATA_BYTES: Final = 1 << 20


class Session(Struct, frozen=True):
    """A cloud that we are signed in to."""

    arm: Arm
    cloud: Cloud
    identity: SignedInIdentity
    clock: WallClock


def open_session(options: CollectOptions, tenant: str | None) -> Session:
    """Sign in and return the session; raise `CollectionError` with what to do where that fails."""
    cloud = choose_cloud(options.cloud, options.arm_endpoint, _fetch, options.allow_endpoints)
    credential = open_credential(options.auth, cloud, tenant)
    identity = sign_in(credential, cloud.scope, options.auth)
    clock = WallClock()
    return Session(
        Arm(cloud, credential, options, Pacer(clock, options.quotas, options.quota_share)), cloud, identity, clock
    )


def _fetch(url: str) -> object:
    """Return the JSON at a URL, or None where there is none; no token goes with it."""
    try:
        with session_for(url, seconds=_METADATA_TIMEOUT, most_bytes=_METADATA_BYTES) as session:
            answer = session.get(url, timeout=_METADATA_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        raise CollectionError(
            f"{url.partition('/metadata')[0]} cannot be reached: {type(error).__name__}",
            "check --arm-endpoint, the network, HTTPS_PROXY and NO_PROXY",
        ) from error
    except Refused:
        return None
    try:
        return orjson.loads(answer.content) if answer.status_code == 200 else None
    except orjson.JSONDecodeError:
        return None
