"""The HTTP API, called in this process."""

import asyncio
import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from app_server import box_hole, tiny_weights
from pictures import encode
from PIL import Image

pytest.importorskip("fastapi", reason="needs pip install 'pconv-inpaint[serve]'")
pytest.importorskip("prometheus_client", reason="needs pip install 'pconv-inpaint[serve]'")

from inpaint import Inpainter
from inpaint.api.options import ServeOptions
from inpaint.api.queue import Queue
from inpaint.api.server import create_app
from inpaint.cli import main

TOKEN = "a token of sixteen"
URL = "http://localhost:8000"


def png(pixels: np.ndarray) -> bytes:
    return encode(Image.fromarray(pixels))


def pixels_of(data: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(data)))


PHOTO = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
HOLE = box_hole((40, 50), 10, 20, 15, 30)
FILES = {"image": png(PHOTO), "mask": png(HOLE)}


def options(**others: Any) -> ServeOptions:
    return ServeOptions(weights=str(tiny_weights()), **others)


@pytest.fixture(scope="module")
def app() -> Iterator[Any]:
    """An API with limits that a test can reach."""
    app = create_app(options(concurrency=1, queue_size=1, max_file_mb=0.05, max_megapixels=0.01))
    yield app
    app.state.service.stop()


@pytest.fixture
def service(app: Any) -> Any:
    return app.state.service


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL)


def post(app: Any, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    """The answer to one request for a fill; `fields` are files (bytes), or other values."""

    async def send() -> httpx.Response:
        async with client(app) as http:
            files = {key: value for key, value in fields.items() if isinstance(value, bytes)}
            data = {key: value for key, value in fields.items() if key not in files}
            return await http.post("/v1/fill", files=files, data=data, headers=headers)

    return asyncio.run(send())


def get(app: Any, path: str, **headers: str) -> httpx.Response:
    async def send() -> httpx.Response:
        async with client(app) as http:
            return await http.get(path, headers=headers)

    return asyncio.run(send())


class Held:
    """Stands for the networks' fill: it goes on for as long as `release` is not set."""

    def __init__(self) -> None:
        self.release, self.begun, self.ended = (threading.Event() for _ in range(3))

    def __call__(self, image: Any, hole: Any, *, report: Callable[[float], None], **_: Any) -> Any:
        self.begun.set()
        try:
            while not self.release.wait(0.01):
                report(0.5)
        finally:
            self.ended.set()
        return image


@pytest.fixture
def held(service: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    fill = Held()
    monkeypatch.setattr(service.models, "fill", fill)
    yield fill
    fill.release.set()


def test_a_photo_is_filled_as_in_python(app: Any) -> None:
    answer = post(app, **FILES, style="faithful", seed=3)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    inpainter = Inpainter.load(tiny_weights(), style="faithful", seed=3)
    np.testing.assert_array_equal(pixels_of(answer.content), inpainter.fill(PHOTO, HOLE))


def test_a_mask_may_be_inverted_grown_and_the_format_chosen(app: Any) -> None:
    inverted = post(app, image=FILES["image"], mask=png(~HOLE), invert=True, style="faithful")
    assert inverted.content == post(app, **FILES, style="faithful").content
    grown = pixels_of(post(app, **FILES, style="faithful", grow=2).content)
    assert (grown != PHOTO).any(axis=2)[8:22, 13:32].mean() > 0.9
    assert post(app, **FILES, format="webp").headers["content-type"] == "image/webp"


def test_a_stream_tells_progress_and_ends_with_the_photo(app: Any) -> None:
    answer = post(app, **FILES, style="faithful", headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [block.splitlines() for block in answer.text.strip().split("\n\n")]
    names = [event.removeprefix("event: ") for event, _ in events]
    assert (names[-1], set(names[:-1]) - {"progress"}) == ("done", set())
    done = json.loads(events[-1][1].removeprefix("data: "))
    assert done["type"] == "image/png"
    assert base64.b64decode(done["image"]) == post(app, **FILES, style="faithful").content


def test_a_stream_tells_how_many_are_ahead_and_how_far_the_fill_is(app: Any, held: Held) -> None:
    async def follow() -> list[str]:
        async with client(app) as http:
            first = asyncio.create_task(http.post("/v1/fill", files=FILES))
            await asyncio.to_thread(held.begun.wait, 10)
            stream = {"accept": "text/event-stream"}
            second = asyncio.create_task(http.post("/v1/fill", files=FILES, headers=stream))
            await asyncio.sleep(0.3)
            held.release.set()
            await first
            return (await second).text.split("\n\n")

    events = asyncio.run(follow())
    assert events[0] == 'event: progress\ndata: {"share": 0.0, "ahead": 1}'
    assert events[-2].startswith("event: done")


def test_a_bad_file_in_a_stream_is_an_event(app: Any) -> None:
    answer = post(
        app, image=b"no photo", mask=FILES["mask"], headers={"accept": "text/event-stream"}
    )
    last = answer.text.strip().split("\n\n")[-1]
    assert last.startswith('event: error\ndata: {"status": 422, "detail": "image: this is not a')


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"image": b"no photo"}, 422, "image: this is not a picture"),
    ({"mask": FILES["image"][:300]}, 422, "mask: the picture is damaged"),
    ({"mask": png(np.zeros((40, 50), bool))}, 422, "the mask is all black"),
    ({"mask": png(np.ones((40, 50), bool))}, 422, "the mask is all white"),
    ({"mask": png(np.ones((40, 90), bool))}, 422, "aspect ratio"),
    ({"image": png(np.zeros((200, 100), bool))}, 422, "image: "),
    ({"image": bytes(50_001)}, 413, "image: the file is larger than 0.05 MB"),
    ({"style": "fine"}, 422, "faithful"),
    ({"grow": 201}, 422, "less than or equal to 200"),
    ({"format": "exe"}, 422, "pattern"),
]


