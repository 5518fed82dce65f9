"""What a page of an attacker would send, sent to a real studio page on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read by gradio when it is imported

import gradio as gr
import httpx
import pytest
from starlette.middleware import Middleware

from components.guard import Guard, build_guard
from studio.errors import SettingError

TOKEN = "a-start-token"
PASSWORD = "correct horse battery"
ELSEWHERE = "http://evil.example"


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Studio:
    """A small gradio app on a port of its own; `ask` is a browser that has not been let in yet."""

    def __init__(self, tmp_path: Path, middleware: Middleware) -> None:
        self.file = tmp_path / "adapter.gguf"
        self.file.write_bytes(b"weights")
        gr.set_static_paths([tmp_path])
        with gr.Blocks() as self.demo:
            box = gr.Textbox()
            gr.Button().click(lambda text: text.upper(), box, box, api_name="shout")
            gr.File()
        _, self.url, _ = self.demo.launch(
            app_kwargs={"middleware": [middleware]},
            **{"quiet": True, "prevent_thread_lock": True, "share": False, "inline": False},
            **{"ssr_mode": False, "num_workers": 0, "footer_links": [], "run_history": False},
            **{"enable_monitoring": False, "strict_cors": True},
        )
        self.port = self.demo.server_port
        self.ask = self.new_browser()

    def new_browser(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False)

    def requests(self) -> dict[str, dict[str, Any]]:
        """One of each kind that does or tells something."""
        shout = {"data": ["hi"], "session_hash": "x", "fn_index": 0}
        return {
            "page": {"method": "GET", "url": "/"},
            "config": {"method": "GET", "url": "/config"},
            "call": {"method": "POST", "url": "/gradio_api/call/shout", "json": {"data": ["hi"]}},
            "join": {"method": "POST", "url": "/gradio_api/queue/join", "json": shout},
            "upload": {"method": "POST", "url": "/gradio_api/upload", "files": {"files": ("x.jsonl", b"{}")}},
            "file": {"method": "GET", "url": f"/gradio_api/file={self.file.as_posix()}"},
            "component": {"method": "POST", "url": "/gradio_api/component_server", "json": {}},
        }


KINDS = ["page", "config", "call", "join", "upload", "file", "component"]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = Studio(tmp_path_factory.mktemp("static"), build_guard(TOKEN))
    yield studio
    studio.demo.close(verbose=False)


@pytest.fixture(scope="module")
def inside(studio: Studio) -> httpx.Client:
    browser = studio.new_browser()
    assert browser.get("/", params={"token": TOKEN}).status_code == 303
    return browser


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Studio]:
    """A studio behind a share link, as the tunnel's requests reach it."""
    guard = Middleware(Guard, token=TOKEN, password=PASSWORD, share=True, clock=clock)
    studio = Studio(tmp_path_factory.mktemp("static"), guard)
    yield studio
    studio.demo.close(verbose=False)


@pytest.fixture
def visitor(shared: Studio, clock: Clock) -> Iterator[httpx.Client]:
    clock.now_s += 10_000
    host = "1a2b3c.gradio.live"
    with shared.new_browser(host=host, origin=f"https://{host}") as browser:
        yield browser


def log_in(browser: httpx.Client, password: str, **headers: str) -> httpx.Response:
    return browser.post("/login", data={"password": password}, headers=headers)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_answered_without_the_token(studio, kind):
    answer = studio.ask.request(**studio.requests()[kind])
    assert answer.status_code == 403
    assert "Open the address that the terminal shows" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ELSEWHERE},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "127.0.0.1:9"},
        {"host": "1a2b3c.gradio.live"},
    ],
    ids=lambda headers: ",".join(headers.values()),
)
def test_another_page_gets_nothing_even_with_the_cookie(studio, inside, kind, headers):
    assert inside.request(**studio.requests()[kind], headers=headers).status_code == 403


def test_a_rebound_name_gets_nothing_even_where_origin_and_host_agree(studio, inside):
    host = f"evil.example:{studio.port}"
    answer = inside.get("/config", headers={"host": host, "origin": f"http://{host}"})
    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS", "DELETE"])
def test_from_elsewhere_only_a_link_can_be_followed(studio, inside, method):
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert inside.get("/", headers=followed).status_code == 200
    assert inside.request(method, "/config", headers=followed).status_code == 403


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", "ünïcode"])
def test_a_wrong_token_opens_nothing(studio, token):
    answer = studio.ask.get("/", params={"token": token})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_token_becomes_a_cookie_and_leaves_the_address(studio):
    answer = studio.new_browser().get("/", params={"token": TOKEN, "__theme": "dark"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?__theme=dark")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"tunesmith-{studio.port}=")
    assert TOKEN not in cookie
    assert {"HttpOnly", "SameSite=lax"} <= set(cookie.split("; "))


def test_with_the_cookie_the_whole_page_works(studio, inside):
    requests = studio.requests()
    assert inside.request(**requests["page"]).status_code == 200
    assert inside.request(**requests["file"]).content == b"weights"
    assert inside.request(**requests["upload"]).status_code == 200
    event = inside.request(**requests["call"], headers={"origin": studio.url.rstrip("/")}).json()["event_id"]
    assert '["HI"]' in inside.get(f"/gradio_api/call/shout/{event}").text


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "[::1]"])
def test_every_name_of_this_machine_is_ours(studio, inside, name):
    host = f"{name}:{studio.port}"
    assert inside.get("/config", headers={"host": host}).status_code == 200


