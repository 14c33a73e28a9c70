"""Say on stderr who signed in, how far a collection is, what it waits for, and what it came to."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from auditor.cli.judging_progress import spelled
from auditor.cli.streams import remark, safe, takes_progress
from auditor.collect.progress import PartProgress, Progress, Watcher
from auditor.lazy_imports import lazy_imports
from auditor.model import Gap

with lazy_imports(__name__):
    from rich import console as rich_console
    from rich import progress_bar as rich_bar
    from rich import table as rich_table
    from rich import text as rich_text

    from auditor.collect import permissions
    from auditor.collect import run as collection
    from auditor.collect.arm import credentials


_MOST_PARTS: Final = 10
_WIDTH_WITH_BAR: Final = 60
_GAPS_NAMED: Final = 5


class Memory:
    """Watches a collection for somebody else, and remembers how many resources it had."""

    def __init__(self, watch: Watcher) -> None:
        self.resources = 0
        self._watch = watch

    def __call__(self, now: Progress) -> None:
        """Remember a moment and pass it on."""
        self.resources = now.resources
        self._watch(now)


def display(*, quiet: bool) -> Watcher:
    """Return a watcher that keeps a few lines up to date on a terminal, and says nothing elsewhere."""
    return Display() if not quiet and takes_progress() else lambda _: None


class Display:
    """Draws each moment of a collection in place of the one before; the last stays."""

    def __init__(self) -> None:
        self._console = rich_console.Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
        self._lines = 0
        self._is_blind = self._console.is_dumb_terminal

    def __call__(self, now: Progress) -> None:
        """Draw a moment."""
        if self._is_blind:
            return
        with self._console.capture() as shown:
            for part in self._frame(now):
                self._console.print(part, no_wrap=True, overflow="ellipsis", crop=True)
        frame = shown.get()
        try:
            sys.stderr.write("\x1b[1A\x1b[2K" * self._lines + frame)
            sys.stderr.flush()
        except (OSError, ValueError):  # a terminal that was closed
            self._is_blind = True
        self._lines = frame.count("\n")

    def _frame(self, now: Progress) -> Iterator[rich_table.Table | rich_text.Text]:
        """Yield the lines of a moment: no more than the terminal has, which could not be taken back."""
        width, height = self._console.size
        room = max(0, min(_MOST_PARTS, height - 4))
        parts = now.parts if len(now.parts) <= room else most_telling(now.parts, room)
        has_bar = width >= _WIDTH_WITH_BAR
        table = rich_table.Table.grid(padding=(0, 1), expand=True)
        table.add_column(ratio=2, no_wrap=True, overflow="ellipsis")
        if has_bar:
            table.add_column(ratio=2)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        for part in [*parts, *([now.whole] if len(now.parts) != 1 else [])]:
            is_whole = part is now.whole
            hidden = len(now.parts) - len(parts)
            name = (
                safe(part.name) if not is_whole else f"all {len(now.parts)}" + (f", {hidden} not shown" * bool(hidden))
            )
            bar = [rich_bar.ProgressBar(total=max(1, part.total), completed=part.done if part.total else 1)] * has_bar
            table.add_row(
                rich_text.Text(name, style="bold" if is_whole else ""),
                *bar,
                rich_text.Text(f"{part.done:,}/{part.total:,}"),
                rich_text.Text(time_left(part)),
            )
        yield table
        yield rich_text.Text(safe(state(now)), style="dim")


def most_telling(parts: Sequence[PartProgress], number: int) -> Sequence[PartProgress]:
    """Return some parts in their order: those that are under way, then those that wait, then those that are over."""
    ranked = sorted(range(len(parts)), key=lambda at: (parts[at].is_over, not parts[at].done, at))
    return [parts[at] for at in sorted(ranked[:number])]


def time_left(part: PartProgress) -> str:
    """Return how long a part still takes, in few characters; more than that where its resources are not counted."""
    if part.is_over:
        return "done"
    return f"{'' if part.is_counted else '> '}{spelled(part.seconds_left)} left"


def state(now: Progress) -> str:
    """Return what a collection does and waits for, as one line."""
    waits = f" · waited {now.waited:.0f} s" if now.waited >= 1 else ""
    reason = f" · waiting for {now.waiting_for}" if now.waiting_for else ""
    return f"{now.phase} · {now.resources:,} resources · {now.calls:,} requests{waits}{reason}"


def say_endpoint(endpoint: str) -> None:
    """Say which Resource Manager is talked to."""
    remark(f"Azure Resource Manager at {endpoint}")


def say_identity(identity: credentials.SignedInIdentity) -> None:
    """Say who signed in."""
    remark(f"signed in by {identity.credential}: tenant {identity.tenant_id}, object {identity.object_id}")


def say_summary(summary: collection.CollectionSummary) -> None:
    """Say what a collection came to: resources, gaps, calls and waiting."""
    by_method: Counter[str] = Counter()
    for call, count in summary.calls.items():
        by_method[call.partition(" ")[0]] += count
    calls = ", ".join(f"{count:,} {method}" for method, count in sorted(by_method.items()))
    remark(
        f"{summary.resources:,} resources in {len(summary.subscriptions)} subscriptions, {len(summary.gaps)} gaps; "
        f"{summary.attempts:,} requests ({calls}), {summary.retries} retries, {summary.throttled} throttled, "
        f"waited {summary.waited:.0f} s in all threads, took {summary.seconds:.0f} s"
    )
    for resource_id in summary.gone:
        remark(f"deleted while it was read, and left out: {resource_id}")
    for text in gap_lines(summary.gaps):
        remark(text)


def gap_lines(gaps: Sequence[Gap]) -> Iterator[str]:
    """Yield what could not be read and the permission that settles it: the kinds that hide most, then a count."""
    kinds: defaultdict[tuple[str, str, str | None], list[str]] = defaultdict(list)
    for gap in gaps:
        kinds[gap.what, gap.reason, gap.permission].append(gap.scope)
    ranked = sorted(kinds.items(), key=lambda item: (-len(item[1]), *map(str, item[0])))
    for (what, reason, permission), scopes in ranked[:_GAPS_NAMED]:
        more = f" and {len(scopes) - 1:,} more" if len(scopes) > 1 else ""
        settled = f"; {permission} settles it" if permission else ""
        yield f"gap: {what} of {scopes[0]}{more}: {reason}{settled}"
    if hidden := sum(len(scopes) for _, scopes in ranked[_GAPS_NAMED:]):
        yield f"gaps of other kinds: {hidden:,}"


def preflight_lines(preflight: permissions.Preflight) -> Iterator[str]:
    """Return what an identity may not read, and what it may do beyond reading, as lines."""
    yield safe(f"identity: {preflight.identity.credential}, object {preflight.identity.object_id}")
    for rights in preflight.subscriptions:
        yield safe(f"{rights.name} ({rights.id})")
        if not rights.is_known:
            yield "  Azure does not say what this identity may do here"
        yield from (f"  lacks     {safe(action)}" for action in rights.missing)
        yield from (f"  warning: should not have {safe(action)}" for action in rights.too_much)
        if rights.is_known and not rights.missing and not rights.too_much:
            yield "  can read everything that is needed, and nothing more"
    yield from (safe(f"unreadable: {gap.scope} {gap.what}: {gap.reason}") for gap in preflight.unreadable)
    yield "everything can be read" if preflight.is_sufficient else "something would be missing: grant what is listed"
