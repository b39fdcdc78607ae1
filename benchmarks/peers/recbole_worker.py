"""The library `recbole`: EASE and ItemKNN, which it fits while it builds them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from frame import Lists, pairs_of, work
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.utils import get_model, init_seed

BATCH = 256  # people


def prepare(train: Any, model: str, settings: dict[str, Any], seed: int) -> Any:
    users, items = pairs_of(train)
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder) / "mine", users, items)
        given = {
            "data_path": folder,
            "benchmark_filename": ["train", "valid", "test"],
            "load_col": {"inter": ["user_id", "item_id"]},
            "eval_args": {"order": "RO", "group_by": "user", "mode": "full"},
            "use_gpu": False,
            "seed": seed,
            "show_progress": False,
            "checkpoint_dir": folder,
            **settings,
        }
        config = Config(model=model, dataset="mine", config_dict=given, config_file_list=[])
        init_seed(seed, True)
        data = data_preparation(config, create_dataset(config))[0].dataset

    def fit() -> Any:
        return get_model(model)(config, data)

    return fit, lambda fitted: _lists(fitted, data, train, (users, items))


def _lists(fitted: Any, data: Any, train: Any, pairs: tuple[Any, Any]) -> Lists:
    """RecBole's own full scores; its rows are tokens, of which the first is padding."""
    own = np.array([int(token) if token.isdigit() else -1 for token in data.field2id_token["item_id"]])
    place = np.full(int(train["n_items"]), -1, np.int64)
    place[own[own >= 0]] = np.flatnonzero(own >= 0)
    rows = np.full((len(train["people"]), int(train["depth"])), -1, np.int64)
    scores = np.zeros(rows.shape)
    known = np.flatnonzero(np.isin(train["people"], pairs[0]))
    for start in range(0, len(known), BATCH):
        chosen = known[start : start + BATCH]
        ids = data.token2id("user_id", [str(person) for person in train["people"][chosen]])
        with torch.no_grad():
            asked = Interaction({"user_id": torch.as_tensor(np.asarray(ids))})
            found = np.array(fitted.full_sort_predict(asked), np.float64).reshape(len(chosen), -1)
        found[:, own < 0] = -np.inf
        for line, at in zip(found, chosen, strict=True):
            line[place[pairs[1][pairs[0] == train["people"][at]]]] = -np.inf
            top = np.argsort(-line, kind="stable")[: rows.shape[1]]
            top = top[np.isfinite(line[top])]
            rows[at, : len(top)], scores[at, : len(top)] = own[top], line[top]
    return rows, scores


def _write(folder: Path, users: Any, items: Any) -> None:
    """RecBole's atomic files; it wants three, so that validation and test hold one pair each, which nothing reads."""
    folder.mkdir()
    for part, last in (("train", len(users)), ("valid", 1), ("test", 1)):
        lines = [f"{user}\t{item}\n" for user, item in zip(users[:last], items[:last], strict=True)]
        text = "user_id:token\titem_id:token\n" + "".join(lines)
        (folder / f"mine.{part}.inter").write_text(text, "utf-8")


if __name__ == "__main__":
    work(prepare)
