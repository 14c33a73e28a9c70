"""The commands on what ships about Azure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from auditor.cli import streams
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports

with lazy_imports(__name__):
    from auditor import yaml_source
    from auditor.azure.reference_data import datasets
    from auditor.report.pages import catalogue

app = typer.Typer(
    help="List what ships about Azure, with its date and source; what an input says wins over it.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


class CatalogueFormat(StrEnum):
    """How the catalogue is written."""

    TABLE = "table"
    JSON = "json"


_Format = Annotated[CatalogueFormat, typer.Option("--output", "-o", metavar="FORMAT", help="table or json.")]


@app.callback()
def list_datasets(context: typer.Context, output: _Format = CatalogueFormat.TABLE) -> None:
    """List what ships about Azure, with its date and source; what an input says wins over it."""
    if context.invoked_subcommand is not None:
        return
    with streams.output(None) as out:
        catalogue.LISTS[output.value](datasets.load_all(), out, streams.width())


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The data set's name, as the list has it.")],
    output: _Format = CatalogueFormat.TABLE,
) -> None:
    """Show a data set: its sources and all of its entries."""
    if name not in datasets.NAMES:
        raise AuditorError(f"there is no data set '{name}'", yaml_source.suggestion(name, datasets.NAMES))
    with streams.output(None) as out:
        catalogue.PAGES[output.value](datasets.load(name), out, streams.width())
