"""What evaluate and scan do with a report besides showing it: keep it in a history, and tell somebody what is new."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from auditor.cli import options as opt
from auditor.cli import streams
from auditor.errors import AuditorError
from auditor.lazy_imports import lazy_imports
from auditor.model import AgainstKnown, Finding, Report, Status

with lazy_imports(__name__):
    from auditor.history import database, notices, recording
    from auditor.notify import delivery, shape
    from auditor.report import summary

KEY_VARIABLE: Final = "AUDITOR_NOTIFY_KEY"
AUTHORIZATION_VARIABLE: Final = "AUDITOR_NOTIFY_AUTHORIZATION"


class FollowUp(Struct, frozen=True):
    """Where a report is kept and who is told, as the options say it. `has_known`: failures that are known were given."""

    history: str | None = None
    notify: str | None = None
    notify_format: str = opt.DEFAULT_NOTIFY_FORMAT
    notify_set: tuple[str, ...] = ()
    is_rehearsal: bool = False
    has_known: bool = False

    def check(self) -> None:
        """Refuse, before any work, what cannot be done: it is wrong, not only out of reach."""
        if self.history is not None:
            database.masked(self.history)
        if self.notify is None:
            if self.is_rehearsal:
                raise AuditorError("--notify-dry-run: there is nobody to tell", "add --notify URL")
            return
        if self.history is None and not self.has_known:
            raise AuditorError(
                "--notify: nothing says which findings are new",
                "add --history FILE, which tells each once, or --known FILE",
            )
        delivery.check(self.receiver(self.notify), is_rehearsal=self.is_rehearsal)

    def receiver(self, url: str) -> delivery.Receiver:
        """Return who is told; keys and passwords come from the environment only."""
        return delivery.Receiver(
            url,
            shape.load(self.notify_format, self.notify_set),
            os.environ.get(KEY_VARIABLE, "").encode(),
            os.environ.get(AUTHORIZATION_VARIABLE, ""),
        )


def asked(
    history: str | None, known: Path | None, notify: tuple[str | None, str, list[str] | None], *, is_rehearsal: bool
) -> FollowUp:
    """Return what the options ask for, if it can be done at all. `notify`: who is told, in which shape, with what set."""
    receiver, shape_name, assignments = notify
    has_known = known is not None
    follow_up = FollowUp(history, receiver, shape_name, tuple(assignments or ()), is_rehearsal, has_known)
    follow_up.check()
    return follow_up


@contextmanager
def followed(after: FollowUp, report: Report, fail_on: opt.Level, *, quiet: bool) -> Iterator[Report]:
    """Keep a report, give it with what is new in it to be written, and then tell of that.

    Where the history fails the report is written all the same, and the error is raised afterwards.
    """
    receiver = after.receiver(after.notify) if after.notify is not None else None
    if after.history is None:
        yield report
        if receiver is not None:
            unknown = [each for each in report.findings if _is_beyond_known(each) and counts(each, fail_on)]
            _post(receiver, report, unknown, is_rehearsal=after.is_rehearsal)
        return
    audience = recording.Audience(receiver.identity, lambda each: counts(each, fail_on)) if receiver else None
    failure: AuditorError | None = None
    try:
        with database.opened(after.history) as history:
            recorded = recording.record(history, report, audience)
    except AuditorError as problem:
        hint = problem.hint or "the report is whole; run it again to keep it there: a run is kept once"
        failure = AuditorError(problem.message, hint)
        yield report
    else:
        if not quiet:
            streams.remark(f"history: {_told(recorded)}")
        yield recorded.report
        if receiver is not None:
            _tell(after.history, receiver, recorded, is_rehearsal=after.is_rehearsal)
    if failure is not None:
        raise failure


def counts(finding: Finding, fail_on: opt.Level) -> bool:
    """Return whether a finding makes an audit fail."""
    return finding.status is Status.FAIL and not finding.is_accepted and finding.severity.rank <= opt.rank(fail_on)


def _told(recorded: recording.Recorded) -> str:
    changes = [each.change for each in recorded.report.findings]
    return ", ".join(
        f"{changes.count(word):,} {word}" for word in ("new", "reopened", "widened", "unchanged", "resolved")
    )


def _tell(place: str, receiver: delivery.Receiver, recorded: recording.Recorded, *, is_rehearsal: bool) -> None:
    """Tell a receiver what it was not told yet. Whatever becomes of it is a line on stderr, and no exit code."""
    try:
        with database.opened(place) as history:
            claimed = notices.claim(history, recorded.running, receiver.identity, is_rehearsal=is_rehearsal)
            told: list[str] = []
            try:
                due = [each for each in recorded.report.findings if each.fingerprint in claimed]
                told = _post(receiver, recorded.report, due, is_rehearsal=is_rehearsal)
            finally:
                if not is_rehearsal:
                    notices.settle(history, recorded.running, receiver.identity, claimed, told)
    except AuditorError as problem:
        streams.remark(f"auditor: {receiver.place} was not told of new findings: {problem}")


def _is_beyond_known(finding: Finding) -> bool:
    return finding.against_known in {AgainstKnown.NEW, AgainstKnown.WIDENED}


def _post(receiver: delivery.Receiver, report: Report, due: Sequence[Finding], *, is_rehearsal: bool) -> list[str]:
    """Post what is due and return the fingerprints that were told, or show it."""
    messages = shape.messages(receiver.shape, report, due)
    if is_rehearsal:
        for message in messages:
            streams.passage([f"would be posted to {receiver.place}:", *message.readable.splitlines()])
        return []
    delivered = delivery.deliver(receiver, messages)
    if delivered.problem:
        left = summary.counted(len({each.fingerprint for each in due} - set(delivered.fingerprints)), "new finding")
        streams.remark(
            f"auditor: {receiver.place} was not told of {left}: {delivered.problem}; the next run tries again"
        )
    return list(delivered.fingerprints)
