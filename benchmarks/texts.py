"""Texts of items as vectors by the bundled encoder, kept on disk, so that every process of a run reads them."""

from __future__ import annotations

import os
from pathlib import Path

from regard.domain.dataset import Dataset
from regard.models.text import BundledText, encode_dataset
from regard.models.text_cache import Cached


def encoded(data: Dataset) -> Dataset:
    """The same data with vectors "use"; they are kept in REGARD_TEXTS, or in the user's cache folder."""
    kept = Path(os.environ.get("REGARD_TEXTS") or Path.home() / ".cache" / "regard" / "texts")
    return encode_dataset(data, Cached(BundledText(), kept))
