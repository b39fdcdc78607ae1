"""ItemTower: what an item says of itself (content vectors, attributes) beside its id, as one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Array, Vectors, check_shape
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.records import Item
from regard.models.fields import Fields, Said, said_by
from regard.models.onnx_session import session

if TYPE_CHECKING:
    from regard.models.networks.items import ItemNetwork


@dataclass(frozen=True)
class ItemTower:
    """What a deep model knows an item by.

    content: the names of content vectors in the data (of text, and of images and sounds as they come). attributes:
    whether tags, creator, dates and all other typed attributes count. ids: whether each item also has a vector of its
    own. id_dropout: the share of ids left out at each step, so that a new item's vector is as good as its content.
    """

    content: tuple[str, ...] = ()
    attributes: bool = False
    id_dropout: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.id_dropout < 1:
            raise InvalidInput("ItemTower.id_dropout", "a share in [0, 1)", repr(self.id_dropout))

    def network(self, data: Dataset, fields: Fields, width: int) -> ItemNetwork:
        """The torch module over the items of `data`; an item that nobody met has no id."""
        from regard.models.networks.items import ContentNetwork, ItemNetwork

        absent = [name for name in self.content if name not in data.vectors]
        if absent:
            hint = "encode_dataset(data, encoder) gives them."
            raise InvalidInput("ItemTower.content", f"names out of {sorted(data.vectors)}", f"{absent}", hint)
        met = np.bincount(data.events.item[data.events.weight > 0], minlength=len(data.items)) > 0
        content = None
        if self.content or self.attributes:
            held = {name: scaled(data.vectors[name]) for name in self.content}
            content = ContentNetwork(held, fields.read(self._said(data)), width)
        return ItemNetwork(met, width, content, self.id_dropout)

    def fields(self, data: Dataset) -> Fields:
        """What the attributes of the items of `data` may say; nothing where they do not count."""
        return Fields.learn(self._said(data) if self.attributes else [])

    def _said(self, data: Dataset) -> Sequence[Said]:
        return said_by(data.item_attributes) if data.item_attributes.num_columns else [{}] * len(data.items)


def scaled(vectors: Vectors) -> NDArray[np.float32]:
    """Rows (n, d) of length 1; zero rows, which are missing ones, stay zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), np.float32)


@dataclass(frozen=True, eq=False)
class FittedItemTower:
    """Encoder[Item]: the vectors of items by what they say of themselves alone, at once, without torch.

    graph: the bytes (b,) uint8 of an ONNX graph; empty where only ids count: then a new item's vector is zero.
    """

    recipe: ItemTower
    fields: Fields
    graph: NDArray[np.uint8]
    width: int

    def encode(self, entities: Sequence[Item]) -> Vectors:
        """(n,) -> (n, d), by attributes alone, as if no content vector were known."""
        return self.vectors([said_of(item) for item in entities], {})

    def vectors(self, said: Sequence[Said], contents: Mapping[str, Vectors]) -> Vectors:
        """What items say (n,) and their content vectors (n, d_c) by name, where there are any -> (n, d)."""
        from regard.models.networks.padding import padded

        if not len(self.graph) or not len(said):
            return np.zeros((len(said), self.width), np.float32)
        index, weight = padded(self.fields.read(said))
        inputs: dict[str, Any] = {"index": index, "weight": weight}
        held = {entry.name: entry.shape[1] for entry in self._session.get_inputs()}
        for place, name in enumerate(self.recipe.content):
            own = contents.get(name, np.zeros((len(said), held[f"content_{place}"]), np.float32))
            check_shape(f"FittedItemTower.vectors contents[{name}]", own, (len(said), held[f"content_{place}"]))
            inputs[f"content_{place}"] = scaled(own)
        used = {name: value for name, value in inputs.items() if name in held}
        return np.asarray(self._session.run(None, used)[0], np.float32)

    @cached_property
    def _session(self) -> Any:
        return session("FittedItemTower.graph", self.graph)

    def artifact(self) -> Artifact:
        """The graph, the fields and the recipe."""
        arrays: dict[str, Array] = {"graph": self.graph, "width": np.array(self.width), **self.fields.arrays("items")}
        return Artifact("item-tower", asdict(self.recipe), arrays)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedItemTower:
        """The same tower, bit for bit."""
        held = artifact.arrays
        recipe = ItemTower(**{**artifact.recipe, "content": tuple(artifact.recipe["content"])})
        return cls(recipe, Fields.from_arrays("items", held), held["graph"], int(held["width"]))


def said_of(item: Item) -> Said:
    """What a record says, as the table of items would."""
    said: dict[str, Any] = {"tags": item.tags, "creator": item.creator, "valid_from": item.valid_from}
    return {name: value for name, value in said.items() if value} | dict(item.attributes)
