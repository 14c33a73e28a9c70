"""Write what ships about Azure, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TextIO

from auditor.azure.reference_data.datasets import Dataset
from auditor.report.layout import Layout

SCHEMA_VERSION: Final = 1
"""Rises only when a key changes its meaning; keys are added."""


def write_list(datasets: Sequence[Dataset], out: TextIO, width: int) -> None:
    """Write one line per data set, then where each comes from."""
    layout = Layout(max(40, width), color=False)
    rows = [(dataset.name, str(len(dataset.rows)), _days(dataset), dataset.title) for dataset in datasets]
    lines = layout.rows(("data set", "entries", "of", "what"), rows, indent=0)
    for dataset in datasets:
        lines += [*layout.heading(dataset.name), *_sources(layout, dataset)]
    out.write("\n".join(lines) + "\n")


def write_page(dataset: Dataset, out: TextIO, width: int) -> None:
    """Write a data set: what it is about, its sources, its entries."""
    layout = Layout(max(40, width), color=False)
    lines = [*layout.paragraph(f"{dataset.title}, {_days(dataset)}", indent=0), *_sources(layout, dataset), ""]
    lines += layout.rows(dataset.columns, dataset.rows, indent=0)
    out.write("\n".join([*lines, "", f"{len(dataset.rows)} entries"]) + "\n")


def _days(dataset: Dataset) -> str:
    oldest, newest = dataset.oldest.isoformat(), dataset.newest.isoformat()
    return newest if oldest == newest else f"{oldest} to {newest}"


def _sources(layout: Layout, dataset: Dataset) -> list[str]:
    return [line for source in dataset.sources for line in layout.verbatim(f"{source.as_of.isoformat()}  {source.url}")]


def write_list_json(datasets: Sequence[Dataset], out: TextIO, _: int) -> None:
    """Write all data sets without their entries as one JSON object."""
    _write({"datasets": [{**_head(dataset), "entries": len(dataset.rows)} for dataset in datasets]}, out)


def write_page_json(dataset: Dataset, out: TextIO, _: int) -> None:
    """Write a data set with its entries, each an object by column, as one JSON object."""
    entries = [dict(zip(dataset.columns, row, strict=True)) for row in dataset.rows]
    _write({**_head(dataset), "entries": entries}, out)


def _head(dataset: Dataset) -> Mapping[str, object]:
    return {
        "name": dataset.name,
        "title": dataset.title,
        "version": dataset.version,
        "sha256": dataset.sha256,
        "sources": [{"url": source.url, "as_of": source.as_of.isoformat()} for source in dataset.sources],
    }


def _write(document: Mapping[str, object], out: TextIO) -> None:
    out.write(json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=2, ensure_ascii=False) + "\n")


LISTS: Final[Mapping[str, Callable[[Sequence[Dataset], TextIO, int], None]]] = {
    "table": write_list,
    "json": write_list_json,
}
PAGES: Final[Mapping[str, Callable[[Dataset, TextIO, int], None]]] = {"table": write_page, "json": write_page_json}
