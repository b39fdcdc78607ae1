"""Text to vectors by any OpenAI-compatible /v1/embeddings endpoint, local or hosted."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from email.message import Message
from functools import cached_property
from typing import Any, ClassVar
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np

from regard.domain.arrays import Vectors
from regard.domain.errors import InvalidInput, Unavailable
from regard.models.text import TextEncoder

LIMIT = 1 << 28  # bytes of one answer; beyond it something is wrong
AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, kw_only=True)
class EndpointText(TextEncoder):
    """POST {url}/embeddings with {"model", "input"}; the answer's vectors are put in the order of their "index".

    `url` ends before "/embeddings", as in "http://127.0.0.1:8080/v1". The key travels as a bearer token, is never part
    of the recipe, and is not sent on to a redirect. Statuses 408, 409, 425, 429 and 5xx, broken connections and
    time-outs are tried again `retries` times after `backoff` * 2**n seconds (or what Retry-After says, at most 60 s);
    then Unavailable. `proxy` is the URL of a proxy, if one is needed.
    """

    url: str
    model: str
    key: InitVar[str] = ""
    dimensions: int | None = None
    timeout: float = 30.0
    retries: int = 4
    backoff: float = 0.5
    proxy: str | None = None
    _secret: ClassVar[str] = ""  # set on the instance, and no field: so it enters no repr, no recipe, no artifact
    name: ClassVar[str] = "endpoint"

    def __post_init__(self, key: str) -> None:
        super().__post_init__()
        if not self.url.startswith(("http://", "https://")):
            raise InvalidInput("EndpointText.url", "an http:// or https:// address", repr(self.url))
        if not self.timeout > 0 or self.retries < 0 or self.backoff < 0:
            raise InvalidInput("EndpointText", "timeout > 0, retries >= 0, backoff >= 0", repr(self))
        object.__setattr__(self, "_secret", key)

    @property
    def identity(self) -> str:
        """The address, the model and the width asked for."""
        return f"endpoint/{self.url}/{self.model}/{self.dimensions or 'own'}"

    @cached_property
    def width(self) -> int:
        """d: as asked for, else as the endpoint answers to one word."""
        return self.dimensions or self.embed(["width"]).shape[1]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One batch in one request, (n,) -> (n, d)."""
        asked: dict[str, Any] = {"model": self.model, "input": list(texts), "encoding_format": "float"}
        if self.dimensions:
            asked["dimensions"] = self.dimensions
        return self._read(self._post(json.dumps(asked).encode()), len(texts))

    def _read(self, body: bytes, n: int) -> Vectors:
        try:
            rows = json.loads(body)["data"]
            vectors = {int(row.get("index", place)): row["embedding"] for place, row in enumerate(rows)}
            return np.array([vectors[place] for place in range(n)], np.float32)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            got = f"{type(error).__name__}: {error}; {body[:120]!r}"
            raise Unavailable(
                self.identity, f'{n} vectors under "data"', got, "Is it an embeddings endpoint?"
            ) from error

    def _post(self, body: bytes) -> bytes:
        request = Request(self.url.rstrip("/") + "/embeddings", body, {"Content-Type": "application/json"})  # noqa: S310
        if self._secret:
            request.add_unredirected_header("Authorization", f"Bearer {self._secret}")
        opener = build_opener(ProxyHandler({"http": self.proxy, "https": self.proxy} if self.proxy else {}))
        for attempt in range(self.retries + 1):
            try:
                with opener.open(request, timeout=self.timeout) as answer:
                    return bytes(answer.read(LIMIT))
            except HTTPError as error:
                got = f"status {error.code}: {error.read(200)!r}"
                if error.code not in AGAIN:
                    raise Unavailable(self.identity, "status 200", got, _hint(error.code)) from error
                wait = _asked_wait(error.headers)
            except (URLError, TimeoutError, ConnectionError) as error:
                got, wait = f"{type(error).__name__}: {error}", None
            if attempt < self.retries:
                time.sleep(self.backoff * 2**attempt if wait is None else wait)
        raise Unavailable(self.identity, "an answer", f"{got} after {self.retries + 1} tries", _hint(0))


def _asked_wait(headers: Message) -> float | None:
    said = headers.get("Retry-After", "")
    return min(float(said), 60.0) if said.isdigit() else None


def _hint(status: int) -> str:
    if status in (401, 403):
        return "Check the key."
    return "Check the model's name and the length of the texts." if status else "Check that the endpoint runs."
