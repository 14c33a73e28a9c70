"""What is known of one resource type, as its file states it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct, field

from auditor.azure import paths
from auditor.azure.relation import StatedRelation
from auditor.azure.vocabulary import Property

DIAGNOSED: Final = "diagnosed"
"""Stands in `list: {from: …}` for every type with diagnostic settings."""


class When(StrEnum):
    """When a list is asked for: wherever it hangs; outside the scope only; as part of access; by code of its own."""

    ALWAYS = "always"
    OUTSIDE = "outside"
    ACCESS = "access"
    MODEL = "model"
    DEMAND = "demand"


class Follow(StrEnum):
    """How far a resource outside the scope is followed: read itself, or with what it points at in turn."""

    ONCE = "once"
    FURTHER = "further"


class InternetReach(StrEnum):
    """How a type is reached from the Internet, if at all."""

    NOTHING = "nothing"
    PARENT = "parent"
    ADDRESS = "public address"
    ENDPOINT = "public endpoint"


class EndpointReader(StrEnum):
    """Ways in that no switch and list of addresses describes, so that code decides."""

    WEB_APP = "web-app"
    MESSAGING_NAMESPACE = "messaging-namespace"
    CONTAINER_APP = "container-app"
    CONTENT_DELIVERY = "content-delivery"
    MACHINE_LEARNING_COMPUTE = "machine-learning-compute"


class ServiceDoor(StrEnum):
    """By which door those come in who hold a role that a service keeps itself."""

    COSMOS = "role inside Cosmos DB"
    SERVICE = "role of the service itself"


class PrivilegeName(StrEnum):
    """What a principal can do with operations of a type that endangers a workload, whoever the principal is."""

    ASSIGN_ROLES = "assign-roles"
    DEFINE_ROLES = "define-roles"
    ELEVATE_ACCESS = "elevate-access"
    USE_IDENTITIES = "use-identities"
    CHANGE_VAULT_POLICIES = "change-vault-policies"
    WRITE_EVERYTHING = "write-everything"
    CHANGE_GUARDRAILS = "change-guardrails"
    READ_KEYS = "read-keys"
    READ_CONNECTION_SECRETS = "read-connection-secrets"
    RUN_CODE = "run-code"
    CHANGE_NETWORK = "change-network"
    CHANGE_LOGGING = "change-logging"
    READ_SECRETS = "read-secrets"
    ADMINISTER_VAULT_CONTENTS = "administer-vault-contents"
    READ_DATA = "read-data"
    WRITE_DATA = "write-data"
    CALL_MODELS = "call-models"


class Lifted(StrEnum):
    """Which `properties` objects `az … list` leaves out, so that what is in them stands one level higher."""

    NOTHING = "nothing"
    RESOURCE = "resource"
    EVERYWHERE = "everywhere"


class SharedList(Struct, frozen=True):
    """One list of objects of several types below a resource: its path, the action that it needs, and a type (as spelled).

    Of that type it always holds one, by which an answer is known to be that list.
    """

    path: str
    action: str
    always: str


class Listing(Struct, frozen=True):
    """How Azure lists a type: one GET below each resource of the types in `on` (lower case).

    `members` are read one by one, by name, instead of a list; 404 of the `optional` ones means that there is none.
    `many`: a list, else one object. `empty_if_missing`: 404 means that there is none. `details`: each item is read once
    more by its own id, because the list leaves properties out. `empty_codes` (lower case): error codes that mean that
    there can be none. `without_properties`: Azure gives this type none; every other answer without is not believed.
    `together`: the list that has it with other types, in place of one for each.
    """

    on: Sequence[str]
    path: str
    name: str
    action: str
    when: When = When.ALWAYS
    members: Sequence[str] = ()
    optional: Sequence[str] = ()
    many: bool = True
    empty_if_missing: bool = False
    details: bool = False
    empty_codes: frozenset[str] = frozenset()
    without_properties: bool = False
    together: SharedList | None = None


class Hosts(Struct, frozen=True):
    """The host names of a resource: property paths that state them, and the domain in which its name is one."""

    stated: Sequence[str]
    domain: str | None = None


class RuleList(Struct, frozen=True):
    """Firewall rules that are resources of their own: their type (as spelled), and the paths of where a range starts and ends."""

    type: str
    first: str
    last: str


class RequestKinds(Struct, frozen=True):
    """Which requests a service takes from public networks: `kinds` there are, property paths of lists of them and of the rest.

    What a list names, it decides; `default` (`Allow` or `Deny`) decides the others.
    """

    kinds: Sequence[str]
    allow: str
    deny: str
    default: str


class GroupsBefore(Struct, frozen=True):
    """Where an endpoint lies in subnets of the customer's, whose groups filter what comes from the Internet, too.

    `where`: property path → values (lower case), all of which hold of such a resource. `subnets`: paths of their ids.
    """

    where: Mapping[paths.Steps, frozenset[str]]
    subnets: Sequence[paths.Steps]


class PublicEndpoint(Struct, frozen=True):
    """A public endpoint: property paths of what opens and closes it.

    `switch`: `Enabled`, `Disabled` or `SecuredByPerimeter`; absent, Azure's default of that property holds, unless an
    approved private endpoint turns it off then (`private_endpoint_closes`). `ip_rules`: lists of who gets in, beside those
    that are resources (`rules_below`), where `default_action` is `Deny`; without a default action, no rule at all means
    everybody, or nobody (`closed_without_rules`). `subnet_rules`: the subnets that get in, as a list or as types of resources
    (`subnets_below`). `zero`: whom the address 0.0.0.0 in the lists stands for. `bypass`: which of Azure's own services
    pass. `network_filter`: a flag that closes it where there are no IP rules. `closed_by`: values of other properties that
    close it. `requests`: which kinds of request it takes. `first_match`: a list of rules for addresses that allow or deny, of
    which the first that fits decides, and where none does the default of `requests`. `groups_before`: subnets that it lies in.
    `telemetry`: it takes and shows monitoring data only.
    """

    switch: str
    private_endpoint_closes: bool = False
    ip_rules: Sequence[str] = ()
    rules_below: Sequence[RuleList] = ()
    closed_without_rules: bool = False
    zero: str | None = None
    subnet_rules: str = ""
    subnets_below: Sequence[str] = ()
    default_action: str = ""
    bypass: str = ""
    network_filter: str = ""
    closed_by: Mapping[str, str] = field(default_factory=dict)
    requests: RequestKinds | None = None
    first_match: str = ""
    groups_before: GroupsBefore | None = None
    name: str = ""
    port: str = "443"
    telemetry: bool = False

    @property
    def paths(self) -> Sequence[str]:
        """Return every property path that it is read by."""
        requests = (self.requests.allow, self.requests.deny, self.requests.default) if self.requests else ()
        stated = (self.switch, *self.ip_rules, self.subnet_rules, self.default_action, self.bypass, self.network_filter)
        return [path for path in (*stated, *self.closed_by, *requests, self.first_match) if path]


class WayIn(Struct, frozen=True):
    """How a type is reached from the Internet; of a public endpoint, its switches or the code that reads it."""

    by: InternetReach
    endpoints: Sequence[PublicEndpoint] = ()
    reader: EndpointReader | None = None
    source: str | None = None


class Zone(Struct, frozen=True):
    """A private DNS zone of a private-link group: its name in each cloud, and the kinds of resource that need it."""

    names: Mapping[str, str]
    kinds: frozenset[str] = frozenset()


class KeyAccess(Struct, frozen=True):
    """What keys let their holder do, as patterns of operations relative to the type; `by`: operations that hand them out."""

    by: Sequence[str]
    control: Sequence[str] = ()
    data: Sequence[str] = ()


class AccessPolicies(Struct, frozen=True):
    """Access policies, by which a resource may let principals at its data in place of roles.

    `listed`: property path of the policies. `unless`: of the flag with which roles rule and policies have no effect.
    `permissions`: kind of object → permission, both in lower case → operations relative to the type.
    """

    listed: str
    unless: str
    permissions: Mapping[str, Mapping[str, Sequence[str]]]


ANY_VALUE: Final = "*"
"""Stands, among the values of a property, for whatever it may be as long as it is there."""


class RoleSwitch(Struct, frozen=True):
    """Operations that roles permit only where the resource says so, as patterns relative to the type.

    `where`: any of these, each property path → values (lower case), all of which hold. `instead`: an operation → the one
    on data that does the same where it has no effect.
    """

    where: Sequence[Mapping[str, Sequence[str]]]
    control: Sequence[str] = ()
    data: Sequence[str] = ()
    instead: Mapping[str, str] = field(default_factory=dict)


class Anonymous(Struct, frozen=True):
    """What anybody may do without signing in, as patterns of operations relative to the type.

    `where`: property path → values (lower case) with which the resource lets in; `above`: those that its top resource needs
    besides.
    """

    where: Mapping[str, Sequence[str]]
    above: Mapping[str, Sequence[str]] = field(default_factory=dict)
    control: Sequence[str] = ()
    data: Sequence[str] = ()


class Deployments(Struct, frozen=True):
    """What deploying a template shows of a resource: to whoever may do `by`, `where` the resource lets deployments in."""

    where: Mapping[str, Sequence[str]]
    by: Sequence[str]
    data: Sequence[str]


class RoleSystem(Struct, frozen=True):
    """Roles that a service keeps itself for its data: what the file of the type of their assignments says of them.

    `name` in words; `definitions`: the type of the roles, as spelled; `principal`, `role` and `scope`: property paths,
    where no scope means the whole parent. `segments`: how a scope names what lies in the parent (lower case) → how ARM
    does. `built_in`: GUID → name and operations on data, which every parent has and may not list. `create`, `delete`:
    commands with `{account}`, `{group}`, `{principal}`, `{role}`, `{scope}` and `{assignment}`.
    """

    name: str
    definitions: str
    door: ServiceDoor = ServiceDoor.SERVICE
    principal: str = "properties.principalId"
    role: str = "properties.roleDefinitionId"
    scope: str = "properties.scope"
    segments: Mapping[str, str] = field(default_factory=dict)
    built_in: Mapping[str, tuple[str, Sequence[str]]] = field(default_factory=dict)
    create: str = ""
    delete: str = ""


class Keys(Struct, frozen=True):
    """Operations on keys and credentials, relative to the type: what hands them out, and what puts new ones in place.

    `read_as_reader` end in `/read` and hand out secrets all the same, to everybody who may read everything.
    `names`: the keys that each resource has. `created`: key → property path of when its present value was made.
    `off`: property path → values with which the service accepts no key. `opens`: what the keys are good for.
    `lent`: property path of another resource → operations that hand out the keys of that one.
    """

    read: Sequence[str] = ()
    replace: Sequence[str] = ()
    read_as_reader: Sequence[str] = ()
    names: Sequence[str] = ()
    created: Mapping[str, str] = field(default_factory=dict)
    off: Mapping[str, Sequence[str]] = field(default_factory=dict)
    opens: Sequence[KeyAccess] = ()
    lent: Mapping[str, Sequence[str]] = field(default_factory=dict)


class CommandLine(Struct, frozen=True):
    """What `az` prints of a type: the command, which `properties` it lifts, and (its path → Azure's) where it renames."""

    list: str
    lifted: Lifted
    names: Mapping[str, str] = field(default_factory=dict)


class PrivateAddresses(Struct, frozen=True):
    """Where a type states the private addresses that it has, each beside the subnet: paths from what `each` leads to."""

    each: paths.Steps
    address: str
    subnet: str


class LogCategory(Struct, frozen=True):
    """A category of resource logs. `is_audit`: the group `audit` holds it. `tiers` (lower case): only these have it."""

    name: str
    is_audit: bool = False
    tiers: frozenset[str] = frozenset()


class ResourceType(Struct, frozen=True):
    """What is known of one resource type; `name` as Azure spells it.

    `refers`: what it states of other resources. `addresses`: where it states private addresses of its own.
    `label`: a short word for it in facts. `api_version`: shows all that rules read (the catalogue knows what is
    inherited). `resource_graph`: the table that holds it, None where none does. `always`: names beside `properties` (lower
    case) that Azure states of every resource of it: an entry without them shows a part. `inline`: the property of the parent
    that lists it whole; `not_inline` (lower case): properties that look so and are not. `always_exists`: a parent
    without it has not been read. `kinds` (lower case): only parents of these kinds have it. `where_parent`: property
    path → values (lower case) of the parents that alone have it. `log_categories`: None where
    they are not known. `calls_others`: resources of it call other services, and so should have an identity.
    `privileges`: operations relative to the type. `private_link_needs`: property paths of what a resource must have for a
    private endpoint of it to work.
    """

    name: str
    label: str | None = None
    api_version: str | None = None
    resource_graph: str | None = None
    always: frozenset[str] = frozenset()
    inline: str | None = None
    not_inline: frozenset[str] = frozenset()
    always_exists: bool = False
    kinds: frozenset[str] = frozenset()
    where_parent: Mapping[paths.Steps, frozenset[str]] = field(default_factory=dict)
    listing: Listing | None = None
    followed: Follow | None = None
    has_diagnostics: bool = False
    log_categories: Sequence[LogCategory] | None = None
    calls_others: bool = False
    refers: Sequence[StatedRelation] = ()
    addresses: Sequence[PrivateAddresses] = ()
    hosts: Hosts | None = None
    az: CommandLine | None = None
    way_in: WayIn | None = None
    private_link: Mapping[str, Sequence[Zone]] = field(default_factory=dict)
    keys: Keys = field(default_factory=Keys)
    policies: AccessPolicies | None = None
    roles: RoleSwitch | None = None
    anonymous: Sequence[Anonymous] = ()
    deployments: Deployments | None = None
    role_system: RoleSystem | None = None
    privileges: Mapping[PrivilegeName, Sequence[str]] = field(default_factory=dict)
    properties: Sequence[Property] = ()
    private_link_needs: Sequence[str] = ()

    @property
    def key(self) -> str:
        """Return the name in lower case."""
        return self.name.lower()

    @property
    def known_paths(self) -> Sequence[str]:
        """Return every property path that its file names."""
        endpoints = self.way_in.endpoints if self.way_in else ()
        texts = [
            *(item.path for item in self.properties),
            *(self.hosts.stated if self.hosts else ()),
            *(path for one in endpoints for path in one.paths),
            *self.private_link_needs,
            *self.keys.created.values(),
            *self.keys.off,
            *self.keys.lent,
            *((self.policies.listed, self.policies.unless) if self.policies else ()),
            *((path for where in self.roles.where for path in where) if self.roles else ()),
            *(path for one in self.anonymous for path in one.where),
            *(self.deployments.where if self.deployments else ()),
            *(f"{paths.show(one.each)}.{path}" for one in self.addresses for path in (one.address, one.subnet)),
            *(paths.show(place.at) for stated in self.refers for place in stated.places),
            *(paths.show(at) for stated in self.refers for at in stated.where),
        ]
        return [text for text in dict.fromkeys(texts) if text]

    @property
    def is_split_by_kind(self) -> bool:
        """Return whether its kinds are services of their own, with names of their own in private DNS."""
        return any(zone.kinds for zones in self.private_link.values() for zone in zones)

    @property
    def namespace(self) -> str:
        """Return the resource provider, as spelled."""
        return self.name.partition("/")[0]

    @property
    def parent(self) -> str | None:
        """Return the type that it is a child of, in lower case, or None for a top-level type."""
        head, _, _ = self.key.rpartition("/")
        return head if "/" in head else None


class Namespace(Struct, frozen=True):
    """What holds for all types of a resource provider; `privileges` are operations on none of them in particular."""

    name: str
    api_version: str | None = None
    privileges: Mapping[PrivilegeName, Sequence[str]] = field(default_factory=dict)
