"""A server with the contract of `inpaint serve`, which answers what a test says."""

import json
import threading
import time
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(BaseHTTPRequestHandler):
    """A server with the contract of `inpaint serve`: a form in, a stream of events out."""

    events = ()  # (name, data), or a function from the form's parts to them
    status = 200
    forms: list = []  # noqa: RUF012  (of the subclass)
    gone = threading.Event()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = BytesParser(EmailMessage).parsebytes(
            b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body
        )
        parts = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in form.iter_parts()
        }
        self.forms.append((self.path, dict(self.headers), parts))
        self.send_response(self.status)
        self.end_headers()
        try:
            if self.status != 200:
                self.wfile.write(b'{"detail": "the mask is all white"}')
            events = type(self).events  # a function is no method
            for name, data in events(parts) if callable(events) else events:
                self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
                self.wfile.flush()
                time.sleep(0.02)
        except OSError:
            self.gone.set()

    def log_message(self, *_):
        pass


@contextmanager
def server(events=(), status=200):
    """The address of such a server, and its handler's class."""
    fresh = {
        "events": staticmethod(events) if callable(events) else events,
        "status": status,
        "forms": [],
        "gone": threading.Event(),
    }
    handler = type("Handler", (Answers,), fresh)
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}", handler
    running.shutdown()
    thread.join()
    running.server_close()
