"""`-` in place of a path: a picture or mask of the standard input, a result to the standard output.

What comes in gets a temporary file with the suffix of its content, so that everything else works
with paths as always.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from inpaint.batch import files
from inpaint.batch.find import is_list
from inpaint.batch.records import Record
from inpaint.images.formats import usual_suffix
from inpaint.images.read import format_of_bytes

STREAM = "-"
INPUT, OUTPUT = "standard input", "standard output"


class Streams:
    """Temporary files for the standard streams, and their names in messages."""

    def __init__(self, folder: str) -> None:
        self.names: dict[str, str] = {}  # of temporary files, as people know them
        self._folder = folder
        self._output: str | None = None

    def read(self) -> str:
        """A file with the bytes of the standard input. Raises ValueError if there are none."""
        data = sys.stdin.buffer.read()
        if not data:
            raise ValueError(f"the {INPUT} is empty")
        path = os.path.join(self._folder, f"input{usual_suffix(format_of_bytes(data) or 'png')}")
        Path(path).write_bytes(data)
        self.names[path] = INPUT
        return path

    def output_for(self, image: str, format: str | None) -> str:
        """Where the result for the standard output is written, in a format or the image's own.

        Raises ValueError for a terminal, which pictures are not shown on.
        """
        if sys.stdout.isatty():
            raise ValueError(f"the {OUTPUT} is a terminal; send it to a file or a program")
        if format is None:
            with files.opened(image) as file:
                format = format_of_bytes(file.read())
        self._output = os.path.join(self._folder, f"output{usual_suffix(format or 'png')}")
        self.names[self._output] = OUTPUT
        return self._output

    def named(self, record: Record) -> Record:
        """A record with the names of the streams."""
        paths = {key: getattr(record, key) for key in ("image", "mask", "output")}
        known = {key: self.names.get(path, path) for key, path in paths.items()}
        return dataclasses.replace(record, **known, message=self.text(record.message))

    def text(self, message: str) -> str:
        """A message with the names of the streams."""
        for path, name in self.names.items():
            message = message.replace(path, name)
        return message

    def finish(self) -> None:
        """Send the result, if there is one, to the standard output."""
        if self._output is not None and os.path.exists(self._output):
            sys.stdout.buffer.write(Path(self._output).read_bytes())
            sys.stdout.buffer.flush()


@contextmanager
def streamed(arguments: argparse.Namespace) -> Iterator[Streams]:
    """Replaces each `-` among inputs, mask and output by a temporary file.

    Raises ValueError for more than one `-` that comes in, and for several pictures where one
    result goes out.
    """
    inputs, out = arguments.inputs, arguments.output == STREAM
    coming = [*inputs, arguments.mask].count(STREAM)
    if not coming and not out:
        yield Streams("")
        return
    if coming > 1:
        raise ValueError(f"the {INPUT} can be one of picture and mask")
    one = len(inputs) == 1 and (inputs[0] == STREAM or files.is_file(inputs[0]))
    if out and (not one or is_list(inputs[0])):
        raise ValueError(f"the {OUTPUT} takes the result of one picture")
    if arguments.dry_run:
        raise ValueError("a manifest cannot name standard streams; leave out --dry-run")
    with TemporaryDirectory(prefix="inpaint-") as folder:
        streams = Streams(folder)
        if coming:
            path = streams.read()
            arguments.inputs = [path if name == STREAM else name for name in inputs]
            arguments.mask = path if arguments.mask == STREAM else arguments.mask
        if out:
            format = None if arguments.format == "keep" else arguments.format
            arguments.output = streams.output_for(arguments.inputs[0], format)
        try:
            yield streams
        except ValueError as error:
            raise ValueError(streams.text(str(error))) from error
        streams.finish()
