"""`get`: sources in order, bytes verified by hash, nothing lost and nothing left over."""

from __future__ import annotations

import errno
import json
from collections import namedtuple
from pathlib import Path

import pytest
from huggingface_hub import constants

from dgls.checkpoint.fetch import get as getting
from dgls.checkpoint.fetch.get import get
from dgls.checkpoint.fetch.given import GivenFile
from dgls.checkpoint.fetch.hub import Hub
from dgls.checkpoint.fetch.hub_cache import HubCache
from dgls.checkpoint.fetch.index_parts import IndexParts
from dgls.checkpoint.fetch.source import Arrived, Job, SourceError
from dgls.checkpoint.record import read_record
from dgls.checkpoint.store import PARTIAL, partial_bytes, path_of
from dgls.checkpoint.writing import changing, remove
from dgls.errors import ModelFetchError
from tests.support.models import COMMIT, DATA, FOLDER, PINNED, Heard, HubFiles, git_hash, sha256

WRONG = b"!" + DATA[1:]
HUB_PATH = f"/{PINNED.repository}/resolve/{COMMIT}/toy.gguf"


@pytest.fixture
def heard() -> Heard:
    return Heard()


def put_partial(models: Path, data: bytes) -> Path:
    partial = models / "toy" / PARTIAL / "toy.gguf"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(data)
    return partial


def cached(repository: str, files: dict[str, bytes], commit: str = COMMIT) -> Path:
    """Files as `hf download` stores them."""
    folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (folder / "blobs").mkdir(exist_ok=True)
    for name, data in files.items():
        blob = folder / "blobs" / (sha256(data) if len(data) > 1000 else git_hash(data))
        blob.write_bytes(data)
        (snapshot / name).symlink_to(blob)
    return snapshot


def test_the_given_file_is_copied_and_recorded(tmp_path: Path, models: Path, heard: Heard) -> None:
    given = tmp_path / "mine.gguf"
    given.write_bytes(DATA)
    place = get(PINNED, [GivenFile(given)], heard)
    record = read_record(models / "toy")
    assert place.read_bytes() == given.read_bytes() == DATA
    assert record is not None
    assert (record.licence, record.publisher, record.revision) == ("Apache-2.0", "Somebody", COMMIT)
    assert [(file.source, file.sha256) for file in record.files] == [
        ("the given file", sha256(DATA))
    ]
    assert sorted(path.name for path in models.rglob("*")) == ["SOURCE.json", "toy", "toy.gguf"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (DATA[:-1], "has 104,999 bytes, not 105,000"),
        (WRONG, f"SHA-256 {sha256(WRONG)}, not {sha256(DATA)}, and was deleted"),
        (None, "is not a file"),
    ],
    ids=["truncated", "other bytes", "missing"],
)
def test_a_given_file_that_is_not_the_model_is_refused_and_kept(
    tmp_path: Path, models: Path, heard: Heard, data: bytes | None, why: str
) -> None:
    given = tmp_path / "mine.gguf"
    if data is not None:
        given.write_bytes(data)
    with pytest.raises(ModelFetchError, match=why):
        get(PINNED, [GivenFile(given)], heard)
    assert not given.exists() or given.read_bytes() == data
    assert list(models.iterdir()) == []


def test_after_a_failed_source_the_next_is_tried_and_the_reason_reported(
    tmp_path: Path, heard: Heard
) -> None:
    cached(PINNED.repository, {"toy.gguf": DATA})
    get(PINNED, [GivenFile(tmp_path / "none"), HubCache()], heard)
    assert heard.lines == [f"the given file: {tmp_path / 'none'} is not a file"]


@pytest.mark.usefixtures("no_hub")
def test_if_all_sources_fail_each_is_reported_with_its_reason(tmp_path: Path, heard: Heard) -> None:
    with pytest.raises(ModelFetchError) as failure:
        get(PINNED, [GivenFile(tmp_path / "none"), HubCache(), Hub()], heard)
    told = str(failure.value)
    assert "the given file: " in told
    assert "the Hugging Face cache: does not have toy.gguf of Somebody/Toy-GGUF" in told
    assert "the publisher's hub: cannot be reached ([Errno" in told
    assert told.endswith("dgls model get toy --from FILE")