def test_two_studios_do_not_take_each_others_cookies(shared, inside):
    """A browser sends both cookies to both: cookies do not tell ports apart."""
    assert inside.get(f"{shared.url}config").status_code == 401


def test_no_answer_may_be_framed_or_guessed_at(studio, inside):
    for answer in (studio.ask.get("/"), inside.get("/"), inside.get("/config")):
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("cookie", [b"", b"tunesmith-7860=guess"])
def test_a_websocket_is_closed_before_it_opens(cookie):
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the guard let it through")

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:7860"), (b"cookie", cookie)]
    scope = {"type": "websocket", "path": "/", "query_string": b"", "headers": headers}
    scope |= {"server": ("127.0.0.1", 7860), "client": ("127.0.0.1", 5)}
    # Nothing is awaited on the way, and asyncio.run would clash with Playwright's loop in one session.
    with pytest.raises(StopIteration):
        Guard(app, token=TOKEN)(scope, None, send).send(None)
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_password_a_shared_studio_shows_the_log_in_alone(shared, visitor, kind):
    answer = visitor.request(**shared.requests()[kind])
    assert answer.status_code == 401
    assert '<label for="password">' in answer.text


def test_the_start_token_does_not_stand_in_for_the_password(visitor):
    assert visitor.get("/", params={"token": TOKEN}).status_code == 401


def test_the_right_password_lets_in(visitor):
    answer = log_in(visitor, PASSWORD, **{"x-forwarded-proto": "https"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=lax", "Secure"} <= set(answer.headers["set-cookie"].split("; "))
    cookie = answer.headers["set-cookie"].split(";")[0]
    assert visitor.get("/config", headers={"cookie": cookie}).status_code == 200


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), "x" * 100_000])
def test_a_wrong_password_lets_nobody_in(visitor, password):
    answer = log_in(visitor, password)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "not the password" in answer.text


def test_another_page_cannot_log_in(visitor):
    assert log_in(visitor, PASSWORD, origin=ELSEWHERE).status_code == 403


def test_each_wrong_password_doubles_the_wait(visitor, clock):
    waits = []
    for _ in range(9):
        assert log_in(visitor, "wrong").status_code == 401
        answer = log_in(visitor, PASSWORD)
        assert answer.status_code == 429, "even the right one waits, or a guess would tell"
        waits.append(int(answer.headers["retry-after"]))
        assert f"Try again in {waits[-1]} s" in answer.text
        clock.now_s += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert log_in(visitor, PASSWORD).status_code == 303


def test_guesses_from_many_addresses_wait_too(visitor, clock):
    """Behind a tunnel the address of a client is what the client says it is."""
    answers = [log_in(visitor, "wrong", **{"x-forwarded-for": f"10.0.0.{n}"}) for n in range(30)]
    assert [answer.status_code for answer in answers] == [401] * 6 + [429] * 24
    clock.now_s += 1
    assert log_in(visitor, PASSWORD, **{"x-forwarded-for": "10.0.1.1"}).status_code == 303


@pytest.mark.parametrize("options", [{"share": True}, {"address": "0.0.0.0"}, {"address": "192.168.1.5"}])
def test_others_need_a_password_of_12_characters(options):
    for password in ("", "elevenchars"):
        with pytest.raises(SettingError, match="--password with 12 characters or more"):
            build_guard(TOKEN, password=password, **options)
    build_guard(TOKEN, password="twelve chars", **options)


def test_a_short_password_is_refused_at_home_too():
    with pytest.raises(SettingError, match="too short"):
        build_guard(TOKEN, password="elevenchars")


def test_on_a_network_a_bare_address_is_ours_and_a_foreign_name_is_not(tmp_path):
    studio = Studio(tmp_path, build_guard(TOKEN, password=PASSWORD, address="0.0.0.0"))
    port = studio.port
    names = [f"192.168.1.5:{port}", f"[fe80::1]:{port}", f"evil.example:{port}", "192.168.1.5:9"]
    answers = [studio.ask.get("/", headers={"host": name}).status_code for name in names]
    studio.demo.close(verbose=False)
    assert answers == [401, 401, 403, 403]
