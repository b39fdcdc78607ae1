"""The library `rectools`: EASE, PureSVD, popularity, and its wrappers."""

from __future__ import annotations

from typing import Any

import pandas as pd
from frame import Lists, padded, work
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, PopularModel, PureSVDModel

MODELS = {"EASE": EASEModel, "PureSVD": PureSVDModel, "Popular": PopularModel}


def prepare(train: Any, model: str, settings: dict[str, Any], seed: int) -> Any:
    frame = pd.DataFrame(
        {
            Columns.User: train["user"],
            Columns.Item: train["item"],
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(train["time"], unit="s"),
        }
    )
    if not train["again"]:
        frame = frame.drop_duplicates([Columns.User, Columns.Item], keep="last")
    data = Dataset.construct(frame)

    if "days" in settings:
        settings = {"period": pd.Timedelta(days=settings["days"]).to_pytimedelta()}

    def fit() -> Any:
        return MODELS[model](**settings).fit(data)

    def lists(fitted: Any) -> Lists:
        known = set(frame[Columns.User])
        people = [int(person) for person in train["people"] if int(person) in known]
        new = not train["again"]
        found = fitted.recommend(users=people, dataset=data, k=int(train["depth"]), filter_viewed=new)
        return padded(train, found.groupby(Columns.User)[Columns.Item].apply(list).to_dict())

    return fit, lists


if __name__ == "__main__":
    work(prepare)
