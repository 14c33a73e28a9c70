"""Read the files of resource types; every mistake is an error that says where and what would be right.

`docs/resource-types.md` describes the keys.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from auditor.azure import paths, relation_files
from auditor.azure.relation import Navigation, StatedBy
from auditor.azure.resource_type import (
    DIAGNOSED,
    AccessPolicies,
    Anonymous,
    CommandLine,
    Deployments,
    EndpointReader,
    Follow,
    GroupsBefore,
    Hosts,
    InternetReach,
    KeyAccess,
    Keys,
    Lifted,
    Listing,
    LogCategory,
    Namespace,
    PrivateAddresses,
    PrivilegeName,
    PublicEndpoint,
    RequestKinds,
    ResourceType,
    RoleSwitch,
    RoleSystem,
    RuleList,
    ServiceDoor,
    SharedList,
    WayIn,
    When,
    Zone,
)
from auditor.azure.vocabulary import ENVELOPE, Property, ValueKind, ValueType
from auditor.errors import ContentError, Mistakes
from auditor.yaml_source import Node, load_file, suggestion

_TYPE: Final = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)+(/[A-Za-z0-9]+)+")
_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+)?")
_OPERATION: Final = re.compile(r"[A-Za-z0-9]+(/[A-Za-z0-9]+)*")
_OPERATION_PATTERN: Final = re.compile(r"\*|[A-Za-z0-9*]+(/[A-Za-z0-9*]+)*")
_DATA_OPERATION: Final = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)+(/[A-Za-z0-9*]+)+")
_CLOUDS: Final = ("public", "usgovernment", "china")
_CHILD_KEYS: Final = ("inline", "exists", "kinds", "where_parent", "role_system")
_KEYS: Final = (
    "type", "label", "api_version", "resource_graph", "always", "inline", "not_inline", "exists", "kinds", "where_parent", "list",
    "followed", "diagnostics", "logs", "calls_others", "placed", "refers", "addresses", "hosts", "az", "way_in",
    "private_link", "private_link_needs", "keys", "policies", "roles", "anonymous", "deployments", "role_system", "privileges",
    "properties",
)  # fmt: skip
_IN_SNAPSHOT: Final = "is part of what a snapshot is"
_OWN_KEYS: Final = {
    "inline": f"how children lie in parents {_IN_SNAPSHOT}",
    "not_inline": f"how children lie in parents {_IN_SNAPSHOT}",
    "always": f"what of an entry was not read {_IN_SNAPSHOT}",
}
MAX_FILES: Final = 5_000

_Word = TypeVar("_Word", bound=StrEnum)


def load_folder(
    folder: Path, known: Mapping[str, ResourceType] | None = None
) -> tuple[Sequence[ResourceType], Sequence[Namespace]]:
    """Read every file below a folder: `Namespace/type.yaml`, children in folders, and `Namespace.yaml`.

    `known` are the types, by name in lower case, that a user's folder adds to: of one of them, a file adds properties and
    nothing else. ContentError says the mistakes of all files.
    """
    types: list[ResourceType] = []
    namespaces: list[Namespace] = []
    mistakes = Mistakes()
    for path in files(folder):
        name = path.relative_to(folder).as_posix().removesuffix(".yaml")
        node = mistakes.of(load_file, path)
        if node is not None and "/" in name:
            added = mistakes.of(_type_of, node, name, known)
            types += [added] if added else []
        elif node is not None:
            space = mistakes.of(_namespace, node, name)
            namespaces += [space] if space else []
    mistakes.raise_any()
    return types, namespaces


def load_relations(
    folder: Path, known: Mapping[str, Navigation]
) -> tuple[Mapping[str, Navigation], Sequence[StatedBy]]:
    """Read the files of relations in a folder: their ways, and what they say of types. ContentError says all mistakes.

    `known` are ways that there are already: each name is one way's.
    """
    ways: dict[str, Navigation] = {}
    stated: list[StatedBy] = []
    mistakes = Mistakes()
    for path in files(folder):
        name = path.relative_to(folder).as_posix().removesuffix(".yaml")
        node = mistakes.of(load_file, path)
        found = None if node is None else mistakes.of(relation_files.relation, node, name)
        if found is None or node is None:
            continue
        for way, navigation in found[0].items():
            if way in ways or way in known:
                mistakes.of(node.child("ways", way).fail, f"the way '{way}' is another relation's already")
            ways[way] = navigation
        stated += found[1]
    mistakes.raise_any()
    return ways, stated


def _type_of(node: Node, name: str, known: Mapping[str, ResourceType] | None) -> ResourceType:
    if known is None:
        return resource_type(node, name)
    if name.lower() in known:
        return _with_properties(known[name.lower()], node, name)
    entries = node.mapping("a resource type")
    for key, why in _OWN_KEYS.items():
        if key in entries:
            _at_key(node, key).fail(f"only the tool's own types take '{key}'", why)
    added = resource_type(node, name)
    if added.label and any(item.label == added.label for item in known.values()):
        entries["label"].fail(f"the label '{added.label}' is another type's")
    return added


def _with_properties(known: ResourceType, node: Node, path: str) -> ResourceType:
    entries = node.mapping("a resource type")
    more = next((key for key in entries if key not in {"type", "properties"}), None)
    if more is not None:
        _at_key(node, more).fail(f"{known.name} has a file already: yours may add 'properties', not '{more}'")
    _name(node, entries.get("type"), "type", path)
    listed = {item.path.lower() for item in known.properties}
    for name, item in entries["properties"].mapping("properties").items() if "properties" in entries else ():
        if name.lower() in listed:
            item.fail(f"'{name}' is listed already in the tool's file of {known.name}")
    return replace(known, properties=[*known.properties, *properties(entries.get("properties"))])


def files(folder: Path) -> Sequence[Path]:
    """Return the files of types below a folder, sorted. ContentError where they are too many."""
    found: list[Path] = []
    for base, folders, files in os.walk(folder):  # does not follow links to folders, which may lead back here
        folders.sort()
        found += [Path(base) / name for name in sorted(files) if name.endswith(".yaml")]
        if len(found) > MAX_FILES:
            raise ContentError(f"{folder}: holds more than {MAX_FILES} files")
    return found


def resource_type(node: Node, path: str) -> ResourceType:
    """Return the type that a file states; `path` is where it lies below the folder of types, without its suffix."""
    entries = node.check_keys(_KEYS, "a resource type")
    name = _name(node, entries.get("type"), "type", path)
    if not _TYPE.fullmatch(name):
        entries["type"].fail(f"'{name}' is no resource type", "such as Microsoft.Storage/storageAccounts")
    for key in _CHILD_KEYS:
        if key in entries and name.count("/") < 2:
            _at_key(node, key).fail(f"'{key}' is for children: {name} has no parent")
    needs = entries["private_link_needs"].items("private_link_needs") if "private_link_needs" in entries else []
    return ResourceType(
        name=name,
        label=_text(entries, "label"),
        api_version=_version(entries),
        resource_graph=_text(entries, "resource_graph"),
        always=_beside_properties(entries),
        inline=_text(entries, "inline"),
        not_inline=frozenset(text.lower() for text in _texts(entries, "not_inline")),
        always_exists=_is_always(entries),
        kinds=frozenset(text.lower() for text in _texts(entries, "kinds")),
        where_parent=relation_files.values_by_path(entries.get("where_parent"), "where_parent"),
        listing=_listing(entries["list"], name) if "list" in entries else None,
        followed=_word(entries, "followed", Follow),
        has_diagnostics=_flag(entries, "diagnostics"),
        log_categories=_log_categories(entries.get("logs")),
        calls_others=_flag(entries, "calls_others"),
        refers=[
            *relation_files.placements(entries.get("placed")),
            *relation_files.stated_relations(entries.get("refers")),
        ],
        addresses=[_addresses(item) for item in entries["addresses"].items("addresses")]
        if "addresses" in entries
        else [],
        hosts=_hosts(entries["hosts"]) if "hosts" in entries else None,
        az=_command_line(entries["az"]) if "az" in entries else None,
        way_in=_way_in(entries["way_in"]) if "way_in" in entries else None,
        private_link=_private_link(entries.get("private_link")),
        keys=_credentials(entries.get("keys")),
        policies=_policies(entries["policies"]) if "policies" in entries else None,
        roles=_role_switch(entries["roles"]) if "roles" in entries else None,
        anonymous=[_anonymous(item) for item in entries["anonymous"].items("anonymous")]
        if "anonymous" in entries
        else (),
        deployments=_deployments(entries["deployments"]) if "deployments" in entries else None,
        role_system=_role_system(entries["role_system"]) if "role_system" in entries else None,
        privileges=_privileges(entries.get("privileges")),
        properties=properties(entries.get("properties")),
        private_link_needs=[_property_path(item, "each of private_link_needs") for item in needs],
    )


def _namespace(node: Node, path: str) -> Namespace:
    entries = node.check_keys(("namespace", "api_version", "privileges"), "a namespace")
    name = _name(node, entries.get("namespace"), "namespace", path)
    return Namespace(name, _version(entries), _privileges(entries.get("privileges")))


def _name(node: Node, entry: Node | None, key: str, path: str) -> str:
    """Return the name in a file, which must be its path, so that a type has one place."""
    if entry is None:
        node.fail(f"the file needs '{key}'", f"{key}: {path}")
    name = entry.text(key)
    if name.lower() != path.lower():
        entry.fail(f"'{name}' must lie in {name}.yaml, not in {path}.yaml")
    return name


def _at_key(node: Node, key: str) -> Node:
    return Node(None, node.keys[key])


def _text(entries: Mapping[str, Node], key: str) -> str | None:
    return entries[key].text(key) if key in entries else None


def _texts(entries: Mapping[str, Node], key: str) -> Sequence[str]:
    return [item.text(f"each of {key}") for item in entries[key].items(key)] if key in entries else []


def _beside_properties(entries: Mapping[str, Node]) -> frozenset[str]:
    found = _texts(entries, "always")
    for item, text in zip(entries["always"].items("always") if "always" in entries else (), found, strict=True):
        if text.lower() not in ENVELOPE:
            item.fail(f"'{text}' does not stand beside 'properties'", f"one of {', '.join(sorted(ENVELOPE))}")
    return frozenset(text.lower() for text in found)


def _flag(entries: Mapping[str, Node], key: str, *, default: bool = False) -> bool:
    if key not in entries:
        return default
    value = entries[key].value
    if not isinstance(value, bool):
        entries[key].fail(f"'{key}' takes true or false")
    return value


def _word(entries: Mapping[str, Node], key: str, words: type[_Word]) -> _Word | None:
    text = _text(entries, key)
    if text is None:
        return None
    if text not in list(words):
        entries[key].fail(f"'{text}' is no value of '{key}'", suggestion(text, words))
    return words(text)


def _version(entries: Mapping[str, Node]) -> str | None:
    version = _text(entries, "api_version")
    if version is not None and not _VERSION.fullmatch(version):
        entries["api_version"].fail(f"'{version}' is no API version", 'such as "2024-05-01", in quotation marks')
    return version


def _is_always(entries: Mapping[str, Node]) -> bool:
    text = _text(entries, "exists")
    if text not in {None, "always"}:
        entries["exists"].fail(f"'exists' takes 'always', not '{text}'", "leave it out where there may be none")
    return text is not None


def _property_path(node: Node, what: str) -> str:
    text = node.text(what)
    try:
        paths.parse(text)
    except ValueError as problem:
        node.fail(f"{what}: {problem}")
    return text


def _listing(node: Node, name: str) -> Listing:
    entries = node.check_keys(
        (
            *(
                "from",
                "path",
                "name",
                "action",
                "when",
                "members",
                "many",
                "empty_if_missing",
                "details",
                "empty_codes",
            ),
            *("without_properties", "optional", "together"),
        ),
        "list",
    )
    parent, _, last = name.rpartition("/")
    on = _listed_on(node, entries, parent)
    if "together" in entries and ("members" in entries or not _flag(entries, "many", default=True)):
        node.fail("'together' is for lists, not for objects that are read one by one")
    return Listing(
        on=on,
        path="/" + (_text(entries, "path") or (last if "/" in parent else f"providers/{name}")),
        name=_text(entries, "name") or (name.partition("/")[2] if "/" in parent else last),
        action=_text(entries, "action") or f"{name}/read",
        when=_word(entries, "when", When) or When.ALWAYS,
        members=_texts(entries, "members"),
        optional=_texts(entries, "optional"),
        many=_flag(entries, "many", default=True),
        empty_if_missing=_flag(entries, "empty_if_missing"),
        details=_flag(entries, "details"),
        empty_codes=frozenset(text.lower() for text in _texts(entries, "empty_codes")),
        without_properties=_flag(entries, "without_properties"),
        together=_shared_list(entries["together"], parent) if "together" in entries else None,
    )


def _shared_list(node: Node, parent: str) -> SharedList:
    entries = node.check_keys(("path", "always"), "together")
    for key in ("path", "always"):
        if key not in entries:
            node.fail(f"together needs '{key}'", "together: {path: ALL, always: SOA}")
    path, always = entries["path"].text("path"), entries["always"].text("always")
    return SharedList(f"/{path}", f"{parent}/{path}/read", f"{parent}/{always}")


def _listed_on(node: Node, entries: Mapping[str, Node], parent: str) -> Sequence[str]:
    """Return the types (lower case) below whose resources a type is listed; without `from` that is its parent."""
    if "from" not in entries:
        if "/" not in parent:
            node.fail("a type without a parent needs 'from'", "list: {from: [Microsoft.Resources/subscriptions]}")
        return [parent.lower()]
    found = []
    for item in entries["from"].items("from"):
        text = item.text("each of from")
        if text != DIAGNOSED and not _TYPE.fullmatch(text):
            item.fail(f"'{text}' is no resource type", f"a type, or '{DIAGNOSED}' for all with diagnostic settings")
        found.append(text.lower())
    return found


def _log_categories(node: Node | None) -> Sequence[LogCategory] | None:
    return None if node is None else [_log_category(item) for item in node.items("logs")]


def _log_category(node: Node) -> LogCategory:
    if isinstance(node.value, str):
        return LogCategory(node.text("each of logs"))
    entries = node.check_keys(("name", "audit", "tiers"), "a log category")
    if "name" not in entries:
        node.fail("a log category needs its 'name'")
    tiers = frozenset(text.lower() for text in _texts(entries, "tiers"))
    return LogCategory(entries["name"].text("name"), _flag(entries, "audit"), tiers)


def _hosts(node: Node) -> Hosts:
    entries = node.check_keys(("stated", "domain"), "hosts")
    paths_of = entries["stated"].items("stated") if "stated" in entries else []
    stated = [_property_path(item, "each of stated") for item in paths_of]
    return Hosts(stated, _text(entries, "domain"))


def _addresses(node: Node) -> PrivateAddresses:
    entries = node.check_keys(("each", "address", "subnet"), "each of addresses")
    missing = next((key for key in ("each", "address", "subnet") if key not in entries), None)
    if missing is not None:
        node.fail(f"each of addresses needs '{missing}'", "each: 'properties.ipConfigurations[*]'")
    address, subnet = (_property_path(entries[key], key) for key in ("address", "subnet"))
    return PrivateAddresses(paths.parse(_property_path(entries["each"], "each")), address, subnet)


def _command_line(node: Node) -> CommandLine:
    entries = node.check_keys(("list", "lifted", "names"), "az")
    if "list" not in entries:
        node.fail("az needs 'list', the command")
    names = entries["names"].mapping("names") if "names" in entries else {}
    renamed = {path: _property_path(item, f"what az calls {path}") for path, item in names.items()}
    return CommandLine(entries["list"].text("list"), _word(entries, "lifted", Lifted) or Lifted.RESOURCE, renamed)


def _way_in(node: Node) -> WayIn:
    entries = node.check_keys(("by", "endpoints", "reader", "source"), "way_in")
    by = _word(entries, "by", InternetReach)
    if by is None:
        node.fail("way_in needs 'by'", f"one of {', '.join(InternetReach)}")
    if by is InternetReach.NOTHING and "source" not in entries:
        node.fail("that nothing leads in needs its 'source'", "the page of the service's documentation")
    if (by is InternetReach.ENDPOINT) != (("endpoints" in entries) or ("reader" in entries)):
        node.fail("'endpoints' or 'reader' say how a public endpoint is read, and belong to one")
    if "endpoints" in entries and "reader" in entries:
        node.fail("way_in takes 'endpoints' or 'reader', not both")
    endpoints = [_endpoint(item) for item in entries["endpoints"].items("endpoints")] if "endpoints" in entries else []
    return WayIn(by, endpoints, _word(entries, "reader", EndpointReader), _text(entries, "source"))


_ENDPOINT_PATHS: Final = ("switch", "subnet_rules", "default_action", "bypass", "network_filter", "first_match")
_ENDPOINT_FLAGS: Final = ("telemetry", "private_endpoint_closes", "closed_without_rules")
_ENDPOINT_PARTS: Final = (
    "ip_rules",
    "groups_before",
    "closed_by",
    "rules_below",
    "subnets_below",
    "requests",
    "zero",
    "name",
    "port",
)


def _endpoint(node: Node) -> PublicEndpoint:
    known = (*_ENDPOINT_PATHS, *_ENDPOINT_FLAGS, *_ENDPOINT_PARTS)
    entries = node.check_keys(known, "an endpoint")
    if "switch" not in entries:
        node.fail("an endpoint needs its 'switch'")
    if "first_match" in entries and "requests" not in entries:
        entries["first_match"].fail("'first_match' needs 'requests', whose default decides where no rule fits")
    closed_by = entries["closed_by"].mapping("closed_by") if "closed_by" in entries else {}
    stated = {key: _property_path(entries[key], key) for key in _ENDPOINT_PATHS if key in entries}
    below = entries["rules_below"].items("rules_below") if "rules_below" in entries else []
    return PublicEndpoint(
        switch=stated["switch"],
        private_endpoint_closes=_flag(entries, "private_endpoint_closes"),
        ip_rules=_one_or_more_paths(entries["ip_rules"], "ip_rules") if "ip_rules" in entries else (),
        rules_below=[_rule_list(item) for item in below],
        closed_without_rules=_flag(entries, "closed_without_rules"),
        zero=_text(entries, "zero"),
        subnet_rules=stated.get("subnet_rules", ""),
        subnets_below=_texts(entries, "subnets_below"),
        default_action=stated.get("default_action", ""),
        bypass=stated.get("bypass", ""),
        network_filter=stated.get("network_filter", ""),
        closed_by={path: str(value.value).lower() for path, value in closed_by.items()},
        requests=_request_kinds(entries["requests"]) if "requests" in entries else None,
        first_match=stated.get("first_match", ""),
        groups_before=_groups_before(entries["groups_before"]) if "groups_before" in entries else None,
        name=_text(entries, "name") or "",
        port=_text(entries, "port") or "443",
        telemetry=_flag(entries, "telemetry"),
    )


def _one_or_more_paths(node: Node, what: str) -> Sequence[str]:
    items = node.items(what) if isinstance(node.value, list) else [node]
    return [_property_path(item, what) for item in items]


def _groups_before(node: Node) -> GroupsBefore:
    entries = node.check_keys(("where", "subnets"), "groups_before")
    for key in ("where", "subnets"):
        if key not in entries:
            node.fail(f"groups_before needs '{key}'", "{where: {p: [a]}, subnets: [properties.subnet.id]}")
    subnets = _one_or_more_paths(entries["subnets"], "subnets")
    return GroupsBefore(relation_files.values_by_path(entries["where"], "where"), [paths.parse(one) for one in subnets])


def _rule_list(node: Node) -> RuleList:
    keys = ("type", "first", "last")
    entries = node.check_keys(keys, "each of rules_below")
    if len(entries) < len(keys):
        node.fail("firewall rules need their 'type', and where a range has its 'first' and 'last' address")
    first, last = (_property_path(entries[key], key) for key in ("first", "last"))
    return RuleList(entries["type"].text("type"), first, last)


def _request_kinds(node: Node) -> RequestKinds:
    keys = ("kinds", "allow", "deny", "default")
    entries = node.check_keys(keys, "requests")
    if len(entries) < len(keys):
        node.fail("requests need their 'kinds', and the paths that 'allow' and 'deny' them and hold the 'default'")
    allow, deny, default = (_property_path(entries[key], key) for key in ("allow", "deny", "default"))
    return RequestKinds(_texts(entries, "kinds"), allow, deny, default)


def _private_link(node: Node | None) -> Mapping[str, Sequence[Zone]]:
    groups = {} if node is None else node.mapping("private_link")
    return {name: [_zone(item) for item in zones.items(f"the zones of {name}")] for name, zones in groups.items()}


def _zone(node: Node) -> Zone:
    entries = node.check_keys((*_CLOUDS, "kinds"), "a zone")
    if "public" not in entries:
        node.fail("a zone needs its name in the public cloud", "public: privatelink.example.net")
    names: dict[str, str] = {cloud: entries[cloud].text(cloud) for cloud in _CLOUDS if cloud in entries}
    return Zone(names, frozenset(text.lower() for text in _texts(entries, "kinds")))


def _credentials(node: Node | None) -> Keys:
    if node is None:
        return Keys()
    kinds = ("read", "replace", "read_as_reader")
    entries = node.check_keys((*kinds, "names", "created", "off", "opens", "lent"), "keys")
    found = {key: _operations(entries[key], key) for key in kinds if key in entries}
    created = entries["created"].mapping("created") if "created" in entries else {}
    return Keys(
        read=found.get("read", ()),
        replace=found.get("replace", ()),
        read_as_reader=found.get("read_as_reader", ()),
        names=_texts(entries, "names") or list(created),
        created={name: _property_path(item, f"the path of {name}") for name, item in created.items()},
        off=_values_by_path(entries["off"]) if "off" in entries else {},
        opens=[_key_access(item, found) for item in entries["opens"].items("opens")] if "opens" in entries else [],
        lent=_operations_by_path(entries.get("lent")),
    )


def _key_access(node: Node, handed_out: Mapping[str, Sequence[str]]) -> KeyAccess:
    """Return what keys open; without `by` they are those that all operations of the type hand out."""
    entries = node.check_keys(("by", "control", "data"), "each of opens")
    everything = [name for names in handed_out.values() for name in names]
    by = _operations(entries["by"], "by") if "by" in entries else everything
    if not by or not {"control", "data"} & set(entries):
        node.fail("what keys open needs operations that hand them out, and what they let one do", "{data: ['*']}")
    return KeyAccess(by, *_by_plane(entries))


def _by_plane(entries: Mapping[str, Node]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the patterns of operations on the control plane and on data."""
    control, data = (
        _operations(entries[plane], plane, _OPERATION_PATTERN) if plane in entries else ()
        for plane in ("control", "data")
    )
    return control, data


