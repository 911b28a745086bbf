"""Standard streams for the tests of `-` in command lines."""

import io


class Stream:
    """A standard stream of bytes."""

    def __init__(self, data=b"", *, terminal=False):
        self.buffer = io.BytesIO(data)
        self.isatty = lambda: terminal
