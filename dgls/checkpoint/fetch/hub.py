"""The publisher's hub over HTTPS as a source, with resumed downloads.

`HF_ENDPOINT`, `HF_HUB_OFFLINE` and the environment's proxies are respected. Unpinned files are
checked against the hub's own hash.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin

import httpx

from dgls.checkpoint.fetch.digest import Digest
from dgls.checkpoint.fetch.source import Arrived, Job, SourceError

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_HEADERS = {"accept-encoding": "identity", "user-agent": "dgls"}
_RESUMPTIONS = 5
_REDIRECTS = 5


class Hub:
    """The publisher's repository on the hub."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "the publisher's hub"

    def fetch(self, job: Job) -> Arrived:
        """Fetch the missing bytes. Raises `SourceError`."""
        from huggingface_hub import constants, hf_hub_url

        if constants.HF_HUB_OFFLINE:
            raise SourceError("HF_HUB_OFFLINE is set")
        url = hf_hub_url(job.entry.repository, job.file.name, revision=job.revision)
        with _client() as client:
            try:
                return _fetch(client, url, job)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise SourceError(f"cannot be reached ({_reason(error)})") from error


def _client() -> httpx.Client:
    """A client with the environment's proxies and certificates. Raises `SourceError`."""
    try:
        return httpx.Client(timeout=_TIMEOUT, headers=_HEADERS)
    except (OSError, ImportError, ValueError, httpx.InvalidURL) as error:
        # A certificate file is missing, or a proxy has an unknown scheme.
        raise SourceError(f"cannot be asked with this environment ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _fetch(client: httpx.Client, url: str, job: Job) -> Arrived:
    if job.digest is not None:
        said = Arrived(job.digest, job.file.bytes, job.revision)
    else:
        said = _published(client, url, job.revision)
        _forget_another(job, said)
    job.progress.begin("fetching from the publisher's hub", said.bytes, job.fetched)
    try:
        _download(client, url, said.bytes, job)
    finally:
        job.progress.end()
    return said


def _published(client: httpx.Client, url: str, revision: str) -> Arrived:
    """The hub's metadata of a file: hash, size and commit."""
    commit = revision
    for _ in range(_REDIRECTS):
        # The hub's own answer has the hash; the storage that it redirects to may not.
        response = client.head(url, follow_redirects=False)
        commit = response.headers.get("x-repo-commit", commit)
        if not response.is_redirect or "x-linked-etag" in response.headers:
            break
        url = urljoin(url, response.headers.get("location", ""))
    if response.is_error:
        raise SourceError(f"answered {response.status_code} {response.reason_phrase}")
    _refuse_page(response)
    etag = response.headers.get("x-linked-etag") or response.headers.get("etag", "")
    size = response.headers.get("x-linked-size") or response.headers.get("content-length", "")
    digest = Digest.of_etag(etag)
    if digest is None or not size.isdigit():
        raise SourceError("gives no hash of the file, so it could not be checked")
    return Arrived(digest, int(size), commit)


def _forget_another(job: Job, said: Arrived) -> None:
    """Drop the kept beginning of a file that the hub has replaced since."""
    note = job.partial.with_name(f"{job.partial.name}.etag")
    if not note.exists() or note.read_text(encoding="ascii") != said.digest.value:
        job.partial.unlink(missing_ok=True)
        note.write_text(said.digest.value, encoding="ascii")


def _download(client: httpx.Client, url: str, size: int, job: Job) -> None:
    """Fetch up to `size` bytes; a broken connection is resumed as long as bytes arrive."""
    for last in range(_RESUMPTIONS - 1, -1, -1):
        before = job.fetched
        if before == size:
            return
        try:
            _receive(client, url, size, job)
        except httpx.TransportError:
            if not last or job.fetched == before:
                raise


def _receive(client: httpx.Client, url: str, size: int, job: Job) -> None:
    begun = job.fetched if job.fetched < size else 0
    asked = {"range": f"bytes={begun}-"} if begun else {}
    with client.stream("GET", url, headers=asked, follow_redirects=True) as response:
        done = _start_of(response, begun, size)
        with job.partial.open("r+b" if done else "wb") as file:
            file.truncate(done)
            file.seek(done)
            for chunk in response.iter_bytes():
                file.write(chunk[: size - done])
                done += len(chunk)
                if done > size:
                    raise SourceError(f"sends more than the file's {size:,} bytes")
                job.progress.at(done)


def _start_of(response: httpx.Response, begun: int, size: int) -> int:
    """The offset of the response's bytes: `begun`, as requested, or 0.

    Raises `SourceError` if it is not the file.
    """
    if response.is_error:
        raise SourceError(f"answered {response.status_code} {response.reason_phrase}")
    _refuse_page(response)
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        begun = 0
    elif not re.match(rf"bytes {begun}-", response.headers.get("content-range", "")):
        raise SourceError("answered with a different range than requested")
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) != size - begun:
        raise SourceError(f"has {int(length) + begun:,} bytes there instead of {size:,}")
    return begun


def _refuse_page(response: httpx.Response) -> None:
    if response.headers.get("content-type", "").startswith("text/html"):
        raise SourceError(
            "answered with a web page instead of the file; this network may need a login first"
        )
