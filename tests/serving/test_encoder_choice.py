"""A text encoder chosen in regard.toml reads the items from import to `similar`; its key comes from the environment."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from regard.domain.run import Run
from regard.models.content import FittedContentKNN
from regard.serving import answers
from regard.serving.installation import Installation
from regard.serving.settings import read_settings
from tests.serving.test_cli import GENRES, catalogue


class Endpoint(BaseHTTPRequestHandler):
    """Knows two words, and who asked."""

    keys: list[str | None] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.keys.append(self.headers.get("Authorization"))
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rows = [{"index": n, "embedding": [t.count(g) for g in GENRES]} for n, t in enumerate(asked["input"])]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"data": rows}).encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_an_endpoint_reads_the_items_from_fit_to_similar(tmp_path: Path, url: str) -> None:
    (tmp_path / "regard.toml").write_text(f'[encoder]\nkind = "endpoint"\nurl = "{url}"\nmodel = "two-words"\n')
    settings = read_settings(tmp_path, {"REGARD_ENCODER_KEY": "secret"})
    with Installation.open(settings) as here:
        here.take_in(catalogue(tmp_path))
        release = here.fit(here.dataset(), Run())
        content = here.live.model.sources["content"]
        assert isinstance(content, FittedContentKNN)
        assert content.recipe.vectors == "endpoint"
        near = answers.similar(here, "f0", 5)["by"]
        assert len(answers.recommend(here, "u1", 5)["items"]) == 5
    assert set(near) == {"endpoint", "people"}
    assert [item["score"] for item in near["endpoint"]] == pytest.approx([1.0] * 5)  # the same word
    assert all(int(item["id"][1:]) % 2 == 0 for item in near["endpoint"])
    assert set(Endpoint.keys) == {"Bearer secret"}
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "store" not in path.parts]
    assert not any(b"secret" in content for content in kept)
    assert "secret" not in f"{settings} {release}"
