"""Recipes by name: regard.toml as a closed union, and what is fitted where nobody wrote one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from importlib.util import find_spec
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.protocols import Estimator
from regard.domain.weights import Weighting
from regard.learning.spaces import Space
from regard.models.actions import ActionWeights
from regard.models.als import ImplicitALS
from regard.models.behaviour import Behaviour
from regard.models.biased_mf import BiasedMF
from regard.models.choice import Choosing
from regard.models.content import ContentKNN
from regard.models.content_regression import ContentRegression
from regard.models.deep import Deep
from regard.models.ease import EASE
from regard.models.graph_filter import GraphFilter
from regard.models.lightgcn import LightGCN
from regard.models.logistic import Logistic
from regard.models.long_term import SlateQ
from regard.models.neighbours import ItemKNN, UserKNN
from regard.models.policy_gradient import PolicyGradient
from regard.models.popular import Popularity
from regard.models.questions import Questions
from regard.models.ranker import Ranker
from regard.models.segment_popularity import SegmentPopularity
from regard.models.text import BundledText, SentenceTransformerText, TextEncoder
from regard.models.text_endpoint import EndpointText
from regard.models.towers import ItemTower
from regard.models.trees import Trees
from regard.models.trend import Trend
from regard.recommending.exploration import Exploration
from regard.serving import labels

Recipes: TypeAlias = Mapping[str, Estimator[Any]]

KINDS: Mapping[str, type[Any]] = {
    "popularity": Popularity,
    "segment_popularity": SegmentPopularity,
    "questions": Questions,
    "item_knn": ItemKNN,
    "user_knn": UserKNN,
    "ease": EASE,
    "als": ImplicitALS,
    "biased_mf": BiasedMF,
    "behaviour": Behaviour,
    "graph_filter": GraphFilter,
    "lightgcn": LightGCN,
    "content": ContentKNN,
    "content_regression": ContentRegression,
    "trend": Trend,
    "ranker": Ranker,
}
LEARNERS: Mapping[str, type[Any]] = {"trees": Trees, "deep": Deep, "logistic": Logistic}
TUNERS: Mapping[str, type[Any]] = {"slate_q": SlateQ, "policy_gradient": PolicyGradient}
ENCODERS: Mapping[str, type[TextEncoder]] = {
    "bundled": BundledText,
    "sentence-transformers": SentenceTransformerText,
    "endpoint": EndpointText,
}
ALONE = ("encoder", "releases", "policy", "long_run", "retention")  # tables of regard.toml that stand once
FEW_EVENTS = 300_000  # a default network is fitted three times in a minute or two up to here
SMALL_NETWORK = Behaviour(
    "convolution",
    width=32,
    blocks=2,
    window=64,
    batch=8,
    epochs=3,
    rate=8e-3,
    loss="sampled_softmax",
    negatives="popular",
)
DENSE_ITEMS = 6_000  # up to here EASE's I x I matrix is fitted in seconds on two cores


@dataclass(frozen=True, slots=True)
class LongRun:
    """What tunes the scorer of each new release by served lists: the `learner`, on the newest `lists` at most.

    With fewer than `least` lists it does not. topics: the width of what an item is about, out of its text vector.
    """

    learner: SlateQ | PolicyGradient
    lists: int = 5_000
    least: int = 500
    topics: int = 16

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("least", self.least >= 1, "at least 1 list"),
            ("lists", self.lists >= self.least, f"at least as many as `least` ({self.least:,})"),
            ("topics", self.topics >= 1, "at least 1"),
        ):
            if not fits:
                raise InvalidInput(f"regard.toml [long_run] {name}", expected, repr(getattr(self, name)))


def default_recipes(data: Dataset, vectors: str = BundledText.name) -> Recipes:
    """What suits most catalogues: recent popularity, one strong collaborative model, factors, and content.

    Where people say something of themselves, recent popularity by segment too; where PyTorch is installed and the
    events are not too many for minutes, a small network over their order; where they said what they like and what they
    dislike, a model of that. `vectors` names the content vectors of the text encoder.
    """
    dense = len(data.items) <= DENSE_ITEMS
    segments = {"segments": SegmentPopularity(half_life=90.0)} if data.user_attributes.num_columns else {}
    deep = {"order": SMALL_NETWORK} if can_learn() and len(data.events) <= FEW_EVENTS else {}
    return {
        "ease" if dense else "graph": EASE(l2=50.0, popularity=0.4) if dense else GraphFilter(),
        "als": ImplicitALS(),
        "content": ContentKNN(vectors, weighting=Weighting(recency=0.98)),
        "popular": Popularity(half_life=90.0),
        **segments,
        **deep,
        **labels.sources(data, can_learn()),
    }


def can_learn() -> bool:
    """Whether networks can be fitted here: what `deep` learns with is installed. What was fitted serves without it."""
    return all(find_spec(name) for name in ("torch", "onnx", "safetensors"))


def decode(table: Mapping[str, Any]) -> Recipes:
    """The recipes of `[sources.NAME]` tables, each with a `kind` and the fields of its recipe.

    Sources that read text vectors read those of `[encoder]` unless they say otherwise.

    >>> decode({"sources": {"mine": {"kind": "ease", "l2": 300.0}}})["mine"].l2
    300.0
    """
    unknown = set(table) - {"sources", "search", *ALONE}
    if unknown:
        known = f"the tables [sources.NAME], [search.NAME], {', '.join(f'[{name}]' for name in ALONE)} only"
        raise InvalidInput("regard.toml", known, f"{sorted(unknown)}")
    told = table.get("sources", {})
    if not isinstance(told, Mapping):
        raise InvalidInput("regard.toml [sources]", "a table of sources by name", repr(told))
    vectors = {"vectors": decode_encoder(table).name}
    return {name: _built(f"regard.toml [sources.{name}]", KINDS, fields, vectors) for name, fields in told.items()}


def named(recipes: Recipes, name: str) -> Estimator[Any]:
    """One recipe by its source's name."""
    if name not in recipes:
        raise NotFound("source", f"one of {', '.join(recipes)}", repr(name), "Declare it in regard.toml.")
    return recipes[name]


