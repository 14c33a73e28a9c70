"""What of the failures in an estate comes or goes where less of it is seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from auditor import resource_id as ids
from auditor.model import Status
from tests.audit import laws
from tests.audit.judging import judged
from tests.audit.laws import Body, Change, Verdicts


class WholeEstate:
    """An estate as it is judged where all of it is seen. `anchors` are the types that its workloads are named after."""

    def __init__(self, document: Body, anchors: Collection[str], baseline: str = "openai-chat") -> None:
        self.document = {name: value for name, value in document.items() if name not in {"complete", "gaps"}}
        self.keys = laws.keys_of(self.document)
        self.others = [key for key in self.keys if not any(f"/providers/{kind}/" in key for kind in anchors)]
        """All but the anchors: without one, what is said of its workload is said under another name."""
        self.parts = [
            (ids.key(one["id"]), name) for one in self.document["resources"] for name in laws.lists_of_parts(one)
        ]
        """Lists of parts with properties of their own, by the key of the resource and the list's name."""
        self._baseline = baseline
        self._before: dict[bool, Verdicts] = {}

    def key(self, end: str) -> str:
        """Return the key of the one resource whose id ends so, in any case."""
        [found] = [key for key in self.keys if key.endswith(f"/{end.lower()}")]
        return found

    def _judged(self, document: Body, *, complete: bool) -> Verdicts:
        return Verdicts(judged(document, complete=complete, baseline=self._baseline))

    def came_or_went(
        self,
        gone: Sequence[str] = (),
        bare: Sequence[str] = (),
        *,
        named: Sequence[tuple[str, str]] = (),
        complete: bool = False,
    ) -> list[Change]:
        """Return the failures that came or went without what is `gone`, and without the properties of what is `bare`.

        `named` are lists of parts of which only ids and names are left.
        """
        document = laws.without(self.document, gone)
        for key in bare:
            document = laws.without_properties(document, key)
        for key, listed in named:
            document = laws.with_parts_only_named(document, key, listed)
        bare = [*bare, *(key for key, _ in named)]
        if complete not in self._before:
            self._before[complete] = self._judged(self.document, complete=complete)
        before = self._before[complete]
        below = {key for _, key, _ in before if any(key.startswith(f"{one}/") for one in bare)}
        inside = below - set(self.keys)  # what stands in the properties of another went with them
        changes = laws.turned(before, self._judged(document, complete=complete), {*gone, *inside}, bare)
        return [change for change in changes if Status.FAIL in change[1:]]
