"""A file of a resource type says what is known of it; each mistake in one is an error with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.analysis.exposure.services import READERS
from auditor.azure.catalogue import Catalogue, shipped
from auditor.azure.paths import ABSENT
from auditor.azure.resource_type import DIAGNOSED, EndpointReader, InternetReach, PrivilegeName, When
from auditor.errors import ContentError
from auditor.network import service_doors
from auditor.rbac.privileges import PRIVILEGES
from tests.checkout import ROOT

THINGS = "Contoso.Test/things"


def write_type(folder: Path, text: str, name: str = THINGS) -> Path:
    """Write the file of a type and return the folder of types."""
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder


def with_types(folder: Path) -> Catalogue:
    """Return the shipped catalogue with the types of a folder."""
    return shipped().with_folders([folder])


def test_a_user_s_type_stands_beside_those_of_the_tool(tmp_path: Path) -> None:
    write_type(tmp_path, 'type: Contoso.Test/things\napi_version: "2024-01-01"\n')
    write_type(tmp_path, "type: Contoso.Test/things/parts\nlist: {details: true}\n", "Contoso.Test/things/parts")

    known = with_types(tmp_path)

    parts = known.get("contoso.test/THINGS/parts")
    assert parts is not None
    assert parts.listing is not None
    assert (parts.listing.path, parts.listing.on) == ("/parts", ["contoso.test/things"])
    assert known.read_version("Contoso.Test/things/parts") == "2024-01-01"
    assert known.get("Microsoft.Storage/storageAccounts") is not None


def test_a_user_s_file_adds_properties_to_a_type_of_the_tool(tmp_path: Path) -> None:
    storage = "Microsoft.Storage/storageAccounts"
    write_type(tmp_path, f"type: {storage}\nproperties:\n  properties.isHnsEnabled:\n", storage)

    names = with_types(tmp_path).of_type(storage)

    assert names.resolve("isHnsEnabled").known is not None
    assert names.resolve("minimumTlsVersion").known is not None


_DOOR = "type: Contoso.Test/things\nway_in: {by: public endpoint, endpoints: [{switch: properties.a,"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label: x", "needs 'type'"),
        ("type: Contoso.Test/other", "must lie in Contoso.Test/other.yaml"),
        ("type: Contoso.Test/things\nkyes: {}", "unknown key 'kyes'.*did you mean 'keys'"),
        ("type: Contoso.Test/things\napi_version: 2024", "api_version must be text"),
        ('type: Contoso.Test/things\napi_version: "v1"', "'v1' is no API version"),
        ("type: Contoso.Test/things\nexists: always", "has no parent"),
        ("type: Contoso.Test/things\nlist: {}", "needs 'from'"),
        ("type: Contoso.Test/things\nlist: {from: [things]}", "'things' is no resource type"),
        ("type: Contoso.Test/things\nlist: {from: [diagnosed], when: often}", "'often' is no value of 'when'"),
        ("type: Contoso.Test/things\nlist: {from: [diagnosed], together: {path: all}}", "together needs 'always'"),
        (
            "type: Contoso.Test/things\nlist: {from: [diagnosed], together: {path: all, of: x}}",
            "unknown key 'of' in together",
        ),
        (
            "type: Contoso.Test/things\nlist: {from: [diagnosed], members: [a], together: {path: all, always: parts}}",
            "'together' is for lists",
        ),
        ("type: Contoso.Test/things\ndiagnostics: perhaps", "takes true or false"),
        ("type: Contoso.Test/things\nway_in: {by: nothing}", "needs its 'source'"),
        ("type: Contoso.Test/things\nway_in: {by: public endpoint}", "'endpoints' or 'reader'"),
        ("type: Contoso.Test/things\nway_in: {by: window}", "'window' is no value of 'by'"),
        ("type: Contoso.Test/things\nway_in: {by: public endpoint, endpoints: [{}]}", "needs its 'switch'"),
        (f"{_DOOR} rules_below: [{{type: Contoso.Test/things/rules}}]}}]}}", "need their 'type'"),
        (f"{_DOOR} requests: {{kinds: [Call]}}}}]}}", "need their 'kinds'"),
        (f"{_DOOR} ip_rules: [properties.a, 'a b..c']}}]}}", "ip_rules"),
        (f"{_DOOR} private_endpoint_closes: maybe}}]}}", "takes true or false"),
        ("type: Contoso.Test/things\nprivate_link: {a: [{china: x}]}", "in the public cloud"),
        ("type: Contoso.Test/things\nkeys: {read: [listKeys action]}", "is no operation"),
        ("type: Contoso.Test/things\nprivileges: {read-minds: [x/action]}", "unknown key 'read-minds'"),
        ("type: Contoso.Test/things\nproperties: {properties.a: {default: 1}}", "needs its 'source'"),
        ("type: Contoso.Test/things\nproperties: {'properties..a': }", ":2:"),
        ("type: Contoso.Test/things\nproperties: {properties.a: {holds: flag}}", "'flag' is no value of 'holds'"),
        (
            "type: Contoso.Test/things\nproperties: {properties.a: {holds: text, default: true, source: x}}",
            "the default is no text",
        ),
        ("type: Contoso.Test/things\nlabel: vault", "is another type's"),
        ("type: Contoso.Test/things\nnot_inline: [a]", "only the tool's own types"),
        ("type: Contoso.Test/things\nalways: [sku]", "only the tool's own types"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    write_type(tmp_path, text)

    with pytest.raises(ContentError, match=message) as caught:
        with_types(tmp_path)

    assert str(caught.value).startswith(f"{tmp_path}/{THINGS}.yaml:")


def test_all_files_are_read_before_their_mistakes_are_told(tmp_path: Path) -> None:
    write_type(tmp_path, "type: Contoso.Test/a\nx: 1", "Contoso.Test/a")
    write_type(tmp_path, "type: Contoso.Test/b\nx: 1", "Contoso.Test/b")

    with pytest.raises(ContentError) as caught:
        with_types(tmp_path)

    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("more", ["label: mine", "properties: {properties.minimumTlsVersion: }"])
def test_a_type_of_the_tool_is_not_changed_by_a_user_s_file(tmp_path: Path, more: str) -> None:
    storage = "Microsoft.Storage/storageAccounts"
    write_type(tmp_path, f"type: {storage}\n{more}", storage)

    with pytest.raises(ContentError, match="already"):
        with_types(tmp_path)


def test_the_type_of_the_guide_is_read_and_states_what_it_names(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "resource-types.md").read_text()
    [example] = re.findall(
        r"```yaml\n# auditor/azure/types/Microsoft\.Search/searchServices\.yaml\n(.*?)```", guide, re.DOTALL
    )
    write_type(tmp_path, example.replace("Microsoft.Search/searchServices", THINGS))

    known = with_types(tmp_path).get(THINGS)

    assert known is not None
    assert [stated.relation for stated in known.refers] == ["uses"]
    assert "properties.encryptionWithCmk.keyVault.id" in known.known_paths


def test_labels_are_of_one_type_each() -> None:
    labels = [item.label for item in shipped() if item.label]
    assert sorted(labels) == sorted(set(labels))


def test_every_list_hangs_on_a_type_that_is_known_and_has_a_version() -> None:
    loose = [
        (item.name, on)
        for item in shipped()
        if item.listing
        for on in item.listing.on
        if shipped().read_version(item.name) is None or (on != DIAGNOSED and shipped().get(on) is None)
    ]
    assert loose == []


def test_every_switch_is_a_listed_property() -> None:
    """What a switch means where it is absent is said once, with its source."""
    unlisted = [
        (item.name, endpoint.switch)
        for item in shipped()
        for endpoint in (item.way_in.endpoints if item.way_in else ())
        if endpoint.switch not in {known.path for known in item.properties}
    ]
    assert unlisted == []


def test_every_default_has_its_source() -> None:
    assert [
        (item.name, known.path)
        for item in shipped()
        for known in item.properties
        if known.default is not ABSENT and not (known.source or "").startswith("https://")
    ] == []


def test_every_way_in_that_code_reads_has_its_code_and_its_type() -> None:
    named = {item.way_in.reader for item in shipped() if item.way_in and item.way_in.reader}
    assert named == set(EndpointReader) == READERS.keys() | service_doors.READERS.keys()


def test_every_privilege_has_operations() -> None:
    assert {privilege.name for privilege in PRIVILEGES if privilege.operations} == set(PrivilegeName)


def test_a_child_is_reached_through_its_parent_or_by_itself() -> None:
    """Only a child that has an address of its own has a way in of its own."""
    ways = {item.name: item.way_in.by for item in shipped() if item.way_in and item.parent}
    assert {name for name, by in ways.items() if by is InternetReach.ADDRESS} == set()


def test_what_is_listed_on_demand_is_listed_once() -> None:
    for item in shipped():
        if item.listing and item.listing.when is When.DEMAND:
            assert len(item.listing.on) == 1


def test_a_type_says_which_keys_it_has_how_old_they_are_and_when_none_is_accepted(tmp_path: Path) -> None:
    keys = (
        "created: {one: properties.keys.one.madeAt, two: properties.keys.two.madeAt}, off: {properties.noKeys: [True]}"
    )
    write_type(tmp_path, f"type: Contoso.Test/things\nkeys: {{replace: [renew/action], {keys}}}\n")

    known = with_types(tmp_path).get(THINGS)

    assert known is not None
    assert known.keys.names == ["one", "two"]
    assert known.keys.created["two"] == "properties.keys.two.madeAt"
    assert known.keys.off == {"properties.noKeys": ["true"]}


def test_the_path_of_a_key_s_age_has_to_be_a_path(tmp_path: Path) -> None:
    write_type(tmp_path, 'type: Contoso.Test/things\nkeys: {created: {one: "properties..madeAt"}}\n')

    with pytest.raises(ContentError, match="the path of one"):
        with_types(tmp_path)
