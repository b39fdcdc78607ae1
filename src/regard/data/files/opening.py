"""Untrusted bytes: opened, decompressed and decoded in blocks of whole lines, within limits."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from regard.domain.errors import InvalidInput

CHUNK = 1 << 20  # bytes read at once
CONVERT = "Convert it first, for example: iconv -f CP1252 -t UTF-8 FILE > FILE.utf8"
_C1 = bytes(range(0x80, 0xA0))  # control codes in latin-1; letters in other encodings, so they give those away
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_FOREIGN = {
    b"PK\x03\x04": ("a zip archive or spreadsheet", "Unpack it, or save the sheet as CSV."),
    b"BZh": ("a bzip2 file", "Unpack it, or use gzip."),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "Unpack it, or use gzip."),
    b"\xfd7zXZ": ("an xz file", "Unpack it, or use gzip."),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much we take from a file before we call it hostile (bytes; `ratio` = out / in of gzip)."""

    line: int = 8 << 20
    ratio: float = 200.0
    unjudged: int = 16 << 20  # a gzip ratio counts beyond this size only
    total: int = 256 << 30
    block: int = 8 << 20


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot become a row: where, what was expected, what stands there."""

    row: int  # the line in the file, 1 is the first
    expected: str
    got: str
    raw: str


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines in UTF-8, ending in a newline; `line` is the number of the first one."""

    text: bytes
    line: int
    bad: tuple[BadLine, ...] = ()
    share: float = 0.0  # of the file's bytes read so far


