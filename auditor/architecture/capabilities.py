"""What a component is to its architecture, in words that every architecture can use: a baseline gives them to its components.

Rules and analyses ask for a capability and never for a component, so that they hold for architectures nobody has thought of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NETWORK: Final = "network"
ENTRY_POINT: Final = "entry point"
AUTHORS_WAY_IN: Final = "author's way in"
FLOW_HOST: Final = "flow host"
MANAGED_NETWORK: Final = "managed network"
MODEL_HOST: Final = "model host"
INDEX: Final = "search index"
WAY_OUT: Final = "way out"
STATE_STORE: Final = "state store"
MACHINE_LEARNING: Final = "machine-learning principal"
USER_FACING: Final = "user-facing principal"
FLOW_VAULT: Final = "vault of the flow"
USER_FACING_VAULT: Final = "vault of the user-facing part"
ENDPOINT_SUBNET: Final = "subnet of private endpoints"
INTEGRATION_SUBNET: Final = "subnet of web apps"
MACHINE_SUBNET: Final = "subnet of machines"
SCALED_PLAN: Final = "plan of web apps"

CAPABILITIES: Final[Mapping[str, str]] = {
    NETWORK: "a virtual network of the workload",
    ENTRY_POINT: "where its users come in from the Internet",
    AUTHORS_WAY_IN: "the machine from which authors and operators reach what is private",
    FLOW_HOST: "where its flows or agents run, and are written",
    MODEL_HOST: "where the language models are that its flows call",
    INDEX: "what its flows search in",
    MANAGED_NETWORK: "what has a network of its own that Azure manages, for what it runs",
    WAY_OUT: "what all that leaves for the Internet is led through",
    STATE_STORE: "what keeps the state of its flows or agents, for them alone",
    MACHINE_LEARNING: "its identity runs flows or models: it belongs behind the user-facing part",
    USER_FACING: "its identity serves users from the Internet",
    FLOW_VAULT: "the vault of the flow host",
    USER_FACING_VAULT: "the vault of what serves users",
    ENDPOINT_SUBNET: "where private endpoints stand",
    INTEGRATION_SUBNET: "what web apps call others from; nothing comes in through it",
    MACHINE_SUBNET: "where machines stand that have network interfaces of their own",
    SCALED_PLAN: "the App Service plan of its web apps",
}
"""Capability → what it means."""
