"""The library `recbole` on labelled events: FM, DeepFM, DCNV2, by its own trainer with early stopping on AUC."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from frame import work_on_labels
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.trainer import Trainer
from recbole.utils import get_model, init_seed

TRAIN, VALIDATION, TEST = 1, 2, 3  # as regard.measurement.splits has them
PARTS = {"train": TRAIN, "valid": VALIDATION, "test": TEST}
BATCH = 8_192  # events


def prepare(events: Any, model: str, settings: dict[str, Any], seed: int) -> Any:
    folder = tempfile.TemporaryDirectory()
    os.chdir(folder.name)  # RecBole writes logs where it stands
    columns = [name for name in events if ":" in name]
    _write(Path(folder.name) / "mine", events, columns)
    config = Config(
        model=model, dataset="mine", config_dict=_given(folder.name, columns, settings, seed), config_file_list=[]
    )
    init_seed(seed, True)
    train, valid, test = data_preparation(config, create_dataset(config))

    def fit() -> Any:
        init_seed(seed, True)
        made = get_model(model)(config, train.dataset)
        trainer = Trainer(config, made)
        trainer.fit(train, valid, saved=True, show_progress=False, verbose=False)
        best = torch.load(trainer.saved_model_file, weights_only=False)  # our own file, of a moment ago
        made.load_state_dict(best["state_dict"])
        return made.eval()

    return fit, lambda made: _chances(made, test.dataset.inter_feat, events, folder)


def _given(folder: str, columns: list[str], settings: dict[str, Any], seed: int) -> dict[str, Any]:
    numbers = [name.split(":")[1] for name in columns if name.startswith("float:")]
    return {
        "data_path": folder,
        "benchmark_filename": list(PARTS),
        "load_col": {"inter": [name.split(":")[1] for name in columns] + ["label"]},
        "numerical_features": numbers,
        "normalize_all": bool(numbers),
        "LABEL_FIELD": "label",
        "eval_args": {"order": "RO", "group_by": None, "mode": "labeled"},
        "train_neg_sample_args": None,
        "metrics": ["AUC", "LogLoss"],
        "valid_metric": "AUC",
        "eval_batch_size": BATCH,
        "use_gpu": False,
        "seed": seed,
        "reproducibility": True,
        "show_progress": False,
        "checkpoint_dir": folder,
        **settings,
    }


def _chances(made: Any, asked: Any, events: Any, _: Any) -> Any:
    """Of the test events, in the order of the file; the last argument keeps the folder until now."""
    right = events["label"][events["part"] == TEST]
    if not np.array_equal(asked["label"].numpy().astype(np.int8), right):
        raise RuntimeError("RecBole gave the test events in another order")
    with torch.no_grad():
        parts = [made.predict(asked[start : start + BATCH]) for start in range(0, len(right), BATCH)]
    return torch.cat([part.reshape(-1) for part in parts]).numpy().astype(np.float64)


def _write(folder: Path, events: Any, columns: list[str]) -> None:
    """RecBole's atomic files."""
    folder.mkdir()
    head = "\t".join([f"{name.split(':')[1]}:{name.split(':')[0]}" for name in columns] + ["label:float"])
    for part, code in PARTS.items():
        chosen = events["part"] == code
        table = [events[name][chosen].tolist() for name in columns] + [events["label"][chosen].tolist()]
        lines = ["\t".join(map(str, row)) for row in zip(*table, strict=True)]
        (folder / f"mine.{part}.inter").write_text("\n".join([head, *lines]) + "\n", "utf-8")


if __name__ == "__main__":
    work_on_labels(prepare)
