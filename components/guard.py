"""Who may talk to the studio: the person at this machine, or someone who knows the password.

Gradio answers whoever reaches its port, so any page open in the same browser could upload files or start
runs. The guard stands before every request, files and websockets included:

    Host            one of our names with our port, against DNS rebinding
    Origin          the same as Host, against what another page sends
    Sec-Fetch-Site  ours; from elsewhere only a link that was followed
    cookie          got for the start token in the address that the terminal shows, or for the password
"""

from __future__ import annotations

import hmac
import ipaddress
import math
import secrets
import socket
import time
from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.errors import SettingError

MIN_PASSWORD_LENGTH = 12
MAX_FORM_BYTES = 4 * 1024
MAX_WAIT_S = 60.0
FORGET_FAILURES_S = 900.0
# One person's typing errors must not hold up the others; guesses from many addresses must be held up.
FREE_FAILURES_OVERALL = 5
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SHARE_DOMAIN = ".gradio.live"

HEADERS = {
    # Pictures come from here alone: what a model or a file says must not make the browser tell anybody.
    "Content-Security-Policy": "frame-ancestors 'none'; object-src 'none'; base-uri 'self'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser sends the log-in form with "Origin: null", which is refused here.
    "Referrer-Policy": "same-origin",
}
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"


def build_guard(token: str, *, password: str = "", address: str = "127.0.0.1", share: bool = False) -> Middleware:
    """Build what goes into `launch(app_kwargs={"middleware": [...]})`.

    Gradio's own file workers and Node server would stand beside the guard: launch with `num_workers=0`,
    `ssr_mode=False`, and a `share` that is never None.

    Raises: SettingError if others could come in without a password, or with one that is too short.
    """
    open_to_others = share or address not in LOOPBACK
    if (open_to_others or password) and len(password) < MIN_PASSWORD_LENGTH:
        raise SettingError(
            f"The password is too short: {MIN_PASSWORD_LENGTH} characters or more keep others out."
            if password
            else "Others could open this studio, and no password keeps them out.",
            f"Give --password with {MIN_PASSWORD_LENGTH} characters or more, such as four unrelated words.",
        )
    return Middleware(Guard, token=token, password=password, address=address, share=share)


class Waits:
    """How long after wrong passwords nothing is listened to: 1, 2, 4 and so on up to 60 seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.failures: dict[str, tuple[int, float]] = {}

    def left_s(self, client: str) -> float:
        return max(self._left_s(client, 0), self._left_s("everyone", FREE_FAILURES_OVERALL))

    def add_failure(self, client: str) -> None:
        now = self.clock()
        recent = now - FORGET_FAILURES_S
        self.failures = {who: known for who, known in self.failures.items() if known[1] > recent}
        for who in (client, "everyone"):
            self.failures[who] = self.failures.get(who, (0, now))[0] + 1, now

    def forgive(self, client: str) -> None:
        self.failures.pop(client, None)

    def _left_s(self, who: str, free: int) -> float:
        count, latest = self.failures.get(who, (0, 0.0))
        if count <= free:
            return 0.0
        wait_s = min(MAX_WAIT_S, 2.0 ** min(count - free - 1, 9))
        return max(0.0, latest + wait_s - self.clock())


class Guard:
    """ASGI middleware. Our port is read from each request's own socket, since Gradio chooses it late."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        password: str = "",
        address: str = "127.0.0.1",
        share: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app = app
        self.token = token
        self.password = password
        self.on_network = bool(password) and address not in LOOPBACK
        self.share = share
        self.session = secrets.token_urlsafe(32)
        self.waits = Waits(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        answer = await self._answer(scope, receive)
        if answer is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, _with_headers(send))

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        """Answer in the studio's place; None lets the request through."""
        headers = Headers(scope=scope)
        method, path = scope.get("method", "GET"), scope["path"]
        if not self._is_ours(scope, headers):
            return _page(
                403,
                "This came from another page",
                "<p>The studio answers its own page only. Open the address that the terminal shows.</p>",
            )
        if _is_probe_of_gradio(scope):
            return Response() if method == "HEAD" else None
        if path == "/" and method == "GET" and not self.password:
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            if any(name == "token" and self.token and _is_same(value, self.token) for name, value in query):
                rest = urlencode([pair for pair in query if pair[0] != "token"])
                return self._let_in(scope, headers, f"/?{rest}" if rest else "/")
        if self._has_session(scope, headers):
            return RedirectResponse("/", 303) if path == "/login" else None
        if not self.password:
            return _page(
                403,
                "This address lacks its start token",
                "<p>Open the address that the terminal shows: it ends in <code>?token=</code> and a long "
                "word. Each start of the studio makes a new one.</p>",
            )
        if path == "/login" and method == "POST":
            return await self._log_in(scope, headers, receive)
        return _log_in_page(401)

    def _is_ours(self, scope: Scope, headers: Headers) -> bool:
        host = headers.get("host", "").lower()
        origin = headers.get("origin", f"http://{host}").lower()
        if not self._is_our_name(host, scope) or origin not in (f"http://{host}", f"https://{host}"):
            return False
        followed_link = (
            scope.get("method") == "GET"
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest", "document") == "document"
        )
        return followed_link or headers.get("sec-fetch-site") not in ("cross-site", "same-site")

    def _is_our_name(self, host: str, scope: Scope) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if parts.netloc != host or "@" in host:
            return False
        if self.share and name.endswith(SHARE_DOMAIN):
            return True
        return port == _port(scope) and (name in LOOPBACK or (self.on_network and _cannot_be_rebound(name)))

    def _has_session(self, scope: Scope, headers: Headers) -> bool:
        cookies = cookie_parser("; ".join(headers.getlist("cookie")))
        return _is_same(cookies.get(_cookie_name(scope), ""), self.session)

    async def _log_in(self, scope: Scope, headers: Headers, receive: Receive) -> Response:
        form = parse_qs((await _read_body(receive)).decode("utf-8", "replace"))
        client = scope["client"][0] if scope.get("client") else ""
        # Nothing is awaited from here on: of many guesses sent at once, one is looked at.
        wait_s = math.ceil(self.waits.left_s(client))
        if wait_s:
            page = _log_in_page(429, f"Too many wrong passwords. Try again in {wait_s} s.")
            page.headers["Retry-After"] = str(wait_s)
            return page
        if not _is_same(form.get("password", [""])[0], self.password):
            self.waits.add_failure(client)
            return _log_in_page(401, "That is not the password. Ask the person who started the studio.")
        self.waits.forgive(client)
        return self._let_in(scope, headers, "/")

    def _let_in(self, scope: Scope, headers: Headers, address: str) -> Response:
        response = RedirectResponse(address, 303, {"Cache-Control": "no-store"})
        https = scope.get("scheme") == "https" or headers.get("x-forwarded-proto", "").startswith("https")
        response.set_cookie(_cookie_name(scope), self.session, httponly=True, samesite="lax", secure=https)
        return response