def _operations_by_path(node: Node | None) -> Mapping[str, Sequence[str]]:
    return {} if node is None else {path: _operations(item, path) for path, item in node.mapping("lent").items()}


def _policies(node: Node) -> AccessPolicies:
    entries = node.check_keys(("listed", "unless", "permissions"), "policies")
    if len(entries) < len(("listed", "unless", "permissions")):
        node.fail("policies need 'listed', 'unless' and 'permissions'")
    return AccessPolicies(
        _property_path(entries["listed"], "listed"),
        _property_path(entries["unless"], "unless"),
        {
            kind.lower(): {
                name.lower(): _operations(each, name, _OPERATION_PATTERN) for name, each in item.mapping(kind).items()
            }
            for kind, item in entries["permissions"].mapping("permissions").items()
        },
    )


def _role_switch(node: Node) -> RoleSwitch:
    entries = node.check_keys(("where", "control", "data", "instead"), "roles")
    if "where" not in entries or not {"control", "data"} & set(entries):
        node.fail("roles need 'where' they have an effect, and on which operations", "{where: [{p: [a]}], data: ['*']}")
    control, data = _by_plane(entries)
    instead = entries["instead"].mapping("instead") if "instead" in entries else {}
    return RoleSwitch(
        where=[_values_by_path(item) for item in entries["where"].items("where")],
        control=control,
        data=data,
        instead={name: item.text(f"what does the same as {name}") for name, item in instead.items()},
    )


