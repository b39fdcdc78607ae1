"""The library `rectools` with PyTorch: SASRec, epoch by epoch."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
from frame import Lists, padded, work_by_epochs
from pytorch_lightning import seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

warnings.filterwarnings("ignore")


def prepare(train: Any, model: str, settings: dict[str, Any], seed: int) -> Any:
    seed_everything(seed)
    learnt, known = _data(train, ""), _data(train, "known_")
    made = SASRecModel(epochs=1, **settings)

    def one_epoch() -> None:
        made.fit_partial(learnt, min_epochs=1, max_epochs=1)

    def lists() -> Lists:
        people = [int(person) for person in train["people"]]
        asked = {"k": int(train["depth"]), "filter_viewed": not train["again"]}
        found = made.recommend(users=people, dataset=known, on_unsupported_targets="ignore", **asked)
        return padded(train, found.groupby(Columns.User)[Columns.Item].apply(list).to_dict())

    return one_epoch, lists


def _data(train: Any, part: str) -> Dataset:
    columns = {Columns.User: train[f"{part}user"], Columns.Item: train[f"{part}item"], Columns.Weight: 1.0}
    columns[Columns.Datetime] = pd.to_datetime(train[f"{part}time"], unit="s")
    return Dataset.construct(pd.DataFrame(columns))


if __name__ == "__main__":
    work_by_epochs(prepare)