def test_a_wrong_file_in_the_hubs_cache_is_not_used_and_kept(heard: Heard) -> None:
    snapshot = cached(PINNED.repository, {"toy.gguf": WRONG})
    with pytest.raises(ModelFetchError, match="what arrived has SHA-256"):
        get(PINNED, [HubCache()], heard)
    assert (snapshot / "toy.gguf").read_bytes() == WRONG


def test_a_relative_cache_in_the_working_directory_is_not_used(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "hub")
    monkeypatch.chdir(tmp_path)
    cached(PINNED.repository, {"toy.gguf": DATA})
    with pytest.raises(ModelFetchError, match="is not at an absolute path"):
        get(PINNED, [HubCache()], heard)


def test_a_file_of_another_revision_in_the_hubs_cache_is_used(heard: Heard) -> None:
    cached(PINNED.repository, {"toy.gguf": DATA}, commit="d" * 40)
    place = get(PINNED, [HubCache()], heard)
    record = read_record(place.parent)
    assert place.read_bytes() == DATA
    assert record is not None
    assert record.revision == PINNED.revision


def test_a_fetched_model_is_not_fetched_again(heard: Heard) -> None:
    cached(PINNED.repository, {"toy.gguf": DATA})
    place = get(PINNED, [HubCache()], heard)
    assert get(PINNED, [], heard) == place
    assert heard.lines == ["toy is already on this machine."]


def test_verify_checks_the_hash_and_fetches_changed_files_again(heard: Heard) -> None:
    cached(PINNED.repository, {"toy.gguf": DATA})
    place = get(PINNED, [HubCache()], heard)
    assert get(PINNED, [], heard, verify=True) == place
    place.write_bytes(WRONG)
    assert get(PINNED, [HubCache()], heard, verify=True).read_bytes() == DATA
    assert "toy.gguf has changed since it was fetched, so it was deleted." in heard.lines


def test_a_complete_file_without_a_record_is_checked_and_kept(models: Path, heard: Heard) -> None:
    (models / "toy").mkdir(parents=True)
    (models / "toy" / "toy.gguf").write_bytes(DATA)
    assert get(PINNED, [], heard).read_bytes() == DATA
    assert path_of("toy") is not None


def test_a_full_disk_is_reported_before_fetching(
    tmp_path: Path, models: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(getting.shutil, "disk_usage", lambda _: usage(1, 1, 100_000))
    with pytest.raises(ModelFetchError, match="nothing was fetched"):
        get(PINNED, [GivenFile(tmp_path)], heard)
    assert list(models.iterdir()) == []


class Failing:
    """Delivers half of the file, then fails as told."""

    name = "a source"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def fetch(self, job: Job) -> Arrived:
        job.partial.write_bytes(DATA[:50_000])
        raise self.error


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space"),
            ModelFetchError,
            "disk of .* is full. What arrived was",
        ),
        (OSError(errno.EROFS, "Read-only"), ModelFetchError, "cannot be changed .Read-only"),
        (KeyboardInterrupt("now"), KeyboardInterrupt, "now"),
        (SourceError("it ended"), ModelFetchError, "MB are kept for the next try"),
    ],
    ids=["full", "read-only", "Ctrl-C", "cut off"],
)
def test_an_interrupted_fetch_keeps_its_part_and_no_other_files(
    models: Path, heard: Heard, error: BaseException, raised: type[BaseException], message: str
) -> None:
    with pytest.raises(raised, match=message):
        get(PINNED, [Failing(error)], heard)
    assert partial_bytes(PINNED) == 50_000
    assert [path.name for path in models.rglob("*") if path.is_file()] == ["toy.gguf"]
    assert path_of("toy") is None