def _anonymous(node: Node) -> Anonymous:
    entries = node.check_keys(("where", "above", "control", "data"), "each of anonymous")
    if "where" not in entries or not {"control", "data"} & set(entries):
        node.fail(
            "anonymous access needs 'where' it is given, and to which operations", "{where: {p: [a]}, data: ['*']}"
        )
    above = _values_by_path(entries["above"]) if "above" in entries else {}
    return Anonymous(_values_by_path(entries["where"]), above, *_by_plane(entries))


def _deployments(node: Node) -> Deployments:
    entries = node.check_keys(("where", "by", "data"), "deployments")
    if len(entries) < len(("where", "by", "data")):
        node.fail(
            "deployments need 'where', 'by' and 'data'", "{where: {p: [a]}, by: [deploy/action], data: [things/read]}"
        )
    return Deployments(
        _values_by_path(entries["where"]),
        _operations(entries["by"], "by"),
        _operations(entries["data"], "data", _OPERATION_PATTERN),
    )


def _values_by_path(node: Node) -> Mapping[str, Sequence[str]]:
    return {
        path: [str(each.value).lower() for each in item.items(path)]
        for path, item in node.mapping("values by path").items()
    }


_ROLE_PATHS: Final = ("principal", "role", "scope")
_ROLE_TEXTS: Final = ("name", "definitions", "create", "delete")


