"""Read the tool's own rules, or take what an earlier start kept of them."""

from __future__ import annotations

from auditor import shipped
from auditor.azure import catalogue
from auditor.compiled import objects, store
from auditor.rulebook.load import Words, load_rules, rule_files
from auditor.rulebook.rule import Rule


def shipped_rules(words: Words) -> dict[str, Rule]:
    """Return the tool's own rules by id. ContentError with the mistakes of all files.

    They are read anew after any change of a rule, of a type's file, of what the baseline declares, or of the tool; and
    always where a user's files add to the types, or another folder stands in for the tool's own.
    """
    folder = shipped.folder("rules")
    if shipped.is_replaced() or words.catalogue is not catalogue.shipped():
        return load_rules([folder], words)

    def made_of() -> bytes:
        stated = (objects.dump(dict(each)) for each in (words.parameters, words.components))
        return store.digest(rule_files(folder), catalogue.shipped_digest(), *stated)

    return store.kept("rules", made_of, lambda: load_rules([folder], words), catalogue.CONSTANTS)
