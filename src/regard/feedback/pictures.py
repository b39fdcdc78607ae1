"""Pictures: what a policy is and knows at one moment, kept under a name that the lists drawn by it bear."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from regard.data.artifacts import Artifact, load, save
from regard.domain.errors import NotFound
from regard.feedback.posteriors import ItemPosteriors, Rewarded
from regard.recommending.exploration import Exploration
from regard.recommending.least_shown import OnOffer
from regard.recommending.recommender import Recommender


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The row of data that says how to explore, and what impressions have `taught`.

    Those that were shown before `upto` (unix seconds) are in, the last ones under the lists of `release`.
    """

    exploration: Exploration
    taught: ItemPosteriors = field(default_factory=ItemPosteriors)
    release: str = ""
    upto: float = 0.0
    name: str = ""

    def over(self, corridor: Recommender, on_offer: OnOffer | None = None) -> Recommender:
        """The corridor as it answers by this picture."""
        return self.exploration.applied(corridor, self.taught.belief(self.exploration.stretch), on_offer)

    def under(self, release: str) -> Picture:
        """The same for the lists of a new release, which has learned from what was seen itself."""
        if release == self.release:
            return self
        taught = self.taught.faded(self.exploration.kept) if self.release else self.taught
        return replace(self, taught=taught, release=release)

    def learned(self, shown: Rewarded, upto: float) -> Picture:
        """The next one, with the impressions shown until then."""
        return replace(self, taught=self.taught.updated(shown), upto=upto)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The folder that holds them, `000001/`, `000002/` ..., for all processes of one tenant; the newest decides.

    One appears whole or not at all, and never changes.
    """

    folder: Path

    def newest(self) -> str | None:
        """The name of the newest."""
        names = [path.name for path in self.folder.glob("[0-9]*")] if self.folder.is_dir() else []
        return max(names, default=None)

    def add(self, picture: Picture) -> Picture:
        """The same under its name, on disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        told = {"exploration": asdict(picture.exploration), "release": picture.release, "upto": picture.upto}
        artifact = Artifact("policy-picture", told, {}, {"taught": picture.taught.artifact()})
        with TemporaryDirectory(prefix=".draft.", dir=self.folder) as scratch:
            save(artifact, Path(scratch) / "picture")
            return replace(picture, name=self._named(Path(scratch) / "picture"))

    def get(self, name: str) -> Picture:
        """One by its name, as it was; NotFound where it is no longer kept."""
        path = self.folder / name
        if not path.is_dir():
            raise NotFound("policy picture", "one that is kept", repr(name), "Its lists cannot be filled again.")
        return _read(load(path), name)

    def drop_before(self, at: float) -> list[str]:
        """Drop those that gave way to the next one before `at` (unix seconds); their names."""
        names = sorted(path.name for path in self.folder.glob("[0-9]*"))
        old = [name for name, after in pairwise(names) if (self.folder / after).stat().st_mtime < at]
        for name in old:
            shutil.rmtree(self.folder / name)
        return old

    def _named(self, draft: Path) -> str:
        while True:
            name = f"{int(self.newest() or 0) + 1:06d}"
            try:
                draft.rename(self.folder / name)
            except OSError:  # another process was first
                if not (self.folder / name).exists():
                    raise
            else:
                return name


def _read(artifact: Artifact, name: str) -> Picture:
    told: Mapping[str, Any] = artifact.recipe
    taught = ItemPosteriors.from_artifact(artifact.parts["taught"])
    return Picture(Exploration(**told["exploration"]), taught, told["release"], float(told["upto"]), name)