def _role_system(node: Node) -> RoleSystem:
    entries = node.check_keys((*_ROLE_TEXTS, *_ROLE_PATHS, "door", "segments", "built_in"), "role_system")
    for key in ("name", "definitions"):
        if key not in entries:
            node.fail(f"role_system needs '{key}'")
    segments = entries["segments"].mapping("segments") if "segments" in entries else {}
    built_in = entries["built_in"].mapping("built_in") if "built_in" in entries else {}
    return RoleSystem(
        **{key: entries[key].text(key) for key in _ROLE_TEXTS if key in entries},
        **{key: _property_path(entries[key], key) for key in _ROLE_PATHS if key in entries},
        door=_word(entries, "door", ServiceDoor) or ServiceDoor.SERVICE,
        segments={name.lower(): item.text(f"what ARM calls {name}") for name, item in segments.items()},
        built_in={guid.lower(): _role_built_in(item) for guid, item in built_in.items()},
    )


def _role_built_in(node: Node) -> tuple[str, Sequence[str]]:
    entries = node.check_keys(("name", "data"), "a built-in role")
    if len(entries) < len(("name", "data")):
        node.fail("a built-in role needs 'name' and 'data'", "{name: Reader, data: [Contoso.Test/things/read]}")
    return entries["name"].text("name"), _operations(entries["data"], "data", _DATA_OPERATION)


