"""Check a bundle: that no byte of it was changed, who signed it, and that judging it again gives the same reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from auditor import shipped
from auditor.bundle import archive, judging, manifest, signature
from auditor.bundle.manifest import Manifest
from auditor.errors import AuditorError, InputError
from auditor.model import Report
from auditor.report.format import NAMES
from auditor.snapshot import whole_file

_NO_BUNDLE: Final = "name a file that `auditor bundle create` wrote"
_CHANGED: Final = "it was damaged, or changed after it was packed"


class VerifiedBundle(Struct, frozen=True):
    """A bundle that is whole and judges itself as it says; `is_vouched_for`: by the key that was given."""

    manifest: Manifest
    is_vouched_for: bool


def verify(path: Path, key: bytes | None) -> VerifiedBundle:
    """Check a bundle and judge it again. InputError, in one line, says what is wrong with it."""
    label = str(path)
    with whole_file.scratch_folder() as folder:
        packed = folder / "packed"
        told = _unpacked(path, packed, label)
        _check_signature(told, packed, key, label)
        again = folder / "again"
        report = _judged(told, packed, label)
        if report.snapshot.sha256 != told.snapshot_sha256:
            raise InputError(f"{label}: holds another snapshot than it says", _CHANGED)
        for name, file in judging.write(report, told.terms.reports, again).items():
            if (again / file).read_bytes() != (packed / told.terms.reports[name]).read_bytes():
                raise InputError(f"{label}: judged again, its {name} report is another", _other_version(told))
    return VerifiedBundle(told, is_vouched_for=key is not None)


def _judged(told: Manifest, packed: Path, label: str) -> Report:
    try:
        return judging.judge(packed, told.terms)
    except AuditorError as problem:
        first = str(problem).replace(f"{packed}/", "").partition("\n")[0]
        raise InputError(f"{label}: cannot be judged again: {first}", _other_version(told)) from problem


def _unpacked(path: Path, folder: Path, label: str) -> Manifest:
    """Unpack a bundle and return its manifest, with which every byte was compared."""
    folder.mkdir()
    try:
        with path.open("rb") as stream:
            members = list(archive.unpack(stream, folder, label))
    except OSError as problem:
        raise InputError(f"{label}: cannot be read: {problem.strerror}", _NO_BUNDLE) from problem
    if [member.name for member in members[:2]] != [manifest.NAME, manifest.HASH_NAME] or members[
        0
    ].size > manifest.LARGEST:
        raise InputError(f"{label}: is no bundle", _NO_BUNDLE)
    text = (folder / manifest.NAME).read_bytes()
    if members[1].size > manifest.LARGEST or (folder / manifest.HASH_NAME).read_bytes() != manifest.hash_line(text):
        raise InputError(f"{label}: its manifest is not the one that was packed", _CHANGED)
    told = manifest.read(text, label)
    _check_files(told, members[2:], label)
    _check_terms(told, label)
    return told


def _check_files(told: Manifest, members: Sequence[archive.PackedMember], label: str) -> None:
    own = [each for each in members if each.name != manifest.SIGNATURE_NAME]
    expected = [archive.PackedMember(each.name, each.size, each.sha256) for each in told.files]
    for packed, member in zip(expected, own, strict=False):
        if packed.name == member.name and packed != member:
            raise InputError(f"{label}: {packed.name} is not the one that was packed", _CHANGED)
    is_signed = bool(members) and members[0].name == manifest.SIGNATURE_NAME
    if own != expected or is_signed != (told.signed_by is not None):
        raise InputError(f"{label}: does not hold the files that it says", _CHANGED)


def _check_terms(told: Manifest, label: str) -> None:
    """Refuse terms that name what is not in the bundle: it is judged by itself alone."""
    names = {each.name for each in told.files}
    folders = {f"{judging.OWN}{name.split('/')[1]}" for name in names if name.startswith(judging.OWN)}
    terms = told.terms
    own = [*terms.rules, *terms.exemptions, *([terms.baseline] if terms.baseline.startswith(judging.OWN) else [])]
    is_shipped = f"baselines/{terms.baseline}/baseline.yaml" in names
    is_known = is_shipped or terms.baseline in names
    files = {manifest.SNAPSHOT_NAME, *terms.reports.values()}
    if not is_known or not set(own) <= names | folders or not files <= names or not set(terms.reports) <= set(NAMES):
        raise InputError(f"{label}: names files that it does not hold", _CHANGED)


def _check_signature(told: Manifest, folder: Path, key: bytes | None, label: str) -> None:
    if told.signed_by is None:
        if key is not None:
            raise InputError(f"{label}: is not signed", "whoever has the key must sign it when it is packed")
        return
    file = folder / manifest.SIGNATURE_NAME
    if file.stat().st_size > manifest.LARGEST:
        raise InputError(f"{label}: its signature does not fit", _CHANGED)
    found = signature.check(file.read_bytes(), (folder / manifest.NAME).read_bytes(), label)
    if found.fingerprint != told.signed_by or (key is not None and found.public_key != key):
        raise InputError(f"{label}: is signed by another key, {found.fingerprint}", "ask whom it is from for theirs")


def _other_version(told: Manifest) -> str:
    own = shipped.tool_version()
    if own == told.tool_version:
        return _CHANGED
    return f"it was packed by auditor {told.tool_version}, and this is {own}: verify it with that version"
