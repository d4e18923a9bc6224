"""Fetching weights: https only, resumable, bounded, checked in full before the file gets its name.

Question: pooch or our own? Ours, on the standard library: pooch resumes nothing, has no lock, and follows a
redirect down to http. If pooch learns these, this file goes.
"""

import http.client
import ipaddress
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from bgswap.errors import NotReady
from bgswap.zoo import checksum
from bgswap.zoo.card import WeightFile

Progress = Callable[[int, int], None]  # bytes so far, bytes in all (0 = not known)

TIMEOUT = 20.0  # seconds without a byte
BLOCK = 1 << 18  # bytes
TRIES = 3  # per address, for connections that are cut on the way
UNKNOWN_LIMIT = 4 << 30  # bytes; for files whose size nobody published


class Refused(OSError):  # noqa: N818 - reads as what happened
    """An address that must not be followed, or an answer that must not be taken."""


@dataclass(frozen=True)
class Address:
    """Where a file can be had. A mirror (BGSWAP_MIRROR) may also be a folder, or http on this machine."""

    url: str
    mirror: bool = False

    def check(self, url: str) -> None:
        """Refused unless `url`, this address or one it was redirected to, may be followed."""
        parts = urlsplit(url)
        if parts.scheme == "https" or (parts.scheme == "http" and self.mirror and _loopback(parts.hostname)):
            return
        raise Refused(f"{url} is refused: only https is followed")


def addresses(file: WeightFile) -> list[Address]:
    """The user's mirror first, then the published addresses."""
    mirror = os.environ.get("BGSWAP_MIRROR", "")
    own = [Address(f"{mirror.rstrip('/')}/{file.file}", mirror=True)] if mirror else []
    return own + [Address(url) for url in file.urls]


def fetch(file: WeightFile, target: Path, sources: list[Address], progress: Progress | None = None) -> str:
    """Bring `file` to `target`, whole and checked, from the first source that has it. Returns its SHA-256.

    Of several processes one fetches and the others wait. What arrived of a cut download stays in TARGET.part
    for the next try. NotReady tells what went wrong with each source.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _lock(target):
        seen = checksum.first_seen(target)
        if target.is_file():
            digests = checksum.digests(target)
            if not checksum.mismatch(digests, file, seen):
                return digests.sha256  # another process was faster
        job = _Job(file, target, seen, progress or _silent)
        reasons = []
        for source in sources:
            sha256, reason = job.attempt(source)
            if sha256:
                return sha256
            reasons.append(f"  {source.url}: {reason}")
    raise NotReady("\n".join([f"{file.file} could not be fetched.", *(reasons or ["  no address is known"])]))


@dataclass(frozen=True)
class _Job:
    file: WeightFile
    target: Path
    seen: str
    progress: Progress

    @property
    def part(self) -> Path:
        return self.target.with_name(self.target.name + ".part")

    @property
    def limit(self) -> int:
        return int(self.file.size * 1.1) + (1 << 20) if self.file.size else UNKNOWN_LIMIT

    def attempt(self, source: Address) -> tuple[str, str]:
        """(SHA-256, "") when the file is in its place, else ("", reason).

        A cut connection goes on where it stopped; a wrong file that was pieced together starts again from
        nothing.
        """
        reason = ""
        for _ in range(TRIES):
            before = _size(self.part)
            try:
                self._transfer(source, before)
            except (OSError, http.client.HTTPException) as error:
                reason = _said(error)
                if isinstance(error, urllib.error.HTTPError | Refused) or _size(self.part) <= before:
                    return "", reason  # nothing came: trying again at once would not help
                continue
            digests = checksum.digests(self.part)
            reason = checksum.mismatch(digests, self.file, self.seen)
            if not reason:
                os.replace(self.part, self.target)
                checksum.remember(self.target, digests.sha256)
                return digests.sha256, ""
            self.part.unlink()
            if not before:
                break
        return "", reason

    def _transfer(self, source: Address, have: int) -> None:
        if source.mirror and "://" not in source.url:
            _copy(Path(source.url).expanduser(), self.part, self.limit)
            return
        try:
            with _open(source, have) as reply:
                self._receive(reply, have if _continues(reply, have) else 0)
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
                raise
            # Everything had arrived before: the checksum decides.

    def _receive(self, reply: Any, done: int) -> None:
        length = reply.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else 0
        if total > self.limit:
            raise Refused(f"it has {total:,} bytes, at most {self.limit:,} were expected")
        with self.part.open("ab" if done else "wb") as file:
            while block := reply.read(BLOCK):
                done += len(block)
                if done > self.limit:
                    file.truncate(0)
                    raise Refused(f"it goes on after {self.limit:,} bytes")
                file.write(block)
                self.progress(done, total)
        if total and done < total:
            raise ConnectionError(f"the connection was cut after {done:,} of {total:,} bytes")


def _open(source: Address, have: int) -> Any:
    source.check(source.url)
    headers = {"User-Agent": "bgswap", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    opener = urllib.request.OpenerDirector()  # not build_opener: that one also opens file: and ftp:
    local = source.mirror and _loopback(urlsplit(source.url).hostname)
    for handler in (
        urllib.request.ProxyHandler({} if local else None),  # HTTPS_PROXY, NO_PROXY
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(source),
    ):
        opener.add_handler(handler)
    return opener.open(urllib.request.Request(source.url, headers=headers), timeout=TIMEOUT)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where the first address might have led."""

    def __init__(self, source: Address) -> None:
        self.source = source

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        self.source.check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _continues(reply: Any, have: int) -> bool:
    """Whether an answer goes on after the bytes that are here; a server may also begin again."""
    found = re.match(r"bytes (\d+)-", reply.headers.get("Content-Range", ""))
    return bool(have and reply.status == http.HTTPStatus.PARTIAL_CONTENT and found and int(found[1]) == have)


def _loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _copy(source: Path, part: Path, limit: int) -> None:
    if source.stat().st_size > limit:
        raise Refused(f"it has {source.stat().st_size:,} bytes, at most {limit:,} were expected")
    shutil.copyfile(source, part)


def _said(error: Exception) -> str:
    inner = getattr(error, "reason", "") if type(error) is urllib.error.URLError else error
    return str(inner) or type(error).__name__


def _silent(_done: int, _total: int) -> None:
    """No progress is drawn."""


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _lock(target: Path) -> Iterator[None]:
    """One process at a time; where the file system knows no locks, two may fetch and the last one wins."""
    with target.with_name(target.name + ".lock").open("w") as file:
        with suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
