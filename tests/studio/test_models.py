"""Base models: what is there, what is fetched from a hub (a small one on loopback), and what goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from studio.errors import ModelError, TunesmithError
from studio.tasks import Progress, stop_task
from studio.train.models import (
    STARTER,
    ensure_base,
    is_ready,
    list_models,
    note_of,
    place_of,
    require_base,
    title_of,
)
from studio.workspace import Workspace

SMALL = {"config.json": b"{}", "tokenizer.json": b"{}", "chat_template.jinja": b"{{ x }}"}
WEIGHTS = b"\0" * 25_000_000
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """Answers as huggingface.co does for `models`; `refusals` maps a model or a file to (status, error code)."""

    models: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)  # other than they are
    etags: dict[str, str] = field(default_factory=dict)
    breaks_at: int = 0  # bytes after which it is out of order; 0: never
    go_on: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path).path
        if path.startswith("/api/models/"):
            self._tell(request, path.removeprefix("/api/models/"))
            return
        name, _, file = path.lstrip("/").partition(f"/resolve/{COMMIT}/")
        content = self.models[name][file]
        refusal = self.refusals.get(file)
        if refusal:
            _answer(request, refusal[0], b"", **{"X-Error-Code": refusal[1], "X-Error-Message": "Said by the hub"})
            return
        headers = {"ETag": f'"{self.etags.get(file, len(content))}"', "X-Repo-Commit": COMMIT}
        if request.command == "HEAD":
            _answer(request, 200, b"", length=len(content), **headers)
            return
        self.fetched.append(file)
        if content is not WEIGHTS:
            _answer(request, 200, content, **headers)
            return
        wanted = request.headers.get("Range", "")
        begin = int(wanted.removeprefix("bytes=").partition("-")[0] or 0)
        self.ranges.append(wanted)
        if wanted:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        if begin and self.breaks_at:
            _answer(request, 503, b"", **headers)
            return
        _answer(request, 206 if wanted else 200, b"", length=len(content) - begin, **headers)
        if self.breaks_at:
            request.wfile.write(content[begin : self.breaks_at])
            request.close_connection = True
            return
        time.sleep(0.3)  # the library's bar is silent for its first tenth of a second
        request.wfile.write(content[begin:12_000_000])
        self.go_on.wait()
        request.wfile.write(content[max(begin, 12_000_000) :])

    def _tell(self, request: BaseHTTPRequestHandler, name: str) -> None:
        if name in self.refusals:
            status, code = self.refusals[name]
            _answer(request, status, b"", **{"X-Error-Code": code, "X-Error-Message": "Said by the hub"})
            return
        files = self.models.get(name)
        if files is None:
            _answer(request, 401, b"{}", **{"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
            return
        sizes = {file: len(content) for file, content in files.items()} | self.sizes
        siblings = [{"rfilename": file, "size": size} for file, size in sizes.items()]
        about = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}
        _answer(request, 200, json.dumps(about).encode(), **{"Content-Type": "application/json"})


def _answer(
    request: BaseHTTPRequestHandler, status: int, body: bytes, length: int | None = None, **headers: str
) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body) if length is None else length), **headers}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.serve(self)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    for name in [name for name in os.environ if name.startswith("HF_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))  # no token of whoever runs the tests
    yield hub
    hub.go_on.set()
    server.shutdown()
    server.server_close()


def fetch(workspace: Workspace, name: str) -> None:
    for _ in ensure_base(workspace, name):
        pass


def test_a_model_is_downloaded_once_with_progress_and_only_what_is_needed(workspace, hub):
    unwanted = {"model.bin": b"program", "modeling_tiny.py": b"program", "onnx/model.safetensors": b"other"}
    hub.models["ada/tiny"] = {**SMALL, "model.safetensors": WEIGHTS, **unwanted}
    seen: list[Progress] = []
    for progress in ensure_base(workspace, "ada/tiny"):
        seen.append(progress)
        if progress.share and 0.3 < progress.share < 0.5:
            assert progress.message == "Downloading ada/tiny: 0.01 of 0.03 GB"
            assert not is_ready(workspace, "ada/tiny")
            hub.go_on.set()
    assert hub.go_on.is_set()
    shares = [progress.share for progress in seen if progress.share is not None]
    assert shares == sorted(shares)
    place = require_base(workspace, "ada/tiny")
    assert {path.name for path in place.iterdir() if path.is_file()} == {*SMALL, "model.safetensors", "tunesmith.json"}
    assert (place / "model.safetensors").stat().st_size == len(WEIGHTS)
    assert sorted(hub.fetched) == sorted([*SMALL, "model.safetensors"])
    assert list_models(workspace) == ["ada/tiny"]
    assert list(ensure_base(workspace, "ada/tiny")) == []


def test_a_download_that_breaks_off_goes_on_where_it_was(workspace, hub):
    hub.go_on.set()
    hub.models["ada/tiny"] = {**SMALL, "model.safetensors": WEIGHTS}
    hub.refusals["model.safetensors"] = (404, "EntryNotFound")
    with pytest.raises(TunesmithError, match="The hub answered with an error") as failure:
        fetch(workspace, "ada/tiny")
    assert "what was fetched is kept" in failure.value.do
    assert not is_ready(workspace, "ada/tiny")
    assert list_models(workspace) == []
    hub.refusals.clear()
    fetch(workspace, "ada/tiny")
    assert sorted(hub.fetched) == sorted([*SMALL, "model.safetensors"])


def test_a_file_that_broke_off_at_nine_tenths_goes_on_there(workspace, hub):
    hub.go_on.set()
    hub.breaks_at = len(WEIGHTS) * 9 // 10
    hub.models["ada/tiny"] = {**SMALL, "model.safetensors": WEIGHTS}
    with pytest.raises(TunesmithError, match="The hub answered with an error") as failure:
        fetch(workspace, "ada/tiny")
    assert "what was fetched is kept" in failure.value.do
    hub.breaks_at, hub.ranges = 0, []
    fetch(workspace, "ada/tiny")
    assert hub.ranges == ["bytes=20971520-"]  # what came in whole pieces of 10 MiB
    assert (require_base(workspace, "ada/tiny") / "model.safetensors").read_bytes() == WEIGHTS


def test_a_download_whose_process_was_killed_goes_on_and_leaves_nothing_behind(workspace, hub):
    hub.models["ada/tiny"] = {**SMALL, "model.safetensors": WEIGHTS}
    watched = ensure_base(workspace, "ada/tiny")
    next(progress for progress in watched if progress.share and progress.share > 0.3)
    stop_task(note_of(workspace, "ada/tiny"))
    with pytest.raises(TunesmithError, match="It was stopped"):
        next(watched)
    hub.go_on.set()
    fetch(workspace, "ada/tiny")
    first, second = hub.ranges
    assert not first
    assert int(second.removeprefix("bytes=").removesuffix("-")) > 0.25 * len(WEIGHTS), "what was told is on the disk"
    place = require_base(workspace, "ada/tiny")
    assert (place / "model.safetensors").read_bytes() == WEIGHTS
    assert {path.name for path in place.iterdir()} == {*SMALL, "model.safetensors", "tunesmith.json"}


def test_a_file_that_arrived_damaged_is_fetched_again(workspace, hub):
    hub.models["ada/tiny"] = {**SMALL, "model.safetensors": b"damaged"}
    hub.etags["model.safetensors"] = hashlib.sha256(b"as made").hexdigest()
    with pytest.raises(TunesmithError, match=r"model\.safetensors of ada/tiny arrived damaged"):
        fetch(workspace, "ada/tiny")
    assert not is_ready(workspace, "ada/tiny")
    hub.models["ada/tiny"]["model.safetensors"] = b"as made"
    fetch(workspace, "ada/tiny")
    assert (require_base(workspace, "ada/tiny") / "model.safetensors").read_bytes() == b"as made"


def test_no_room_for_a_download_is_said_before_it_begins(workspace, hub):
    hub.models["ada/large"] = {**SMALL, "model.safetensors": WEIGHTS}
    hub.sizes["model.safetensors"] = 10**15
    with pytest.raises(TunesmithError, match=r"ada/large needs about 1000001\.0 GB, and the disk of ") as failure:
        fetch(workspace, "ada/large")
    assert "Free some space" in failure.value.do
    assert "model.safetensors" not in hub.fetched
    assert not is_ready(workspace, "ada/large")


def test_a_gated_model_says_how_to_get_in(workspace, hub):
    hub.models["ada/gated"] = {**SMALL, "model.safetensors": b"0"}
    hub.refusals = dict.fromkeys([*SMALL, "model.safetensors"], (403, "GatedRepo"))
    with pytest.raises(TunesmithError, match="only to people who have accepted its licence") as failure:
        fetch(workspace, "ada/gated")
    assert "HF_TOKEN" in failure.value.do


def test_a_model_that_the_hub_does_not_know_is_said(workspace, hub):
    with pytest.raises(TunesmithError, match="The hub knows no model 'ada/tyni', or it is private") as failure:
        fetch(workspace, "ada/tyni")
    assert "Check the spelling" in failure.value.do


@pytest.mark.parametrize("name", ["no name at all", "a/b/c", "", "https://huggingface.co/ada/tiny"])
def test_a_name_that_can_be_none_is_said(workspace, hub, name):
    with pytest.raises(TunesmithError, match="The hub knows no model"):
        fetch(workspace, name)
    assert list_models(workspace) == []


def test_weights_that_could_hide_a_program_are_refused_before_the_download(workspace, hub):
    hub.models["ada/pickled"] = {**SMALL, "pytorch_model.bin": b"program"}
    with pytest.raises(TunesmithError, match="ada/pickled has no weights in safetensors"):
        fetch(workspace, "ada/pickled")
    assert hub.fetched == []


def test_an_error_of_the_hub_is_said(workspace, hub):
    hub.refusals["ada/tiny"] = (400, "")
    with pytest.raises(TunesmithError, match="The hub answered with an error"):
        fetch(workspace, "ada/tiny")


def test_without_a_network_the_starter_is_named(workspace, hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(TunesmithError, match="The hub could not be reached for ada/tiny") as failure:
        fetch(workspace, "ada/tiny")
    assert "Check the network" in failure.value.do
    assert "starter model needs no network" in failure.value.do


# Folders and names


def test_a_folder_with_config_and_safetensors_is_a_base(workspace, tmp_path):
    folder = tmp_path / "my model"
    folder.mkdir()
    with pytest.raises(ModelError, match="There is no model at"):
        list(ensure_base(workspace, str(folder)))
    (folder / "config.json").touch()
    (folder / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match="no weights in safetensors"):
        list(ensure_base(workspace, str(folder)))
    (folder / "model.safetensors").touch()
    assert list(ensure_base(workspace, str(folder))) == []
    assert require_base(workspace, str(folder)) == folder


def test_a_base_that_is_not_fetched_yet_says_so(workspace):
    assert not is_ready(workspace, STARTER)
    for base in (STARTER, "ada/tiny"):
        with pytest.raises(ModelError, match="is not here, or not any more"):
            require_base(workspace, base)
    with pytest.raises(ModelError, match="There is no model at"):
        require_base(workspace, "/nowhere/at/all")


@pytest.mark.parametrize("base", ["starter", "ada/tiny", "a/../../b", "x\\..\\y", "ada/tiny:latest"])
def test_what_is_fetched_stays_in_the_workspace(workspace, base):
    assert place_of(workspace, base).parent == workspace.models


def test_a_base_has_a_title(tmp_path):
    assert title_of(STARTER) == "SmolLM2 135M (starter)"
    assert title_of("ada/tiny") == "ada/tiny"
    assert title_of(str(tmp_path)) == tmp_path.name


def test_the_starter_is_made_whole_and_is_no_model_of_the_hub(starter_workspace, starter):
    from safetensors import safe_open

    assert is_ready(starter_workspace, STARTER)
    assert list(ensure_base(starter_workspace, STARTER)) == []
    assert list_models(starter_workspace) == []
    config = json.loads((starter / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["eos_token_id"] == config["pad_token_id"] == 2
    with safe_open(starter / "model.safetensors", "pt") as weights:
        assert {weights.get_slice(name).get_dtype() for name in weights.keys()} == {"BF16"}  # noqa: SIM118 (no dict)
