"""Tell what the diagnostic settings of a resource keep together, and what a resource could log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure import body
from auditor.azure.log_settings import Kept, Offered, destinations, kept_by, offered_by_answer
from auditor.estate.graph import Estate
from auditor.model import Gap, Resource

CATEGORIES: Final = "microsoft.insights/diagnosticsettingscategories"

Model: TypeAlias = tuple[str, str, str]


class LogSettings(Struct, frozen=True):
    """What the settings of a resource keep, for sure and perhaps, and where some lead to nothing.

    `gap`: why there may be more settings. `doubt`: why it is not known whether the destination of one exists.
    """

    sure: Sequence[Kept]
    perhaps: Sequence[Kept]
    dead: Sequence[str]
    gap: Gap | None
    doubt: Gap | None


def settings_of(estate: Estate, key: str) -> LogSettings:
    """Return what the settings of a resource keep; one that keeps nothing is none.

    Of a resource that was not read itself, what is known of its settings proves nothing.
    """
    if estate.resource(key) is None and (unseen := estate.unseen(key)) is not None:
        return LogSettings((), (), (), unseen, None)
    sure, perhaps, dead, doubts = [], [], [], []
    for setting in estate.related(key, "diagnosticSetting"):
        kept = kept_by(setting.properties)
        sent_to = destinations(setting.properties)
        lost = [one for one in sent_to if estate.resource(one) is None]
        gaps = [gap for one in lost if (gap := estate.unseen(one))]
        hidden = estate.gap_at(setting.key, "properties.logs")
        if not kept and hidden is None:
            continue
        if hidden is None and len(lost) < len(sent_to):
            sure.append(kept)
        elif doubt := hidden or next(iter(gaps), None):
            perhaps.append(kept)
            doubts.append(doubt)
        dead += [one for one in lost if estate.unseen(one) is None]
    return LogSettings(
        sure=sure,
        perhaps=perhaps,
        dead=dead,
        gap=estate.relation_gap(key, "diagnosticSetting"),
        doubt=next(iter(doubts), None),
    )


def model_of(resource: Resource) -> Model:
    """Return what resources share that can log the same: type, kind and SKU, in lower case."""
    kind, sku = body.text(resource.body, "kind"), body.text(resource.body, "sku.name")
    return resource.type_key, (kind or "").lower(), (sku or "").lower()


def offered_by_model(estate: Estate) -> Mapping[Model, Offered]:
    """Return what Azure answered that resources can log; it is asked once for each type, kind and SKU."""
    answers: dict[Model, list[Mapping[str, object]]] = defaultdict(list)
    for category in estate.of_type(CATEGORIES):
        owner = estate.get(ids.parent_of(category.key) or "")
        if owner is not None:
            answers[model_of(owner)].append({**category.body, "name": category.name})
    return {model: offered_by_answer(categories) for model, categories in answers.items()}
