"""LightGCN: cold items by their labels, the last event, serving as in training, early stopping, bounds."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regard.data.artifacts import save
from regard.domain.dataset import Dataset
from regard.domain.errors import Conflict, InvalidInput
from regard.domain.run import Run
from regard.models.lightgcn import FittedLightGCN, LightGCN
from tests.contracts.subjects import N_ITEMS, ask, communities, dataset, fitted

pytestmark = pytest.mark.deep

SMALL = LightGCN(width=8, samples=16, batch=16, rate=0.02, epochs=15)
COLD = (N_ITEMS, N_ITEMS + 1, N_ITEMS + 2)  # an even item, an odd one, and one that says nothing of itself


@cache
def labelled() -> Dataset:
    """The two communities, whose items say which one is theirs, and three items that nobody met."""
    events = communities().events
    data = dataset(events.user.tolist(), events.item.tolist(), n_items=N_ITEMS + 3)
    genres = [["even"], ["odd"]] * (N_ITEMS // 2)
    makers = ["Mann"] * (N_ITEMS + 3)
    return replace(data, item_attributes=pa.table({"tags": [*genres, ["even"], ["odd"], []], "creator": makers}))


@cache
def with_labels(loss: Any = "ssm") -> FittedLightGCN:
    return replace(SMALL, loss=loss, attributes=1.0).fit(labelled())


@pytest.mark.parametrize("loss", ["ssm", "bpr"])
def test_an_item_that_nobody_met_is_found_by_its_labels(loss: str) -> None:
    model = with_labels(loss)
    even, odd = model.scores([ask(0, 2, 4), ask(1, 3, 5)])[:, COLD]
    assert even[0] > even[2] > even[1]
    assert odd[1] > odd[2] > odd[0]
    others = model.scores([ask(0, 2, 4)])[0, 1:N_ITEMS:2]
    assert even[0] > others.max()


def test_it_also_speaks_for_whoever_met_it_first() -> None:
    """A person whose only events are with cold items is served by the labels of those."""
    scores = with_labels().scores([ask(COLD[0])])[0]
    assert scores[0:N_ITEMS:2].min() > scores[1:N_ITEMS:2].max()


def test_without_labels_an_item_that_nobody_met_has_no_vector() -> None:
    model = SMALL.fit(labelled())
    assert not model.item_vectors[list(COLD)].any()
    assert not model.history[list(COLD)].any()
    assert not model.scores([ask(0, 2)])[0, list(COLD)].any()
    assert len(model.retrieve(ask(COLD[2]), 3)) == 0


@pytest.mark.parametrize("loss", ["ssm", "bpr"])
@pytest.mark.parametrize("negatives", ["uniform", "popular", "in_batch", "hard"])
def test_every_loss_and_negatives_tell_the_communities_apart(loss: Any, negatives: Any) -> None:
    model = replace(SMALL, loss=loss, negatives=negatives).fit(communities())
    even, odd = model.scores([ask(0, 2), ask(1, 3)])
    assert even[0::2].min() > even[1::2].max()
    assert odd[1::2].min() > odd[0::2].max()


def test_the_last_event_changes_the_list_and_who_asks_does_not() -> None:
    model: FittedLightGCN = fitted("lightgcn")
    before, after, known = model.retrieve_many([ask(0, 2), ask(0, 2, 1, 3, 5, 7), ask(0, 2, user=5)], N_ITEMS)
    assert before.rows.tolist() != after.rows.tolist()
    assert before.rows.tolist() == known.rows.tolist()
    assert before.scores.tolist() == known.scores.tolist()


def test_people_are_served_by_the_vectors_of_training() -> None:
    """A person's encoded history is their row of the trained graph, at length 1 after ssm, as it is after bpr."""
    from scipy import sparse

    from regard.models.networks.light_graph import LightGraph

    recipe, data = replace(SMALL, loss="bpr", user_degree=0.7, item_degree=0.3), communities()
    X = data.matrix().toarray()
    normal = X * X.sum(axis=1, keepdims=True) ** -0.7 * X.sum(axis=0) ** -0.3
    kept: list[Any] = []
    original = LightGraph.forward

    def watched(module: Any) -> Any:
        kept.append(original(module))
        return kept[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LightGraph, "forward", watched)
        bpr = recipe.fit(data)
        final, past = (table.detach().numpy() for table in kept[-1])
        ssm = replace(recipe, loss="ssm").fit(data)
        direction = sparse.csr_array(normal) @ kept[-1][1].detach().numpy()
    queries = data.queries(np.arange(len(data.users)))
    np.testing.assert_allclose(bpr.encode(queries)[:, :-1], normal @ past, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(bpr.item_vectors[:, :-1], final)
    expected = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    np.testing.assert_allclose(ssm.encode(queries)[:, :-1], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(ssm.item_vectors[:, :-1], axis=1), 1.0, rtol=1e-5)


def test_popularity_stands_beside_the_cosine() -> None:
    """The logit of an item that n people met gets popularity * log n, the score that times the temperature."""
    data = communities()
    model = replace(SMALL, popularity=0.5, temperature=0.2).fit(data)
    n = data.matrix().sum(axis=0)
    np.testing.assert_allclose(model.item_vectors[:, -1], 0.2 * 0.5 * np.log(n), rtol=1e-6)
    query = ask(0, 2)
    cosine = model.encode([query])[0, :-1] @ model.item_vectors[:, :-1].T
    np.testing.assert_allclose(model.scores([query])[0], cosine + 0.1 * np.log(n), atol=1e-6)
    assert model.contributions(query, 4).other == {"popularity": pytest.approx(0.1 * np.log(n[4]))}
    assert not replace(SMALL, popularity=0.0).fit(data).item_vectors[:, -1].any()
    assert not fitted("lightgcn, bpr").item_vectors[:, -1].any()


def test_validation_data_stop_the_epochs_and_a_folder_lets_them_go_on(tmp_path: Path) -> None:
    """The left-out item of each is first soon and stays so: the figure reaches 1 and no later epoch betters it."""
    told: dict[str, float] = {}
    data = communities()
    met = {(int(u), int(i)) for u, i in zip(data.events.user, data.events.item, strict=True)}
    pairs = [(u, i) for u in range(24) for i in range(u % 2, N_ITEMS, 2) if (u, i) not in met]
    validation = dataset([u for u, _ in pairs], [i for _, i in pairs])

    def track(epoch: str, figures: Any) -> None:
        told[epoch] = figures["figure"]

    replace(SMALL, epochs=60, patience=2).fit(data, run=Run(validation=validation, tracker=track))
    best = max(told, key=lambda epoch: told[epoch])
    assert told[best] > 0.95
    assert len(told) == list(told).index(best) + 3 < 60

    def stop(epoch: str, _: Any) -> None:
        if epoch == "epoch 9":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SMALL.fit(data, run=Run(folder=tmp_path, tracker=stop))
    with pytest.raises(Conflict):
        replace(SMALL, loss="bpr").fit(data, run=Run(folder=tmp_path))
    again, whole = SMALL.fit(data, run=Run(folder=tmp_path)), SMALL.fit(data)
    assert again.item_vectors.tobytes() == whole.item_vectors.tobytes()
    assert again.history.tobytes() == whole.history.tobytes()


def test_without_a_person_of_two_items_it_says_nothing() -> None:
    model = SMALL.fit(dataset([0, 1], [0, 1], 2, 3))
    assert len(model.retrieve(ask(0), 3)) == 0


def test_what_serves_loads_no_torch(tmp_path: Path) -> None:
    save(fitted("lightgcn").artifact(), tmp_path / "model")
    said = subprocess.run([sys.executable, "-c", SERVED, str(tmp_path / "model")], capture_output=True, text=True)
    first = fitted("lightgcn").retrieve(ask(0, 2), 1).rows[0]
    assert said.stdout.split() == ["[]", str(first)], said.stderr


SERVED = """
import sys
from pathlib import Path
import numpy as np
from regard.data.artifacts import load
from regard.domain.request import History, Query
from regard.models.lightgcn import FittedLightGCN
model = FittedLightGCN.from_artifact(load(Path(sys.argv[1])))
past = History(np.array([0, 2]), np.ones(2), np.array([0.0, 86400.0]))
found = model.retrieve(Query(at=0.0, history=past), 1).rows[0]
print([name for name in ("torch", "safetensors") if name in sys.modules], found)
"""


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("width", 0),
        ("layers", 0),
        ("user_degree", -0.1),
        ("item_degree", float("nan")),
        ("loss", "hinge"),
        ("temperature", 0.0),
        ("popularity", -1.0),
        ("negatives", "near"),
        ("samples", 0),
        ("attributes", -1.0),
        ("attributes", float("inf")),
        ("rate", float("nan")),
        ("l2", -1.0),
        ("patience", 0),
    ],
)
def test_bounds(field: str, wrong: Any) -> None:
    with pytest.raises(InvalidInput, match=rf"LightGCN\.{field}"):
        replace(SMALL, **{field: wrong})
