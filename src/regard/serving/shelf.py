"""Shelf: one tenant's releases: where they lie, how they stand, what makes the next one, by which rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from regard.data.postgres import Store
from regard.domain.dataset import Dataset
from regard.feedback.approval import key_of
from regard.feedback.pictures import Pictures
from regard.feedback.promotions import Promotions
from regard.feedback.releases import Releases
from regard.models.blend import FittedBlend
from regard.models.text_cache import Cached
from regard.serving import wiring
from regard.serving.recipes import Recipes, decode, default_recipes
from regard.serving.release_rules import ReleaseRules, release_rules
from regard.serving.settings import Settings
from regard.serving.tuned import Model, read


@dataclass(frozen=True, eq=False)
class Shelf:
    """What releasing works with; an installation is a shelf that also answers requests."""

    settings: Settings
    store: Store
    releases: Releases

    @cached_property
    def encoder(self) -> Cached:
        """The text encoder that regard.toml names."""
        return wiring.encoder(self.settings)

    def recipes(self, data: Dataset) -> Recipes:
        """What regard.toml asks for, else what suits the data."""
        return decode(self.settings.recipes) or default_recipes(data, self.encoder.name)

    @cached_property
    def promotions(self) -> Promotions:
        """Where releases stand, and how they move."""
        return Promotions(self.releases, self.store, key_of(self.settings.folder / self.settings.tenant))

    @property
    def pictures(self) -> Pictures:
        """What the policy has known; it lies beside the releases."""
        return Pictures(self.releases.folder.with_name("policies"))

    @cached_property
    def rules(self) -> ReleaseRules:
        """What regard.toml says of releases."""
        return release_rules(self.settings.recipes)

    def model(self, name: str) -> FittedBlend:
        """The fitted blend of a release."""
        return FittedBlend.from_artifact(self.releases.model(self.releases.get(name)), wiring.FITTED)

    def scorer(self, name: str) -> Model:
        """What scores in a release: its blend, or what was tuned over it."""
        return read(self.releases.tuned(self.releases.get(name)), self.model(name))

    def changed(self) -> None:
        """Another release serves: every server of this store hears of it, and this process loads it anew."""
        self.store.tell("releases")
        self.__dict__.pop("live", None)
