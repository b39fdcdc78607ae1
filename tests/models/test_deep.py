"""Deep: planted rules for every part, the same seed, unknown ones, the graph and its bounds."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import load, save
from regard.domain.errors import Conflict, InvalidInput
from regard.domain.run import Run
from regard.measurement.metrics.predictions import auc
from regard.models.deep import Deep, LearnedDeep
from regard.models.examples import Examples
from regard.models.networks.meetings import Content, Meeting, Person, newest
from regard.models.words import WORDS

pytestmark = pytest.mark.deep

SMALL = Deep(
    "fields",
    "fields",
    "mlp",
    4,
    8,
    (32,),
    forgetting=0.0,
    dropout=0.0,
    epochs=25,
    batch=64,
    rate=0.01,
    patience=25,
    refit=False,
)
KINDS, ITEMS = 4, 24


def meetings(n: int = 1_200, seed: int = 0, **given: Any) -> Examples:
    """Random people and items, each of one of KINDS; a moment that says one of two words; a past of four items."""
    rng = np.random.default_rng(seed)
    person, item = rng.integers(0, 40, n), rng.integers(0, ITEMS, n)
    kinds = np.eye(KINDS, dtype=np.float32)
    plain: dict[str, Any] = {
        "person": person,
        "item": item,
        "at": np.arange(n, dtype=np.float64),
        "people": sparse.csr_array(kinds[person % KINDS]),
        "items": sparse.csr_array(kinds[item % KINDS]),
        "context": sparse.csr_array(np.eye(2, dtype=np.float32)[rng.integers(0, 2, n)]),
        "columns": np.stack([rng.normal(size=n), rng.normal(size=n)], axis=1).astype(np.float32),
        "names": ("noise", "sign"),
        "history": np.where(rng.random((n, 4)) < 0.8, rng.integers(0, ITEMS, (n, 4)), -1),
        "actions": rng.integers(0, 2, (n, 4)),
    }
    return Examples(**{**plain, **given})


def rule_of(name: str, e: Examples) -> NDArray[np.bool_]:
    """What is liked."""
    own, its, now = e.person % KINDS, e.item % KINDS, e.context.toarray()[:, 0] > 0
    last = e.history[:, -1]
    rules: dict[str, Any] = {
        "own kind": own == its,
        "own kind, turned by the moment": (own % 2 == its % 2) ^ now,  # three fields at once
        "the kind of the newest": (last % KINDS == its) & (last >= 0),
        "the kind of any": ((e.history % KINDS == its[:, None]) & (e.history >= 0)).any(axis=1),
        "a number": e.columns[:, 1] > 0,
    }
    found: NDArray[np.bool_] = rules[name]
    return found


def judged(recipe: Deep, rule: str, content: Any = None, n: int = 1_200) -> float:
    seen, later = meetings(n), meetings(400, 1)
    model = recipe.fit(seen, rule_of(rule, seen).astype(np.float32)[:, None], content or {}, run=Run(seed=1))
    return auc(rule_of(rule, later), model.chances(later)[:, 0])


@pytest.mark.parametrize("meeting", ["dot", "cosine", "bilinear", "mlp", "attention", "cross"])
def test_every_meeting_finds_who_likes_what(meeting: Meeting) -> None:
    assert judged(replace(SMALL, meeting=meeting, second=False), "own kind") > 0.97


@pytest.mark.parametrize("meeting", ["mlp", "cross"])
def test_three_fields_at_once(meeting: Meeting) -> None:
    assert judged(replace(SMALL, meeting=meeting, ids=False, epochs=40), "own kind, turned by the moment") > 0.97


@pytest.mark.parametrize("person", ["gru", "attention"])
def test_the_newest_event_counts(person: Person) -> None:
    if person == "attention":  # blind to places: it needs actions that tell which one is the newest
        seen = meetings(2_000)
        seen = replace(seen, actions=np.tile([0, 0, 0, 1], (2_000, 1)))
        later = replace(meetings(400, 1), actions=np.tile([0, 0, 0, 1], (400, 1)))
    else:
        seen, later = meetings(2_000), meetings(400, 1)
    rule = "the kind of the newest"
    recipe = replace(SMALL, person=person, meeting="cross")
    model = recipe.fit(seen, rule_of(rule, seen).astype(np.float32)[:, None], {})
    assert auc(rule_of(rule, later), model.chances(later)[:, 0]) > 0.95


def test_a_candidate_that_asks_the_past_finds_its_kind_anywhere() -> None:
    recipe = replace(SMALL, meeting="attention", second=False)
    assert judged(recipe, "the kind of any", n=2_000) > 0.95


def test_numbers_count_and_missing_ones_are_said() -> None:
    assert judged(SMALL, "a number") > 0.97
    e = meetings()
    columns = np.where(np.arange(len(e))[:, None] % 2 == 0, np.nan, e.columns).astype(np.float32)
    model = SMALL.fit(replace(e, columns=columns), (np.arange(len(e)) % 2).astype(np.float32)[:, None], {})
    there, missing = meetings(50, 3), replace(meetings(50, 3), columns=np.full((50, 2), np.nan, np.float32))
    assert model.chances(there).min() > 0.9 > 0.1 > model.chances(missing).max()


@pytest.mark.parametrize("content", ["convolution", "vectors"])
def test_items_without_a_past_are_known_by_what_they_say(content: Content) -> None:
    """Half of the items never teach; what they say decides."""
    rng = np.random.default_rng(0)
    words = rng.integers(4, 40, (ITEMS * 10, 6))
    good = np.tile([True, False], len(words) // 2)
    words[good, 2:4] = (2, 3)  # "very good"
    vectors = np.where(good, 1.0, -1.0)[:, None] + 0.1 * rng.normal(size=(len(words), 3))
    table = {WORDS: words.astype(np.float32)} if content == "convolution" else {"text": vectors.astype(np.float32)}
    nothing = {"items": sparse.csr_array((1_200, 0), dtype=np.float32), "item": rng.integers(0, 120, 1_200)}
    seen = meetings(**nothing)
    cold = meetings(400, 1, items=sparse.csr_array((400, 0), dtype=np.float32), item=rng.integers(120, 240, 400))
    recipe = replace(SMALL, content=content, forgetting=0.3)
    model = recipe.fit(seen, good[seen.item].astype(np.float32)[:, None], table)
    assert auc(good[cold.item], model.chances(cold)[:, 0]) > 0.97


def test_a_checkpoint_of_other_content_is_refused(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(ITEMS, 3)).astype(np.float32)
    labels = (np.arange(200) % 2).astype(np.float32)[:, None]
    recipe = replace(SMALL, content="vectors", epochs=3)

    def stop(step: str, _: Any) -> None:
        if step == "epoch 2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recipe.fit(meetings(200), labels, {"text": vectors}, run=Run(folder=tmp_path, tracker=stop))
    with pytest.raises(Conflict, match="checkpoint"):
        recipe.fit(meetings(200), labels, {"text": vectors + 1}, run=Run(folder=tmp_path))


def test_fields_as_a_sequence_are_read_by_a_convolution() -> None:
    """Two numbers of an item, each a field of its own: liked where both are high."""
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=(1_600, 2)).astype(np.float32)
    groups = {"items": np.arange(2)}
    everything = meetings(1_600, items=sparse.csr_array(numbers), groups=groups)
    labels = np.logical_and(numbers[:, 0] > 0, numbers[:, 1] > 0)
    recipe = replace(SMALL, content="convolution", meeting="dot", second=False, ids=False)
    model = recipe.fit(everything.take(np.arange(1_200)), labels[:1_200].astype(np.float32)[:, None], {})
    assert auc(labels[1_200:], model.chances(everything.take(np.arange(1_200, 1_600)))[:, 0]) > 0.95


def test_values_are_expected_on_their_own_scale_beside_chances() -> None:
    e = meetings()
    stars = 3.0 + (e.person % KINDS == e.item % KINDS)
    labels = np.stack([stars, rule_of("own kind", e)], axis=1).astype(np.float32)
    labels[::3, 0] = labels[1::3, 1] = np.nan
    found = replace(SMALL, epochs=40).fit(e, labels, {}).chances(e)
    assert np.abs(found[:, 0] - stars).mean() < 0.15
    assert ((found[:, 1] > 0.5) == rule_of("own kind", e)).mean() > 0.97


@cache
def whole(meeting: Meeting = "attention", person: Person = "gru") -> LearnedDeep:
    recipe = replace(SMALL, person=person, content="convolution", meeting=meeting, epochs=2, dropout=0.2)
    words = np.random.default_rng(0).integers(0, 30, (ITEMS, 7)).astype(np.float32)
    e = meetings(400)
    return recipe.fit(e, rule_of("own kind", e).astype(np.float32)[:, None], {WORDS: words}, run=Run(seed=2))


def test_the_same_seed_learns_the_same_and_an_artifact_loads_to_it(tmp_path: Path) -> None:
    e = meetings(100, 5)
    expected = whole().chances(e)
    assert whole.__wrapped__().chances(e).tobytes() == expected.tobytes()
    save(whole().artifact(), tmp_path / "model")
    again = LearnedDeep.from_artifact(load(tmp_path / "model"))
    assert again.recipe == whole().recipe
    assert again.chances(e).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("person", "meeting"),
    [
        ("gru", "dot"),
        ("gru", "cosine"),
        ("gru", "bilinear"),
        ("gru", "mlp"),
        ("fields", "attention"),
        ("attention", "cross"),
    ],
)
def test_what_serves_says_what_the_network_says(
    meeting: Meeting, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One network, in torch and by NumPy and ONNX, on its own examples and on one person's candidates."""
    import torch

    from regard.models.networks import fit_joint as module

    kept: list[Any] = []
    fit = module.fit_joint

    def fitted(how: Any, inputs: Any, given: Any, labels: Any, beside: Any, run: Run) -> Any:
        kept[:] = [fit(how, inputs, given, labels, beside, run), inputs, beside.table, how]
        return kept[0]

    monkeypatch.setattr(module, "fit_joint", fitted)
    model = whole.__wrapped__(meeting, person)
    one = meetings(60, 9).take(np.zeros(60, np.int64))
    candidates = replace(one, item=np.arange(60) - 1, items=meetings(60, 9).items)  # known, unknown, newer
    joint, inputs, table, how = kept
    for e in (meetings(60, 8), candidates):
        learning = module.Learning(how, inputs, table, torch.tensor([False]))
        batches = learning.meetings(inputs.read(e), np.zeros((60, 1), np.float32)).all()
        with torch.no_grad():
            logits = torch.cat([learning.logits(joint, batch) for batch in batches]).numpy().astype(np.float64)
        np.testing.assert_allclose(model.chances(e), 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_unknown_people_and_items_and_empty_pasts_get_finite_chances() -> None:
    e = meetings(30, 4)
    strange = replace(e, person=np.full(30, -1), item=np.full(30, 10**6), history=np.full((30, 4), -1))
    assert np.isfinite(whole().chances(strange)).all()
    longer = replace(e, history=np.full((30, 9), -1), actions=np.full((30, 9), -1))
    shorter = replace(e, history=np.empty((30, 0), np.int64), actions=np.empty((30, 0), np.int64))
    np.testing.assert_allclose(whole().chances(longer), whole().chances(shorter))
    assert whole().chances(e.take(np.empty(0, np.int64))).shape == (0, 1)


def test_serving_needs_no_torch(tmp_path: Path) -> None:
    save(whole().artifact(), tmp_path / "model")
    code = (
        "import sys\nfrom pathlib import Path\nfrom regard.data.artifacts import load\n"
        "from regard.models.deep import LearnedDeep\n"
        f"LearnedDeep.from_artifact(load(Path({str(tmp_path / 'model')!r})))._whole\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_newest_stop_the_epochs() -> None:
    at = np.array([5.0, 1, 9, 3, 8, 2, 7, 4, 6, 0, 10])
    assert np.flatnonzero(newest(at, 0.2)).tolist() == [2, 10]
    assert not newest(at[:5], 0.2).any()  # too few
    told: list[str] = []
    e = meetings(300)
    labels = np.random.default_rng(99).integers(0, 2, (300, 1)).astype(np.float32)  # nothing to learn
    recipe = replace(SMALL, epochs=30, patience=1)
    recipe.fit(e, labels, {}, run=Run(tracker=lambda step, _: told.append(step)))
    assert len(told) < 30


@pytest.mark.parametrize(
    "fields",
    [{"person": "x"}, {"content": "x"}, {"meeting": "x"}, {"hidden": ()}, {"share": 0.0}, {"rate": 1.0}, {"rank": -1}],
)
def test_fields_have_bounds(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="Deep"):
        Deep(**fields)