@pytest.mark.parametrize(("fields", "status", "text"), WRONG)
def test_what_is_wrong_with_a_request_is_told(
    app: Any, fields: dict[str, Any], status: int, text: str
) -> None:
    answer = post(app, **{**FILES, **fields})
    assert answer.status_code == status
    assert text in json.dumps(answer.json()["detail"])


def test_a_fault_of_the_server_is_logged_and_not_shown(
    app: Any, service: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("/secret/path")

    monkeypatch.setattr(service.models, "fill", broken)
    answer = post(app, **FILES)
    assert (answer.status_code, "secret" in answer.text) == (500, False)
    assert "/secret/path" in caplog.text


def test_without_a_place_a_request_is_told_when_to_come_back(
    app: Any, service: Any, held: Held
) -> None:
    async def crowd() -> list[httpx.Response]:
        async with client(app) as http:
            inside = [asyncio.create_task(http.post("/v1/fill", files=FILES)) for _ in range(2)]
            await asyncio.to_thread(held.begun.wait, 10)
            while len(service.queue.places) < 2:
                await asyncio.sleep(0.01)
            full = (await http.get("/health")).json()
            refused = await http.post("/v1/fill", files=FILES)
            held.release.set()
            return [refused, *await asyncio.gather(*inside), full]

    refused, *answered, full = asyncio.run(crowd())
    assert refused.status_code == 503
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert [answer.status_code for answer in answered] == [200, 200]
    assert (full["status"], full["waiting"]) == ("full", 1)
    assert service.queue.places == []


class Caller:
    """A client as ASGI shows it, whose messages the test writes."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = list(messages)
        self.sent: list[dict[str, Any]] = []
        request = httpx.Request("POST", f"{URL}/v1/fill", files=FILES)
        self.body = request.read()
        headers = [(key.lower().encode(), value.encode()) for key, value in request.headers.items()]
        self.scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": "/v1/fill",
            "raw_path": b"/v1/fill",
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
        }

    async def receive(self) -> dict[str, Any]:
        while not self.messages:
            await asyncio.sleep(0.01)
        return self.messages.pop(0)

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


def test_a_client_that_leaves_ends_its_fill(app: Any, service: Any, held: Held) -> None:
    async def leave() -> None:
        caller = Caller()
        caller.messages.append({"type": "http.request", "body": caller.body, "more_body": False})
        task = asyncio.create_task(app(caller.scope, caller.receive, caller.send))
        await asyncio.to_thread(held.begun.wait, 10)
        caller.messages.append({"type": "http.disconnect"})
        await asyncio.wait_for(task, 10)

    asyncio.run(leave())
    assert held.ended.is_set() and not held.release.is_set()
    assert service.queue.places == []


def test_an_upload_that_takes_too_long_loses_its_place() -> None:
    app = create_app(options(upload_seconds=0.2))
    caller = Caller()
    caller.messages.append({"type": "http.request", "body": caller.body[:50], "more_body": True})
    asyncio.run(asyncio.wait_for(app(caller.scope, caller.receive, caller.send), 10))
    assert caller.sent[0]["status"] == 408
    assert len([one for one in caller.sent if one["type"] == "http.response.start"]) == 1
    assert app.state.service.queue.places == []


def test_a_fill_that_takes_too_long_ends(
    app: Any, service: Any, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "options", options(fill_seconds=0.1, max_megapixels=0.01))
    answer = post(app, **FILES)
    assert answer.status_code == 504
    assert answer.json()["detail"] == "the fill took longer than 0.1 seconds"
    assert held.ended.is_set()


def test_a_body_above_the_limit_is_cut_off_whatever_its_length_is_said_to_be(app: Any) -> None:
    caller = Caller()
    caller.scope["headers"] = [
        one for one in caller.scope["headers"] if one[0] != b"content-length"
    ]
    head = caller.body.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    chunks = [head, *[bytes(300_000)] * 5]
    caller.messages += [{"type": "http.request", "body": one, "more_body": True} for one in chunks]
    asyncio.run(asyncio.wait_for(app(caller.scope, caller.receive, caller.send), 10))
    assert caller.sent[0]["status"] == 413


@pytest.fixture(scope="module")
def closed() -> Any:
    """An API that wants a token, below a path of a proxy."""
    return create_app(options(token=TOKEN, root_path="/pictures"))


def test_a_token_is_needed_for_all_but_health_and_documentation(closed: Any) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}):
        answer = post(closed, **FILES, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert get(closed, "/metrics").status_code == 401
    for path in ("/health", "/openapi.json", "/docs"):
        assert get(closed, path).status_code == 200
    right = {"authorization": f"Bearer {TOKEN}"}
    assert post(closed, **FILES, style="faithful", headers=right).status_code == 200


def test_the_path_of_a_proxy_is_no_way_past_the_token(closed: Any) -> None:
    async def send(**headers: str) -> int:
        async with client(closed) as http:
            answer = await http.post("/pictures/v1/fill", files=FILES, headers=headers)
            return answer.status_code

    assert asyncio.run(send()) == 401
    assert asyncio.run(send(authorization=f"Bearer {TOKEN}")) == 200


def test_foreign_hosts_and_pages_are_refused(app: Any) -> None:
    assert post(app, **FILES, headers={"host": "evil.example"}).status_code == 403
    assert post(app, **FILES, headers={"origin": "http://evil.example"}).status_code == 403
    assert get(app, "/health", host="evil.example").status_code == 403


def test_metrics_count_answers(app: Any) -> None:
    def count(status: int) -> float:
        lines = get(app, "/metrics").text.splitlines()
        name = f'inpaint_requests_total{{status="{status}"}} '
        return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    before = count(200), count(422)
    post(app, **FILES, style="faithful")
    post(app, **{**FILES, "mask": b""})
    assert (count(200), count(422)) == (before[0] + 1, before[1] + 1)
    text = get(app, "/metrics").text
    assert "inpaint_fill_seconds_count" in text and "process_resident_memory_bytes" in text


def test_openapi_describes_the_fields(app: Any) -> None:
    schema = get(app, "/openapi.json").json()
    assert set(schema["paths"]) == {"/v1/fill", "/health", "/metrics"}
    (body,) = [one for name, one in schema["components"]["schemas"].items() if "fill" in name]
    assert {"image", "mask", "exclude", "style", "seed"} <= set(body["properties"])
    assert set(body["required"]) == {"image", "mask"}


def test_a_queue_knows_who_is_ahead_and_when_to_come_back() -> None:
    queue = Queue(size=2, concurrency=2)
    places = [queue.enter() for _ in range(5)]
    assert [place.ahead for place in places if place] == [0, 0, 1, 2]
    assert places[4] is None and queue.waiting == 2
    places[0].leave(6.0)  # the mean of 1 s moves a fifth of the way: 2 s
    assert [place.ahead for place in places[1:4]] == [0, 0, 1]
    assert queue.retry_after == 3
    for place in places[1:4]:
        place.leave()
    assert (queue.retry_after, queue.waiting, queue.mean) == (1, 0, 2.0)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"token": "short"}, "token must have at least 16 characters"),
        ({"queue_size": -1}, "queue_size must be 0 or more, got -1"),
        ({"concurrency": 0}, "concurrency must be above 0, got 0"),
        ({"root_path": "inpaint/"}, "root_path must be like /inpaint, got 'inpaint/'"),
        ({"port": 70_000}, "port must lie in 0 to 65535"),
        ({"fill_seconds": 0}, "fill_seconds must be above 0"),
    ],
)
def test_wrong_options_are_named(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ServeOptions(**wrong)


def test_the_command_reports_wrong_options_and_hides_the_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INPAINT_TOKEN", TOKEN)
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    assert TOKEN not in capsys.readouterr().out
    assert main(["serve", "--weights", "no/such.safetensors", "--port", "0"]) == 2
    assert "no weight file at no/such.safetensors" in capsys.readouterr().err