def test_a_models_folder_that_cannot_be_created_is_a_clear_error(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DGLS_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(ModelFetchError, match="no model was changed"):
        get(PINNED, [], heard)


def test_two_fetches_of_one_model_at_once_are_refused(models: Path, heard: Heard) -> None:
    with changing(PINNED):
        with pytest.raises(ModelFetchError, match=r"\(process \d+\) is fetching or removing toy"):
            get(PINNED, [], heard)
        (models / "toy").mkdir()
        with pytest.raises(ModelFetchError, match="nothing was changed"):
            remove(PINNED)


class TestHub:
    def test_a_file_is_fetched_from_the_pinned_revision(
        self, hub_files: HubFiles, heard: Heard
    ) -> None:
        hub_files.files[HUB_PATH] = DATA
        assert get(PINNED, [Hub()], heard).read_bytes() == DATA
        assert hub_files.asked[0] == f"GET {HUB_PATH}"

    def test_bytes_on_disk_are_not_fetched_again(
        self, models: Path, hub_files: HubFiles, heard: Heard
    ) -> None:
        hub_files.files[HUB_PATH] = DATA
        put_partial(models, DATA[:60_000])
        assert get(PINNED, [Hub()], heard).read_bytes() == DATA
        assert hub_files.asked[0] == f"GET {HUB_PATH} bytes=60000-"

    def test_without_range_support_the_whole_file_is_fetched_again(
        self, models: Path, hub_files: HubFiles, heard: Heard
    ) -> None:
        hub_files.files[HUB_PATH], hub_files.ranges = DATA, False
        put_partial(models, DATA[:60_000])
        assert get(PINNED, [Hub()], heard).read_bytes() == DATA

    def test_a_broken_connection_is_resumed(self, hub_files: HubFiles, heard: Heard) -> None:
        hub_files.files[HUB_PATH] = DATA
        hub_files.breaks, hub_files.breaks_after = 2, 30_000
        assert get(PINNED, [Hub()], heard).read_bytes() == DATA
        ranges = [asked.split()[-1] for asked in hub_files.asked if "/storage" in asked]
        assert ranges[1:] == ["bytes=30000-", "bytes=60000-"]

    def test_a_connection_that_always_breaks_keeps_the_received_bytes(
        self, hub_files: HubFiles, heard: Heard
    ) -> None:
        hub_files.files[HUB_PATH] = DATA
        hub_files.breaks, hub_files.breaks_after = 99, 1_000
        with pytest.raises(ModelFetchError, match="cannot be reached"):
            get(PINNED, [Hub()], heard)
        assert partial_bytes(PINNED) == 5_000

    def test_a_wrong_beginning_is_deleted_and_the_file_fetched_again(
        self, models: Path, hub_files: HubFiles, heard: Heard
    ) -> None:
        hub_files.files[HUB_PATH] = DATA
        put_partial(models, WRONG[:60_000])
        assert get(PINNED, [Hub()], heard).read_bytes() == DATA
        assert any("starting again from the beginning" in line for line in heard.lines)

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (WRONG, "what arrived has SHA-256 .* and was deleted"),
            (DATA[:-1], "has 104,999 bytes there instead of 105,000"),
            (None, "answered 404 Not Found"),
        ],
        ids=["wrong hash", "truncated", "gone"],
    )
    def test_a_wrong_file_is_not_kept(
        self, models: Path, hub_files: HubFiles, heard: Heard, data: bytes | None, why: str
    ) -> None:
        if data is not None:
            hub_files.files[HUB_PATH] = data
        with pytest.raises(ModelFetchError, match=why):
            get(PINNED, [Hub()], heard)
        assert list(models.iterdir()) == []

    def test_a_login_page_is_recognised(
        self, models: Path, hub_files: HubFiles, heard: Heard
    ) -> None:
        hub_files.page = True
        put_partial(models, DATA[:60_000])
        with pytest.raises(ModelFetchError, match="a web page instead of the file"):
            get(PINNED, [Hub()], heard)
        assert partial_bytes(PINNED) == 60_000

    def test_offline_no_server_is_asked(
        self, hub_files: HubFiles, heard: Heard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(ModelFetchError, match="HF_HUB_OFFLINE"):
            get(PINNED, [Hub()], heard)
        assert hub_files.asked == []

    def test_the_proxy_of_the_environment_is_used(
        self, hub_files: HubFiles, heard: Heard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "")
        with pytest.raises(ModelFetchError, match="cannot be reached"):
            get(PINNED, [Hub()], heard)
        assert hub_files.asked == []

    @pytest.mark.parametrize("proxy", ["nonsense", "ftp://127.0.0.1:9"])
    def test_an_unusable_proxy_fails_only_this_source(
        self, heard: Heard, monkeypatch: pytest.MonkeyPatch, proxy: str
    ) -> None:
        monkeypatch.setenv("ALL_PROXY", proxy)
        with pytest.raises(ModelFetchError, match="the publisher's hub: "):
            get(PINNED, [Hub()], heard)


class TestModelOfTheHubAlone:
    CONFIG = b'{"model_type": "toy"}'

    def serve(self, hub_files: HubFiles, revision: str, weights: bytes = DATA) -> None:
        base = f"/{FOLDER.repository}/resolve/{revision}"
        hub_files.files |= {
            f"{base}/config.json": self.CONFIG,
            f"{base}/model.safetensors": weights,
        }

    def test_files_are_checked_by_the_hubs_hashes_and_come_from_one_commit(
        self, models: Path, hub_files: HubFiles, heard: Heard
    ) -> None:
        self.serve(hub_files, "main")
        self.serve(hub_files, COMMIT)
        folder = get(FOLDER, [Hub()], heard)
        record = read_record(folder)
        assert folder == models / "toy-base" == path_of("toy-base")
        assert (folder / "config.json").read_bytes() == self.CONFIG
        assert record is not None
        assert record.revision == COMMIT
        assert "does not pin it" in record.proof
        assert [file.sha256 for file in record.files] == [sha256(self.CONFIG), sha256(DATA)]
        assert not any("main/model.safetensors" in asked for asked in hub_files.asked)
        assert sorted(path.name for path in folder.iterdir()) == [
            "SOURCE.json",
            "config.json",
            "model.safetensors",
        ]

    def test_a_partial_file_that_the_hub_has_replaced_is_not_resumed(
        self, models: Path, hub_files: HubFiles, heard: Heard
    ) -> None:
        self.serve(hub_files, "main", WRONG)
        self.serve(hub_files, COMMIT, WRONG)
        hub_files.breaks, hub_files.breaks_after = 9, 1_000
        with pytest.raises(ModelFetchError):
            get(FOLDER, [Hub()], heard)
        hub_files.breaks = 0
        self.serve(hub_files, COMMIT, DATA)
        assert (get(FOLDER, [Hub()], heard) / "model.safetensors").read_bytes() == DATA
        assert not any("beginning" in line for line in heard.lines)

    def test_a_hub_that_gives_no_hash_is_not_trusted(
        self, hub_files: HubFiles, heard: Heard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tests.support.models.git_hash", lambda data: "2f7a-98")
        self.serve(hub_files, "main")
        with pytest.raises(ModelFetchError, match="gives no hash"):
            get(FOLDER, [Hub()], heard)

    def test_files_in_the_hubs_cache_are_checked_by_their_blob_names(self, heard: Heard) -> None:
        cached(FOLDER.repository, {"config.json": self.CONFIG, "model.safetensors": DATA})
        folder = get(FOLDER, [HubCache()], heard)
        record = json.loads((folder / "SOURCE.json").read_text())
        assert record["revision"] == COMMIT

    def test_a_damaged_blob_of_the_hubs_cache_is_not_used(self, heard: Heard) -> None:
        snapshot = cached(
            FOLDER.repository, {"config.json": self.CONFIG, "model.safetensors": DATA}
        )
        (snapshot / "model.safetensors").resolve().write_bytes(WRONG)
        with pytest.raises(ModelFetchError, match="what arrived has SHA-256"):
            get(FOLDER, [HubCache()], heard)

    def test_a_given_file_without_a_known_hash_is_refused(
        self, tmp_path: Path, heard: Heard
    ) -> None:
        with pytest.raises(ModelFetchError, match="a file cannot be checked"):
            get(FOLDER, [GivenFile(tmp_path / "any"), IndexParts()], heard)
