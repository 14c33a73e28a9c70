"""Write the large files of auditor/azure/reference_data/data anew from what Azure itself publishes.

    az role definition list --query "[?roleType=='BuiltInRole']" > roles.json
    scripts/refresh_reference_data.py built-in-roles roles.json --source URL --as-of YYYY-MM-DD
    scripts/refresh_reference_data.py service-tags ServiceTags_Public_<date>.json --source URL --as-of YYYY-MM-DD

Roles are read as the command line prints them or as ARM lists them, tags as Microsoft's weekly file or the answer to
`az network list-service-tags`. The small files, regions.yaml and skus.yaml, are kept by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from auditor.azure import addresses
from auditor.azure.ranges import Ranges, difference, intersection, union

DATA: Final = Path(__file__).parents[1] / "auditor" / "azure" / "reference_data" / "data"
LISTS: Final = ("actions", "notActions", "dataActions", "notDataActions")


def roles(document: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each built-in role's GUID with its name and permissions; lists that are empty are left out."""
    for entry in document["value"] if isinstance(document, dict) else document:
        body = entry.get("properties", entry)
        if body.get("roleType", body.get("type")) == "BuiltInRole":
            yield (
                entry["name"].lower(),
                {"name": body["roleName"], "permissions": [_block(b) for b in body["permissions"]]},
            )


def _block(block: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {name: block[name] for name in LISTS if block.get(name)}
    return kept | ({"condition": block["condition"]} if block.get("condition") else {})


def tags(document: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each tag that is of no single region, with what lasts longer than its prefixes, which change every week.

    `ipv4`: it holds IPv4 addresses. `inside`: the smallest other tag that holds all of it; AzureCloud counts for none.
    `regions_outside`: not all of its regional tags lie inside of it.
    """
    held = {entry["name"]: _addresses(entry["properties"]["addressPrefixes"]) for entry in document["values"]}
    regional = {entry["name"] for entry in document["values"] if entry["properties"]["region"]}
    outside = {name.rpartition(".")[0] for name in regional if difference(held[name], held[name.rpartition(".")[0]])}
    for name in held.keys() - regional:
        around = [tag for tag in held.keys() - regional - {name, "AzureCloud"} if not difference(held[name], held[tag])]
        smallest = min(around, key=lambda tag: (sum(end - start for start, end in held[tag]), tag), default=None)
        yield (
            name,
            {
                "ipv4": bool(intersection(held[name], addresses.IPV4)),
                **({"inside": smallest} if smallest else {}),
                **({"regions_outside": True} if name in outside else {}),
            },
        )


def _addresses(prefixes: Sequence[str]) -> Ranges:
    return union(*(addresses.must_parse(prefix) for prefix in prefixes))


def text(title: str, source: Mapping[str, str], key: str, entries: Mapping[str, Any]) -> str:
    """Return the file, one entry a line, so that a new edition shows as what has changed."""
    head = f'{{\n"title": {json.dumps(title)},\n"sources": {json.dumps([source])},\n"{key}": {{\n'
    lines = (f"{json.dumps(name)}: {json.dumps(entries[name], separators=(',', ':'))}" for name in sorted(entries))
    return head + ",\n".join(lines) + "\n}\n}\n"


def write_roles(document: Any, source: Mapping[str, str]) -> Path:
    """Write the built-in roles and return the file."""
    path = DATA / "built_in_roles.json"
    title = "Built-in roles: the definitions that every tenant has"
    path.write_text(text(title, source, "roles", dict(roles(document))), encoding="utf-8")
    return path


def write_tags(document: Any, source: Mapping[str, str]) -> Path:
    """Write the service tags and return the file."""
    path = DATA / "service_tags.json"
    title = "Service tags of the public cloud: their names, and which lies inside another"
    path.write_text(text(title, source, "tags", dict(tags(document))), encoding="utf-8")
    return path


WRITERS: Final[Mapping[str, Callable[[Any, Mapping[str, str]], Path]]] = {
    "built-in-roles": write_roles,
    "service-tags": write_tags,
}


def main() -> None:
    """Read the options, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=sorted(WRITERS))
    parser.add_argument("file", type=Path)
    parser.add_argument("--source", required=True, help="where the file comes from")
    parser.add_argument("--as-of", required=True, metavar="YYYY-MM-DD", help="the day that it stood there")
    options = parser.parse_args()
    document = json.loads(options.file.read_text(encoding="utf-8-sig"))
    path = WRITERS[options.dataset](document, {"url": options.source, "as_of": options.as_of})
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