def _operations(node: Node, what: str, form: re.Pattern[str] = _OPERATION) -> Sequence[str]:
    found = []
    for item in node.items(what):
        text = item.text(f"each of {what}")
        if not form.fullmatch(text):
            item.fail(f"'{text}' is no operation", "without the type: listKeys/action")
        found.append(text)
    return found


def _privileges(node: Node | None) -> Mapping[PrivilegeName, Sequence[str]]:
    entries = {} if node is None else node.check_keys(PrivilegeName, "privileges")
    return {PrivilegeName(name): _operations(operations, name) for name, operations in entries.items()}


def properties(node: Node | None) -> Sequence[Property]:
    """Return the properties that rules may name, with Azure's default and the first API version that returns each."""
    entries = {} if node is None else node.mapping("properties")
    return [_property(path, entry) for path, entry in entries.items()]


def _property(path: str, node: Node) -> Property:
    try:
        steps = paths.parse(path)
    except ValueError as problem:
        node.fail(str(problem))
    if node.value is None:
        return Property(path, steps)
    entries = node.check_keys(("default", "since", "source", "holds"), f"property '{path}'")
    if "default" in entries and "source" not in entries:
        node.fail(f"the default of '{path}' needs its 'source'", "the page that says what Azure assumes")
    default = entries["default"].plain() if "default" in entries else paths.ABSENT
    return Property(path, steps, default, _text(entries, "since"), _text(entries, "source"), _holds(entries, default))


def _holds(entries: Mapping[str, Node], default: object) -> ValueType | None:
    """Return what a property can hold: what its entry says, else what Azure's default is; None where neither tells."""
    kind = _word(entries, "holds", ValueKind) or _kind_of(default)
    if kind is not None and _kind_of(default) not in {kind, None}:
        entries["holds"].fail(f"the default is no {kind}")
    return None if kind is None else ValueType((kind,))


def _kind_of(value: object) -> ValueKind | None:
    match value:
        case bool():
            return ValueKind.BOOLEAN
        case int() | float():
            return ValueKind.NUMBER
        case str():
            return ValueKind.TEXT
        case _:
            return None
