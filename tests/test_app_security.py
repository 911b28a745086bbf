"""What a stranger can do to the page: every test sends requests to a running one."""

import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from app_server import (
    editor_call,
    mask_file,
    photo_file,
    sent,
    shared_server,
    start_server,
    stop_server,
)
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from inpaint.app.passwords import Attempts
from inpaint.serving.guard import Hosts, hostname

FOREIGN = "http://evil.example"


@pytest.fixture(scope="module")
def server():
    return shared_server()


@pytest.fixture(scope="module")
def visitor(server):
    with httpx.Client(base_url=server.address, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A page with further names, whose folder for temporary files nobody may learn."""
    secret = tmp_path_factory.mktemp("home-of-ada")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(secret))
        server = start_server("--allowed-host", "photos.example.org, other.example")
    yield server
    stop_server(server.process)
    assert not list(secret.glob("inpaint-*"))


@pytest.fixture(scope="module")
def guarded():
    """A page behind a password that takes small files only."""
    server = start_server("--max-file-mb", "0.001", "--auth", "ada:lace:1")
    yield server
    stop_server(server.process)
    assert server.process.returncode == 0


def port_of(server):
    return server.address.rpartition(":")[2]


def resident_mb(server):
    return psutil.Process(server.process.pid).memory_info().rss / 1e6


def test_nothing_can_be_put_into_memory_by_way_of_components(server, visitor):
    parts = visitor.get("/config").json()["components"]
    before = resident_mb(server)
    for part in parts:
        fields = {
            "type": "layer",
            "index": "3000000000",
            "id": "id",
            "component_id": str(part["id"]),
            "session_hash": "s",
            "fn_name": "accept_blobs",
        }
        files = {"file": b"x" * 1000}
        answer = visitor.post("/gradio_api/component_server", data=fields, files=files)
        assert answer.status_code == 404
    assert resident_mb(server) - before < 50


def test_nothing_of_the_page_can_be_called_as_a_function_of_a_component(visitor):
    for part in visitor.get("/config").json()["components"]:
        assert not part["props"].get("server_fns"), part["type"]


@pytest.mark.parametrize("path", ["component_server", "queue/join", "call/inpaint", "login"])
def test_large_bodies_are_refused_whether_their_length_is_told_or_not(server, path):
    address = f"/{path}" if path == "login" else f"/gradio_api/{path}"
    before = resident_mb(server)
    large = b" " * 40_000_000
    for content in (large, iter([large[:1_000_000]] * 40)):
        try:
            # 422: what is no form is not read at all by /login.
            answer = httpx.post(f"{server.address}{address}", content=content)
            assert answer.status_code in (404, 413, 422)
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            pass  # the server hung up before all was sent
    assert server.alive() and resident_mb(server) - before < 100


def test_text_field_of_an_upload_does_not_fill_the_memory(server):
    before = resident_mb(server)
    text = b"a" * 100_000_000
    body = b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\n' + text + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        address = f"{server.address}/gradio_api/upload"
        answer = httpx.post(address, content=body, headers=headers)
        assert answer.status_code == 413
    except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        pass
    assert server.alive() and resident_mb(server) - before < 60


@pytest.mark.parametrize("path", ["run/inpaint", "api/inpaint", "run/inpaint/", "run/predict"])
def test_the_queue_cannot_be_bypassed(visitor, path):
    functions = visitor.get("/config").json()["dependencies"]
    for chosen in [{}, *({"fn_index": function["id"]} for function in functions)]:
        body = {"data": [], "session_hash": "s"} | chosen
        answer = visitor.post(f"/gradio_api/{path}", json=body)
        assert answer.status_code == 404
        assert "join the queue" in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.9", ""]
)
def test_foreign_hosts_are_refused(server, visitor, host):
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/file=/etc/passwd", "/theme.css"):
        assert visitor.get(path, headers={"Host": host}).status_code == 403
    answer = visitor.post("/gradio_api/upload", files={"files": b"x"}, headers={"Host": host})
    assert answer.status_code == 403 and "not allowed" in answer.text


def test_names_of_this_machine_and_allowed_ones_are_served(own):
    port = port_of(own)
    allowed = (
        "localhost",
        f"127.0.0.1:{port}",
        f"[::1]:{port}",
        "photos.example.org",
        "OTHER.example",
    )
    for host in allowed:
        assert httpx.get(f"{own.address}/config", headers={"Host": host}).status_code == 200
    behind_proxy = {"Origin": "https://photos.example.org"}
    answer = httpx.post(
        f"{own.address}/gradio_api/upload", files={"files": b"x"}, headers=behind_proxy
    )
    assert answer.status_code == 200
    foreign = {"Host": "evil.example"}
    assert httpx.get(f"{own.address}/config", headers=foreign).status_code == 403


def test_wildcard_address_answers_to_numbers_but_not_to_names():
    hosts = Hosts.of("0.0.0.0", machine="box")
    assert all(
        name in hosts for name in ("192.168.1.5", "fe80::1", "box", "box.local", "localhost")
    )
    assert "evil.example" not in hosts and "" not in hosts
    assert "evil.example" in Hosts.of("0.0.0.0", "*")
    assert "photos.example.org" in Hosts.of("127.0.0.1", root_path="https://photos.example.org/x")
    assert "192.168.1.5" not in Hosts.of("127.0.0.1") and "192.168.1.5" in Hosts.of("192.168.1.5")


@pytest.mark.parametrize(
    ("netloc", "name"),
    [
        ("A.example:80", "a.example"),
        ("[::1]:7860", "::1"),
        ("a.example.", "a.example"),
        ("a b", ""),
    ],
)
def test_host_is_read_from_its_header(netloc, name):
    assert hostname(netloc) == name


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://127.0.0.1.evil.example"])
def test_pages_of_other_origins_can_neither_read_nor_send(visitor, origin):
    headers = {"Origin": origin}
    for path in ("/config", "/gradio_api/info", "/"):
        answer = visitor.get(path, headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert (
        visitor.post("/gradio_api/upload", files={"files": b"x"}, headers=headers).status_code
        == 403
    )
    assert visitor.post("/gradio_api/call/inpaint", json={}, headers=headers).status_code == 403
    asking = headers | {"Access-Control-Request-Method": "POST"}
    answer = visitor.options("/gradio_api/call/inpaint", headers=asking)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_page_of_the_own_origin_sends(server, visitor):
    headers = {"Origin": server.address}
    assert (
        visitor.post("/gradio_api/upload", files={"files": b"x"}, headers=headers).status_code
        == 200
    )


def test_addresses_are_not_fetched_for_a_visitor(visitor):
    for address in ("http://example.com/a.png", "https://127.0.0.1/x", "HTTP://[::1]/"):
        answer = visitor.get(f"/gradio_api/file={address}")
        assert answer.status_code == 404 and "Not offered" in answer.text


def test_login_and_limit_on_uploads_hold(guarded, tmp_path):
    photo = photo_file(tmp_path / "photo.png").read_bytes()
    with httpx.Client(base_url=guarded.address) as visitor:
        assert visitor.get("/gradio_api/info").status_code == 401
        assert visitor.post("/gradio_api/upload", files={"files": photo}).status_code == 401
        visitor.post("/login", data={"username": "ada", "password": "lace:1"})
        assert visitor.get("/gradio_api/info").status_code == 200
        assert visitor.post("/gradio_api/upload", files={"files": photo}).status_code == 413


def test_wrong_passwords_are_slowed_down_even_when_sent_at_once(guarded):
    wrong = {"username": "ada", "password": "wrong"}

    def attempt(_):
        return httpx.post(f"{guarded.address}/login", data=wrong, timeout=60).status_code

    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(attempt, range(60)))
    assert set(codes) == {400, 429} and codes.count(400) <= 8
    right = {"username": "ada", "password": "lace:1"}
    while attempt(0) != 429:  # the wait after those above may be over
        pass
    answer = httpx.post(f"{guarded.address}/login", data=right)
    assert answer.status_code == 429 and "try again in" in answer.text
    for _ in range(5):  # the tries above, from 16 threads, may have been counted late
        time.sleep(float(answer.headers["retry-after"]) + 0.1)
        answer = httpx.post(f"{guarded.address}/login", data=right)
        if answer.status_code != 429:
            break
    assert answer.status_code == 200
    for path in ("config", "gradio_api/info", "gradio_api/queue/data?session_hash=s"):
        assert httpx.get(f"{guarded.address}/{path}").status_code == 401
    for path in ("call/inpaint", "run/inpaint", "queue/join", "upload"):
        body = {"data": [], "session_hash": "s", "fn_index": 0}
        answer = httpx.post(f"{guarded.address}/gradio_api/{path}", json=body)
        assert answer.status_code == (404 if path.startswith("run") else 401), path


def test_waits_for_the_next_password_grow_and_end_with_a_right_one():
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    waits = []
    for _ in range(14):
        waits.append(attempts.begin("a"))
        if waits[-1] > 0:
            now[0] += waits[-1]
            assert attempts.begin("a") == 0
    assert waits == [0] * 5 + [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert attempts.begin("b") == 0  # others are not in the way
    attempts.succeeded("a")
    assert attempts.begin("a") == 0


def test_passwords_from_many_addresses_are_slowed_down_together():
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    passed = sum(attempts.begin(f"10.0.{i // 256}.{i % 256}") == 0 for i in range(1000))
    assert passed <= 50


def test_no_answer_tells_a_path_of_the_machine(own, tmp_path):
    photo = photo_file(tmp_path / "photo.png")
    mask = mask_file(tmp_path / "mask.png", (30, 60, 40, 80), (96, 128))
    texts = [
        httpx.get(f"{own.address}{path}").text for path in ("/", "/config", "/gradio_api/info")
    ]
    with photo.open("rb") as file:
        uploaded = httpx.post(f"{own.address}/gradio_api/upload", files={"files": file}).json()
    with mask.open("rb") as file:
        uploaded += httpx.post(f"{own.address}/gradio_api/upload", files={"files": file}).json()
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in uploaded]
    address = f"{own.address}/gradio_api/call/inpaint"
    for files in (data, [data[0], {"path": str(photo)}], [data[0], data[0]]):
        event = httpx.post(address, json={"data": files}).json()["event_id"]
        texts.append(httpx.get(f"{address}/{event}", timeout=60).text)
    assert "event: complete" in texts[3] and "event: error" in texts[4]
    for text in [*texts, *uploaded]:
        assert "home-of-ada" not in text and os.getcwd() not in text


def test_errors_of_gradio_itself_are_texts_without_paths(server, tmp_path):
    client = Client(server.address, verbose=False)
    photo = handle_file(photo_file(tmp_path / "photo.png"))
    with pytest.raises(AppError, match="style must be one of natural"):
        client.predict(photo, photo, json.loads("false"), api_name="/inpaint")


def test_session_is_reached_by_its_token_only(server, tmp_path):
    photo = sent(server, photo_file(tmp_path / "photo.png"))
    values, files = editor_call(server, "open", {}, photo)["output"]["data"]
    assert len(values["token"]) >= 32 and len(files) == 1
    found, _ = editor_call(server, "resume", {"token": values["token"]})["output"]["data"]
    assert found["name"] == "photo.png"
    for token in ("", "0", values["token"][:-1], values["token"].swapcase()):
        answer = editor_call(server, "resume", {"token": token})
        assert answer["output"]["data"][0] == {"gone": True}
    editor_call(server, "close", {"token": values["token"]})
    answer = editor_call(server, "save", {"token": values["token"]})
    assert answer["output"]["data"][0] == {"gone": True}


@pytest.mark.parametrize(
    ("name", "request_", "file"),
    [
        ("open", {}, {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}),
        ("open", {}, {"path": "../../etc/passwd"}),
        ("open", {}, {"path": "http://127.0.0.1/x", "meta": {"_type": "gradio.FileData"}}),
        ("open_example", {"index": -1}, None),
        ("open_example", {"index": "../a"}, None),
        ("fill", {"token": "t", "style": "../x"}, None),
        ("fill", [1], None),
        ("save", {"token": "t", "fills": 1.5}, None),
        ("save_all", {"shots": [{"token": "t", "path": "/etc/passwd"}]}, None),
        ("save", {"token": "t", "format": "../x"}, None),
        ("select", {"token": "t", "strokes": []}, None),
        ("select", {"token": "t", "strokes": [{"points": [0, "/etc/passwd"], "radius": 1}]}, None),
    ],
)
def test_calls_with_foreign_files_or_values_are_refused(server, name, request_, file):
    answer = editor_call(server, name, request_, file)
    assert answer["success"] is False
    text = json.dumps(answer["output"])
    assert answer["output"]["error"] and "root:" not in text and os.getcwd() not in text


@pytest.mark.parametrize(
    "path",
    [
        "../page.py",
        "%2e%2e/page.py",
        "..%2fpage.py",
        "examples/../../page.py",
        "examples/%2e%2e/%2e%2e/app.py",
        "/etc/passwd",
        "",
    ],
)
def test_modules_of_the_page_are_all_that_is_served_beside_them(server, path):
    host, _, port = server.address.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port))
    connection.request("GET", f"/editor/{path}")  # as it is: httpx would shorten it
    answer = connection.getresponse()
    assert answer.status in (404, 405) and b"import" not in answer.read()
    connection.close()
    assert httpx.get(f"{server.address}/editor/main.js").headers["cache-control"] == "no-cache"
