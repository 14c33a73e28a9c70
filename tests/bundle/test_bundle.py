"""A bundle judges itself again to the same bytes, and no byte of it can be changed without a word."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from auditor import shipped
from auditor.bundle import manifest
from auditor.bundle.archive import PackedMember
from auditor.bundle.verify import verify
from auditor.errors import InputError
from tests.checkout import SAMPLE
from tests.e2e.command import Ended, estate, in_process, is_one_line, storage

FLIPS = 1000


def key_at(folder: Path, name: str = "key", locked_by: bytes | None = None) -> Path:
    """Write a new key and its public half beside it."""
    key = Ed25519PrivateKey.generate()
    lock: KeySerializationEncryption = BestAvailableEncryption(locked_by) if locked_by else NoEncryption()
    path = folder / f"{name}.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    path.with_suffix(".pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small estate in a signed bundle, in one that is not signed, and the key."""
    folder = tmp_path_factory.mktemp("bundle")
    path = estate(folder, storage("st1", minimumTlsVersion="TLS1_0"), complete=True)
    key = key_at(folder)
    for name, options in (("signed.tar", ("--key", key)), ("plain.tar", ())):
        with shipped.standing_in(little_content(folder)):
            ended = in_process(
                "bundle", "create", path, "-b", "little", "-o", name, "--report", "json", *options, at=folder
            )
        assert ended.code == 0, ended.err
    return folder


def little_content(folder: Path) -> Path:
    """Return a folder with a baseline of one rule in place of all that ships: a bundle of it is small."""
    place = folder / "content"
    (place / "baselines" / "little").mkdir(parents=True, exist_ok=True)
    (place / "rules").mkdir(exist_ok=True)
    (place / "baselines" / "little" / "baseline.yaml").write_text(
        'name: little\nversion: "1"\ntitle: Little\nrules: ["own-*"]\n'
    )
    (place / "rules" / "own-tls.yaml").write_text(RULE)
    return place


def checked(path: Path, *options: str | Path) -> Ended:
    return in_process("bundle", "verify", path, *options, at=path.parent)


def test_a_signed_bundle_is_whole_and_judges_itself_the_same(made: Path) -> None:
    ended = checked(made / "signed.tar", "--key", made / "key.pub")
    assert (ended.code, ended.err) == (0, "")
    assert "the same bytes in json" in ended.out
    assert ended.out.rstrip().endswith(", the key given")


def test_an_unsigned_one_says_so_and_is_refused_where_a_key_is_asked_for(made: Path) -> None:
    assert "not signed: anybody could have made it" in checked(made / "plain.tar").out
    ended = checked(made / "plain.tar", "--key", made / "key.pub")
    assert (ended.code, is_one_line(ended.err), "is not signed" in ended.err) == (2, True, True)


def test_what_another_key_signed_is_refused(made: Path, tmp_path: Path) -> None:
    key_at(tmp_path, "other")
    ended = checked(made / "signed.tar", "--key", tmp_path / "other.pub")
    assert (ended.code, is_one_line(ended.err), "signed by another key" in ended.err) == (2, True, True)