def open_bytes(path: Path, limits: Limits = LIMITS) -> Iterator[tuple[bytes, int]]:
    """The bytes of a file, gunzipped where it is gzip (by its first bytes, not its name), and how many were taken."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
            for magic, (what, hint) in _FOREIGN.items():
                if head.startswith(magic):
                    raise InvalidInput(str(path), "text, Parquet or gzip", what, hint)
            file.seek(0)
            chunks = iter(lambda: file.read(CHUNK), b"")
            if head.startswith(b"\x1f\x8b"):
                yield from _gunzip(path, chunks, limits)
            else:
                yield from ((chunk, file.tell()) for chunk in chunks)
    except OSError as error:
        raise InvalidInput(str(path), "a file that can be read", error.strerror or type(error).__name__) from error


def _gunzip(path: Path, chunks: Iterator[bytes], limits: Limits) -> Iterator[tuple[bytes, int]]:
    taken = given = 0
    finished, unzip = False, zlib.decompressobj(wbits=31)
    for chunk in chunks:
        taken += len(chunk)
        more = bool(chunk)
        while more:
            if finished:  # files may be joined: another member follows
                finished, unzip = False, zlib.decompressobj(wbits=31)
            try:
                out = unzip.decompress(chunk, CHUNK)
            except zlib.error as error:
                raise InvalidInput(str(path), "sound gzip data", str(error), "Fetch the file again.") from error
            given += len(out)
            _check_bomb(path, taken, given, limits)
            yield out, taken
            finished = unzip.eof
            chunk = unzip.unused_data if finished else unzip.unconsumed_tail
            more = bool(chunk) or (len(out) == CHUNK and not finished)
    if not finished:
        raise InvalidInput(str(path), "a complete gzip file", "one that ends too early", "Fetch the file again.")


def _check_bomb(path: Path, taken: int, given: int, limits: Limits) -> None:
    if given > limits.total:
        raise InvalidInput(str(path), f"at most {limits.total:,} bytes unpacked", "more", "Split the file.")
    if given > limits.unjudged and given > limits.ratio * taken:
        got = f"{given:,} bytes out of {taken:,}"
        raise InvalidInput(str(path), f"gzip that grows at most {limits.ratio:.0f}-fold", got, "Unpack it yourself.")


class _Decoder:
    """Bytes of one file to UTF-8 lines; UTF-8, UTF-16 with its mark, or latin-1, found from what is there."""

    def __init__(self, path: Path, first: bytes) -> None:
        self.path = path
        mark, self.encoding = next(((m, e) for m, e in _BOMS.items() if first.startswith(m)), (b"", ""))
        self.skip = len(mark)
        wide = self.encoding.startswith("utf-16")
        self._wide = codecs.getincrementaldecoder(self.encoding)(errors="replace") if wide else None
        self._old_mac = self._wide is None and b"\r" in first and b"\n" not in first

    def chunk(self, chunk: bytes) -> bytes:
        if self._wide is not None:
            return self._wide.decode(chunk).encode()
        return chunk.replace(b"\r", b"\n") if self._old_mac else chunk

    def block(self, text: bytes, line: int, share: float) -> Block:
        text = text.replace(b"\r\n", b"\n")
        bad: list[BadLine] = []
        if not text.isascii():
            text, bad = self._utf8(text, line)
        if b"\0" in text:
            text, nul = _without(text, line, lambda one: b"\0" in one, "text without NUL bytes", "NUL bytes")
            bad += nul
        return Block(text, line, tuple(bad), share)

    def _utf8(self, text: bytes, line: int) -> tuple[bytes, list[BadLine]]:
        valid = _is_utf8(text)
        if not self.encoding:
            self.encoding = "utf-8" if valid or _mostly_utf8(text) else "latin-1"
            if self.encoding == "latin-1" and _has_c1(text):
                raise InvalidInput(str(self.path), "UTF-8, UTF-16 with a BOM, or latin-1", "another encoding", CONVERT)
        if self.encoding == "latin-1":
            text, bad = _without(text, line, _has_c1, "latin-1 text", "control codes") if _has_c1(text) else (text, [])
            return text.decode("latin-1").encode(), bad
        return (text, []) if valid else _without(text, line, lambda one: not _is_utf8(one), "UTF-8", "other bytes")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_c1(text: bytes) -> bool:
    return len(text.translate(None, delete=_C1)) != len(text)


def _mostly_utf8(text: bytes) -> bool:
    special = [line for line in text.split(b"\n") if not line.isascii()]
    return 2 * sum(map(_is_utf8, special)) >= len(special)


def _without(
    text: bytes, first: int, is_bad: Callable[[bytes], bool], expected: str, got: str
) -> tuple[bytes, list[BadLine]]:
    """The text with bad lines made empty (so that line numbers stay), and those lines."""
    lines, bad = text.split(b"\n"), []
    for place, line in enumerate(lines):
        if is_bad(line):
            bad.append(BadLine(first + place, expected, got, line[:1000].decode("latin-1").replace("\0", "\\0")))
            lines[place] = b""
    return b"\n".join(lines), bad


def read_blocks(path: Path, limits: Limits = LIMITS) -> Iterator[Block]:
    """The lines of a text file in blocks of about `limits.block` bytes; InvalidInput where it cannot be text."""
    decoder: _Decoder | None = None
    rest, line, size = b"", 1, 0
    for raw, taken in open_bytes(path, limits):
        chunk = raw
        if decoder is None:
            decoder, size = _Decoder(path, chunk), path.stat().st_size
            chunk = chunk[decoder.skip :]
        rest += decoder.chunk(chunk)
        if len(rest) < limits.block:
            continue
        cut = rest.rfind(b"\n") + 1
        if cut == 0 and len(rest) > limits.line:
            got = f"more than {limits.line:,} bytes without a line end"
            raise InvalidInput(f"{path}, line {line}", "lines of text", got, "Is this a text file with one row a line?")
        if cut:
            yield decoder.block(rest[:cut], line, taken / size)
            line, rest = line + rest.count(b"\n", 0, cut), rest[cut:]
    if decoder is not None and rest:
        yield decoder.block(rest if rest.endswith(b"\n") else rest + b"\n", line, 1.0)