def decode_space(table: Mapping[str, Any], name: str) -> Space | None:
    """The space of `[search.NAME]`: the fields of source NAME that a search may turn, and how far; None without it.

    >>> decode_space({"search": {"mine": {"l2": {"low": 10.0, "high": 1e3, "log": True}}}}, "mine").table()
    {'l2': {'low': 10.0, 'high': 1000.0, 'log': True}}
    """
    told = table.get("search", {}).get(name)
    if told is None:
        return None
    where = f"regard.toml [search.{name}]"
    if not isinstance(told, Mapping):
        raise InvalidInput(where, "a table of fields", repr(told))
    return Space.read(told, where)


def decode_encoder(table: Mapping[str, Any]) -> TextEncoder:
    """The text encoder of the table `[encoder]`, a `kind` and its fields; without the table, the bundled one.

    >>> decode_encoder({"encoder": {"kind": "sentence-transformers", "model": "models/mine"}}).model
    'models/mine'
    """
    encoder: TextEncoder = _built("regard.toml [encoder]", ENCODERS, table.get("encoder", {"kind": "bundled"}), {})
    return encoder


def decode_policy(table: Mapping[str, Any], otherwise: Exploration | None = None) -> Exploration:
    """What the table `[policy]` says of exploring; without it `otherwise`, else the usual.

    >>> decode_policy({"policy": {"kind": "boltzmann", "slots": 0.05}}).slots
    0.05
    """
    if "policy" not in table and otherwise is not None:
        return otherwise
    told = table.get("policy", {})
    _check_names("regard.toml [policy]", Exploration, told)
    chosen: Exploration = _validated("regard.toml [policy]", Exploration, told)
    return chosen


def decode_long_run(table: Mapping[str, Any]) -> LongRun | None:
    """What the table `[long_run]` says: the `kind` of the learner with its fields, and those of `LongRun`; None: off.

    >>> decode_long_run({"long_run": {"kind": "slate_q", "discount": 0.9, "least": 200}}).learner.discount
    0.9
    """
    where, told = "regard.toml [long_run]", table.get("long_run")
    if told is None:
        return None
    if not isinstance(told, Mapping):
        raise InvalidInput(where, "a table", repr(told))
    own = {name: told[name] for name in ("lists", "least", "topics") if name in told}
    learner = _built(where, TUNERS, {name: value for name, value in told.items() if name not in own}, {})
    chosen: LongRun = _validated(where, LongRun, {"learner": learner, **own})
    return chosen


def _built(where: str, kinds: Mapping[str, type[Any]], fields: Any, otherwise: Mapping[str, Any]) -> Any:
    """The recipe of one table; `otherwise` holds defaults for those of its fields that the kind has."""
    kind = str(fields.get("kind")) if isinstance(fields, Mapping) else ""
    if kind not in kinds:
        raise InvalidInput(f"{where} kind", f"one of {', '.join(kinds)}", repr(kind))
    rest = {name: value for name, value in fields.items() if name != "kind"}
    if "source" in rest:  # a recipe around another one
        rest["source"] = _built(f"{where[:-1]}.source]", kinds, rest["source"], otherwise)
    if isinstance(rest.get("sources"), Mapping):  # a recipe over several others
        rest["sources"] = tuple(
            (name, _built(f"{where[:-1]}.sources.{name}]", kinds, own, otherwise))
            for name, own in rest["sources"].items()
        )
    elif rest.get("sources"):
        raise InvalidInput(f"{where} sources", "a table of sources by name", repr(rest["sources"]))
    if "learner" in rest:
        rest["learner"] = _built(f"{where[:-1]}.learner]", LEARNERS, rest["learner"], {})
    if isinstance(rest.get("weights"), Mapping):
        rest["weights"] = ActionWeights(tuple(rest["weights"].items()))
    known = _check_names(where, kinds[kind], rest)
    for nested, recipe in (("weighting", Weighting), ("choosing", Choosing), ("items", ItemTower)):
        _check_names(f"{where} {nested}", recipe, rest.get(nested, {}))
    return _validated(where, kinds[kind], {n: v for n, v in otherwise.items() if n in known} | rest)


def _validated(where: str, kind: type[Any], values: Mapping[str, Any]) -> Any:
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"{where} {field}", first["msg"], repr(first.get("input"))) from error


def _check_names(where: str, kind: type[Any], given: Mapping[str, Any]) -> list[str]:
    """The names of the fields of `kind`; InvalidInput if `given` has another."""
    known = [field.name for field in fields_of(kind)]
    if not isinstance(given, Mapping):
        raise InvalidInput(where, f"a table with fields out of {', '.join(known)}", repr(given))
    for name in given:
        if name not in known:
            raise InvalidInput(f"{where} {name}", f"a field out of {', '.join(known)}", repr(name))
    return known
