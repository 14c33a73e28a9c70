"""Make a bundle: gather a snapshot and all that it is judged by, judge it there, and put everything into one file."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from auditor import audit, shipped, yaml_source
from auditor.bundle import archive, judging, manifest, signature
from auditor.engine.accepted import exemptions
from auditor.errors import AuditorError, InputError
from auditor.inputs import read
from auditor.redaction.body import Redactor
from auditor.report.text import utc
from auditor.rulebook import baseline, in_force
from auditor.snapshot import exchange, whole_file


class PackRequest(Struct, frozen=True):
    """What is to be packed: the estate, what it is judged by, and the formats of the reports."""

    sources: Sequence[str]
    selection: in_force.Selection
    exemptions: Sequence[Path]
    framework: str | None
    terms: audit.Terms
    reports: Sequence[str]


class _OwnRoot(Struct, frozen=True):
    """A folder of the user's from which files are packed, and what it is called in the bundle."""

    folder: Path
    name: str

    def holds(self, path: Path) -> bool:
        return path.is_relative_to(self.folder)

    def packed(self, path: Path) -> str:
        return f"{self.name}/{path.relative_to(self.folder).as_posix()}"


def pack(request: PackRequest, path: Path, key: Ed25519PrivateKey | None) -> manifest.Manifest:
    """Write a bundle, signed where there is a key; secrets that the estate holds are left out."""
    noted = _read_content(request)
    roots = _roots(request)
    snapshot = read.imported(*request.sources, redactor=Redactor())
    with whole_file.scratch_folder() as folder:
        _gather_shipped(folder)
        _gather_own(noted, roots, folder)
        exchange.export(snapshot, folder / manifest.SNAPSHOT_NAME)
        terms = _terms(request, roots, utc(audit.moment(request.terms, snapshot.metadata).at))
        report = judging.judge(folder, terms)
        terms = terms.model_copy(update={"reports": judging.write(report, request.reports, folder)})
        with whole_file.replacing(path) as beside, beside.open("wb") as out:
            return _write(folder, terms, report.snapshot.sha256, key, out)


def _read_content(request: PackRequest) -> set[Path]:
    """Read all that is judged by where it stands, so that mistakes are told there; return the files that were read."""
    with yaml_source.noting() as noted:
        rule_set = in_force.load(request.selection)
        if request.framework:
            rule_set.framework(request.framework)
        for path in request.exemptions:
            exemptions.load(path, rule_set.rules)
    return noted


def _roots(request: PackRequest) -> Sequence[_OwnRoot]:
    own = [each if each.is_dir() else each.parent for each in request.selection.rules]
    own += [path.parent for path in request.exemptions]
    file = baseline.find(request.selection.baseline, shipped.folder("baselines"))
    own += [] if file.is_relative_to(shipped.folder("baselines")) else [file.parent]
    deepest_first = sorted(dict.fromkeys(own), key=lambda folder: (-len(folder.parts), str(folder)))
    return [_OwnRoot(folder, f"{judging.OWN}{number}") for number, folder in enumerate(deepest_first)]


def _packed(path: Path, roots: Sequence[_OwnRoot]) -> str:
    for root in roots:
        if root.holds(path):
            return root.packed(path)
    raise InputError(f"{path}: stands outside of what is packed", "keep what a baseline extends beside it")


def _gather_shipped(folder: Path) -> None:
    for name in ("rules", "baselines"):
        source = shipped.folder(name)
        for path in sorted(source.rglob("*.yaml")):
            _copy(path, folder / name / path.relative_to(source))


def _gather_own(noted: set[Path], roots: Sequence[_OwnRoot], folder: Path) -> None:
    tools = [shipped.folder(name) for name in ("rules", "baselines")]
    for path in sorted(noted):
        if not any(path.is_relative_to(tool) for tool in tools) and not _is_code(path):
            name = _packed(path, roots)
            archive.refuse_name(name)
            _copy(path, folder / name)


def _is_code(path: Path) -> bool:
    """Whether a file is data of the tool's own modules, which the version of the tool stands for."""
    return path.is_relative_to(Path(shipped.__file__).parent)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _terms(request: PackRequest, roots: Sequence[_OwnRoot], as_of: str) -> manifest.PackedTerms:
    chosen = request.selection
    file = baseline.find(chosen.baseline, shipped.folder("baselines"))
    is_shipped = file.is_relative_to(shipped.folder("baselines"))
    return manifest.PackedTerms(
        baseline=file.parent.name if is_shipped else _packed(file, roots),
        rules=[next(root.name for root in roots if root.folder == each) if each.is_dir() else _packed(each, roots)
               for each in chosen.rules],
        exemptions=[_packed(path, roots) for path in request.exemptions],
        select=list(chosen.select),
        ignore=list(chosen.ignore),
        assignments=list(chosen.assignments),
        framework=request.framework,
        complete=request.terms.complete,
        as_of=as_of,
        reports={},
    )  # fmt: skip


def _write(
    folder: Path, terms: manifest.PackedTerms, snapshot_sha256: str, key: Ed25519PrivateKey | None, out: IO[bytes]
) -> manifest.Manifest:
    members = list(_members(folder))
    if len(members) > archive.MOST_MEMBERS - 3:
        raise AuditorError(f"there are {len(members):,} files to pack", f"at most {archive.MOST_MEMBERS - 3:,}")
    signer = signature.fingerprint_of(key) if key else None
    text = manifest.compose(terms, manifest.Origin(shipped.tool_version(), snapshot_sha256, signer), members)
    (folder / manifest.NAME).write_bytes(text)
    (folder / manifest.HASH_NAME).write_bytes(manifest.hash_line(text))
    names = [manifest.NAME, manifest.HASH_NAME]
    if key is not None:
        (folder / manifest.SIGNATURE_NAME).write_bytes(signature.sign(text, key))
        names.append(manifest.SIGNATURE_NAME)
    for name in [*names, *(member.name for member in members)]:
        with (folder / name).open("rb") as source:
            archive.write(out, name, source, (folder / name).stat().st_size)
    archive.finish(out)
    return manifest.read(text, "the bundle")


def _members(folder: Path) -> Iterator[archive.PackedMember]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    for name in sorted(files):
        with files[name].open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        yield archive.PackedMember(name, files[name].stat().st_size, digest)