@pytest.mark.parametrize("name", ["signed.tar", "plain.tar"])
def test_a_flipped_byte_is_found_wherever_it_is(name: str, made: Path, tmp_path: Path) -> None:
    whole = (made / name).read_bytes()
    rng = random.Random(13)  # noqa: S311 - places to look at, no secret
    heads = rng.sample(range(4096), 100)  # headers, hash and signature are a small part of it
    path = tmp_path / "flipped.tar"
    for place in [*heads, *(rng.randrange(len(whole)) for _ in range(FLIPS // 2 - len(heads)))]:
        bytes_of = bytearray(whole)
        bytes_of[place] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes_of)
        with pytest.raises(InputError):
            verify(path, None)


@pytest.mark.parametrize("change", [lambda whole: whole[:-1], lambda whole: whole + b"\0", lambda whole: whole[:5000],
                                    lambda _: b"", lambda whole: whole + whole])  # fmt: skip
def test_what_is_cut_off_or_added_is_found(change: Callable[[bytes], bytes], made: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.tar"
    path.write_bytes(change((made / "signed.tar").read_bytes()))
    ended = checked(path)
    assert (ended.code, is_one_line(ended.err)) == (2, True)


def test_the_same_inputs_and_key_give_the_same_bytes_and_tar_reads_them(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.tar"
    arguments = ("bundle", "create", made / "estate.json", "-o", path, "--report", "json", "--key", made / "key.pem")
    # The time of judgement of an export without one is the clock: it is part of what must be the same.
    with tarfile.open(made / "signed.tar") as archive:
        as_of = json.load(archive.extractfile("manifest.json") or io.BytesIO())["terms"]["as_of"]
    with shipped.standing_in(made / "content"):
        assert in_process(*arguments, "-b", "little", "--as-of", as_of, at=tmp_path).code == 0
    assert path.read_bytes() == (made / "signed.tar").read_bytes()
    subprocess.run(["tar", "xf", path], cwd=tmp_path, check=True)
    subprocess.run(["sha256sum", "--check", "manifest.sha256"], cwd=tmp_path, check=True, capture_output=True)


def test_the_report_in_it_is_the_one_that_evaluate_gives(tmp_path: Path) -> None:
    options = ("--complete", "--as-of", "2024-06-01")
    assert in_process("bundle", "create", SAMPLE, *options, "-o", "b.tar", at=tmp_path).code == 0
    with tarfile.open(tmp_path / "b.tar") as archive:
        packed = json.load(archive.extractfile("reports/report.json") or io.BytesIO())
    judged = in_process("evaluate", SAMPLE, *options, "-o", "json", at=tmp_path).report
    verdicts = [{(each["fingerprint"], each["status"]) for each in report["findings"]} for report in (packed, judged)]
    assert verdicts[0] == verdicts[1]


BASE = """name: ours
version: "1"
title: Ours
extends: openai-chat
"""
RULE = """id: own-tls
title: TLS 1.2
severity: high
rationale: Older ones are broken.
remediation: {text: Raise it.}
references: [https://example.org]
controls: {own: [T-1]}
applies: {type: Microsoft.Storage/storageAccounts}
require: {field: properties.minimumTlsVersion, equals: TLS1_2}
examples:
  - name: new
    resource: {properties: {minimumTlsVersion: TLS1_2}}
    verdict: pass
  - name: old
    resource: {properties: {minimumTlsVersion: TLS1_0}}
    verdict: fail
"""
EXEMPTION = """exemptions:
  - id: EX-1
    rule: own-tls
    scope: /subscriptions/00000000-0000-0000-0000-0000000000a1
    reason: The old printer.
    approved_by: Ada
    ticket: T-1
    expires_on: 2031-01-01
"""


def test_own_rules_baselines_and_exemptions_come_along(tmp_path: Path) -> None:
    (tmp_path / "own" / "deep").mkdir(parents=True)
    (tmp_path / "own" / "deep" / "own-tls.yaml").write_text(RULE)
    (tmp_path / "ours.yaml").write_text(BASE)
    (tmp_path / "exemptions.yaml").write_text(EXEMPTION)
    (tmp_path / "own" / "secret.txt").write_text("not asked for")
    path = estate(tmp_path, storage("st1", minimumTlsVersion="TLS1_0"))
    options = (
        "--rules",
        "own/deep",
        "--baseline",
        "ours.yaml",
        "--exemptions",
        "exemptions.yaml",
        "--as-of",
        "2030-01-01",
    )
    ended = in_process("bundle", "create", path, *options, "-o", "b.tar", at=tmp_path)
    assert ended.code == 0, ended.err
    for name in ("own", "ours.yaml", "exemptions.yaml", "estate.json"):
        place = tmp_path / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    ended = checked(tmp_path / "b.tar")
    assert (ended.code, ended.err) == (0, "")
    with tarfile.open(tmp_path / "b.tar") as archive:
        names = archive.getnames()
        report = (archive.extractfile("reports/report.json") or io.BytesIO()).read().decode()
    assert not any("secret.txt" in name for name in names)
    assert "EX-1" in report
    assert str(tmp_path) not in report
    assert not re.search(r"auditor-[^/\"]*tmp|/tmp/", report)


def test_no_secret_and_no_private_key_is_packed(made: Path, tmp_path: Path) -> None:
    body = storage("st1")
    body["properties"]["connectionString"] = "AccountName=a;AccountKey=c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0;"
    path = estate(tmp_path, body)
    assert in_process("bundle", "create", path, "-o", "b.tar", "--key", made / "key.pem", at=tmp_path).code == 0
    assert b"c2VjcmV0" not in (tmp_path / "b.tar").read_bytes()
    assert b"PRIVATE KEY" not in (tmp_path / "b.tar").read_bytes()
    assert checked(tmp_path / "b.tar").code == 0


def test_the_key_may_be_a_variable_and_locked(made: Path, tmp_path: Path) -> None:
    path = key_at(tmp_path, "locked", b"open sesame")
    given = {"AUDITOR_BUNDLE_KEY_PEM": path.read_text()}
    arguments = ("bundle", "create", made / "estate.json", "-o", "b.tar", "--report", "json")
    closed = in_process(*arguments, at=tmp_path, env=given)
    assert (closed.code, is_one_line(closed.err), (tmp_path / "b.tar").exists()) == (2, True, False)
    opened = in_process(*arguments, at=tmp_path, env={**given, "AUDITOR_BUNDLE_KEY_PASSPHRASE": "open sesame"})
    assert opened.code == 0, opened.err
    assert checked(tmp_path / "b.tar", "--key", tmp_path / "locked.pub").code == 0


def test_a_key_is_never_taken_from_a_settings_file(made: Path, tmp_path: Path) -> None:
    (tmp_path / "auditor.toml").write_text('key = "key.pem"\n')
    ended = in_process("bundle", "create", made / "estate.json", "-o", "b.tar", at=tmp_path)
    assert ended.code == 2
    assert "never taken from a file" in ended.err


def tar_of(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def plain(name: str) -> tarfile.TarInfo:
    return tarfile.TarInfo(name)


def link(name: str, to: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def huge() -> bytes:
    info = tarfile.TarInfo("manifest.json")
    info.size = 1 << 32
    return info.tobuf(tarfile.USTAR_FORMAT) + bytes(4096)


HOSTILE = {
    "a path that leads out": tar_of((plain("../../evil"), b"x")),
    "an absolute path": tar_of((plain("/evil"), b"x")),
    "a backslash": tar_of((plain("a\\..\\evil"), b"x")),
    "a device of Windows": tar_of((plain("a/CON.txt"), b"x")),
    "a symbolic link": tar_of((link("a", "/etc/passwd", tarfile.SYMTYPE), b"")),
    "a hard link": tar_of((link("a", "/etc/passwd", tarfile.LNKTYPE), b"")),
    "a device": tar_of((link("a", "", tarfile.CHRTYPE), b"")),
    "a folder": tar_of((link("a", "", tarfile.DIRTYPE), b"")),
    "a name twice": tar_of((plain("manifest.json"), b"{}"), (plain("manifest.json"), b"{}")),
    "a name twice in other letters": tar_of((plain("Manifest.json"), b"{}"), (plain("manifest.json"), b"{}")),
    "a file where a folder is": tar_of((plain("a"), b"x"), (plain("a/b"), b"x")),
    "a long name in another form": tar_of((plain("a" * 300), b"x"), form=tarfile.GNU_FORMAT),
    "a header of another form": tar_of((plain("ä"), b"x"), form=tarfile.PAX_FORMAT),
    "a size that nothing follows": huge(),
    "a zip": b"PK\x03\x04" + bytes(2000),
    "an empty archive": bytes(1024),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_bundle_is_refused_in_one_line_and_leaves_nothing(kind: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "b.tar"
    path.write_bytes(HOSTILE[kind])
    ended = checked(path)
    assert (ended.code, is_one_line(ended.err), ended.out) == (2, True, "")
    assert [each.name for each in tmp_path.rglob("*")] == ["in", "b.tar"]
    assert not Path("/evil").exists()


def repacked(made: Path, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """Return the unsigned bundle with other members and hashes that fit, as somebody would make it who means harm."""
    with tarfile.open(made / "plain.tar") as archive:
        files = {each.name: (archive.extractfile(each) or io.BytesIO()).read() for each in archive}
    told = json.loads(files.pop("manifest.json"))
    del files["manifest.sha256"]
    change(files)
    told["terms"].update(json.loads(files.pop("terms", b"{}")))
    members = [PackedMember(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()]
    text = manifest.compose(
        manifest.PackedTerms(**told["terms"]),
        manifest.Origin(told["tool_version"], told["snapshot_sha256"], None),
        members,
    )
    whole = {"manifest.json": text, "manifest.sha256": manifest.hash_line(text), **dict(sorted(files.items()))}
    ours = tar_of(*((plain(name), data) for name, data in whole.items()))
    return ours.rstrip(b"\0") + bytes(-len(ours.rstrip(b"\0")) % 512) + bytes(1024)


def bomb(files: dict[str, bytes]) -> None:
    files["snapshot.jsonl.zst"] = zstandard.ZstdCompressor(level=1).compress(b"\n" * (1 << 28))


CHANGES: dict[str, Callable[[dict[str, bytes]], None]] = {
    "a report that was put right": lambda files: files.update(
        {"reports/report.json": files["reports/report.json"].replace(b'"fail"', b'"pass"')}
    ),
    "a rule that asks for less": lambda files: files.update(
        {name: data.replace(b"TLS1_2", b"TLS1_0") for name, data in files.items() if "tls" in name}
    ),
    "another snapshot": lambda files: files.update({"snapshot.jsonl.zst": b"{}"}),
    "rules from elsewhere": lambda files: files.update({"terms": b'{"rules": ["../../../etc"]}'}),
    "a baseline from elsewhere": lambda files: files.update({"terms": b'{"baseline": "/etc/passwd"}'}),
    "a format that does not exist": lambda files: files.update(
        {"terms": b'{"reports": {"exe": "reports/report.json"}}'}
    ),
    "a time that is none": lambda files: files.update({"terms": b'{"as_of": "soon"}'}),
    "no rules": lambda files: [files.pop(name) for name in list(files) if name.startswith("rules/")] and None,
    "a snapshot that never ends": bomb,
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_bundle_that_somebody_put_together_anew_judges_itself_otherwise(
    kind: str, made: Path, tmp_path: Path
) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(repacked(made, CHANGES[kind]))
    ended = checked(path)
    assert (ended.code, is_one_line(ended.err), ended.out) == (2, True, "")


def test_put_together_anew_without_a_change_it_is_the_same(made: Path) -> None:
    assert repacked(made, lambda _: None) == (made / "plain.tar").read_bytes()
