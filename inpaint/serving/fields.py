"""The sizes of text fields in an upload, which Gradio keeps in memory without a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_FIELD_BYTES = 1_000_000  # of all text fields and headers; those of 500 files take 0.1 MB


class FieldSizes:
    """Reads along with the body of an upload, and notes when its text fields get too large."""

    def __init__(self, content_type: str) -> None:
        self.too_large = False
        self._size = 0
        self._header = b""
        self._value = b""
        self._is_file = False
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary") if kind == b"multipart/form-data" else None
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._add_header,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_part_data": self._add_data,
        }
        self._parser = MultipartParser(boundary, callbacks) if boundary else None

    def write(self, chunk: bytes) -> None:
        """Takes the next part of the body."""
        if self._parser is None:
            return
        try:
            self._parser.write(chunk)
        except MultipartParseError:  # Gradio answers to that
            self._parser = None

    def _begin(self) -> None:
        self._is_file = False

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check(end - start)

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check(end - start)

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._is_file = b"filename" in parse_options_header(self._value)[1]
        self._header = self._value = b""

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            self._check(end - start)

    def _check(self, more: int) -> None:
        self._size += more
        self.too_large = self.too_large or self._size > MOST_FIELD_BYTES