def _is_probe_of_gradio(scope: Scope) -> bool:
    """`launch` asks these two of itself before anyone has a cookie; neither tells or changes anything."""
    client, server = (scope.get(end) or ("", 0) for end in ("client", "server"))
    return (client[0] in LOOPBACK or client[0] == server[0]) and (scope.get("method"), scope["path"]) in (
        ("HEAD", "/"),
        ("GET", "/gradio_api/startup-events"),
    )


def _cannot_be_rebound(name: str) -> bool:
    """Rebinding needs a name that its attacker can point elsewhere; a bare address is none."""
    this_machine = socket.gethostname().lower()
    try:
        return name in (this_machine, f"{this_machine}.local") or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _port(scope: Scope) -> int:
    return int(scope["server"][1] or 0) if scope.get("server") else 0


def _cookie_name(scope: Scope) -> str:
    # Cookies do not tell ports apart, and two studios may run.
    return f"tunesmith-{_port(scope)}"


def _is_same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


async def _read_body(receive: Receive) -> bytes:
    """Read a small form; of a larger one, nothing that could be a password."""
    body, more = b"", True
    while more and len(body) <= MAX_FORM_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body if len(body) <= MAX_FORM_BYTES else b""


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


def _log_in_page(status: int, problem: str = "") -> Response:
    alert = f'<p id="problem" role="alert">{escape(problem)}</p>' if problem else ""
    form = (
        '<form method="post" action="/login"><label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" autofocus '
        f'required aria-describedby="problem">{alert}<button>Log in</button></form>'
    )
    return _page(status, "Tunesmith", form)


def _page(status: int, title: str, body: str) -> Response:
    html = PAGE.replace("TITLE", escape(title)).replace("BODY", body)
    return HTMLResponse(html, status, {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"})


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TITLE</title>
<style>
:root { color-scheme: light dark; --ground: #f8fafc; --text: #0f172a; --edge: #64748b; --alert: #b91c1c }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0f172a; --text: #f1f5f9; --edge: #94a3b8; --alert: #fca5a5 }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
main { box-sizing: border-box; width: min(100%, 25rem); padding: 1.5rem }
h1 { font-size: 1.375rem }
label, input, button { display: block; width: 100%; box-sizing: border-box }
input, button { margin: .375rem 0 1rem; padding: .75rem; font: inherit; border-radius: .5rem }
input { border: 1px solid var(--edge); background: transparent; color: inherit }
button { border: 0; background: #4338ca; color: white; font-weight: 600; cursor: pointer }
:focus-visible { outline: 3px solid #818cf8; outline-offset: 2px }
[role=alert] { color: var(--alert); margin: 0 0 1rem }
</style>
</head>
<body><main><h1>TITLE</h1>BODY</main></body>
</html>
"""
