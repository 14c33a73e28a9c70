"""Read the tool's own rules, or take what an earlier start kept of them."""

from __future__ import annotations

from typing import Final

from auditor import shipped
from auditor.azure import catalogue, paths
from auditor.compiled import objects, store
from auditor.rulebook.load import Words, load_rules, rule_files
from auditor.rulebook.rule import Rule

_CONSTANTS: Final = (paths.ABSENT, paths.EACH)


def shipped_rules(words: Words) -> dict[str, Rule]:
    """Return the tool's own rules by id. ContentError with the mistakes of all files.

    They are read anew after any change of a rule, of a type's file, of what the baseline declares, or of the tool; and
    always where a user's files add to the types, or another folder stands in for the tool's own.
    """
    folder = shipped.folder("rules")
    if shipped.is_replaced() or words.catalogue is not catalogue.shipped():
        return load_rules([folder], words)
    try:
        made_of = store.digest(
            [*rule_files(folder), *catalogue.shipped_files()],
            objects.dump(dict(words.parameters)),
            objects.dump(dict(words.components)),
        )
    except OSError:
        return load_rules([folder], words)  # which says what cannot be read
    return store.kept("rules", made_of, lambda: load_rules([folder], words), _CONSTANTS)
