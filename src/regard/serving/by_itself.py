"""By itself: the loop of the demo retrains, tries and promotes while the town visits, because its settings say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from regard.serving.beside import jobs_beside
from regard.serving.settings import Settings

# A minute of this town is a day elsewhere: visits are short, and few of them must do.
RULES = """# Written by `regard demo --up`: here, and nowhere else unless you say so, releases go on without a person.
[releases]
approval = "automatic"
schedule = "*/4 * * * *"
look = 1
visit = 20.0
share = 0.5
enough = 100

[policy]  # try new films, too; learn from what comes of it
minutes = 1
"""


@contextmanager
def by_itself(settings: Settings) -> Iterator[None]:
    """The rules above in the folder, unless it has its own, and jobs beside whatever is done inside."""
    rules = settings.folder / "regard.toml"
    if not rules.exists():
        rules.write_text(RULES, "utf-8")
    with jobs_beside(settings):
        yield
