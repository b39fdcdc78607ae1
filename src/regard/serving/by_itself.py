"""By itself: the loop of the demo retrains, tries and promotes while the town visits, because its settings say so."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from regard.serving.running import handed_down
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
"""
COMMAND = "from regard.serving.cli import main; main()"
GRACE = 20.0  # seconds that a job at work has to stop


@contextmanager
def by_itself(settings: Settings) -> Iterator[None]:
    """The rules above in the folder, unless it has its own, and `regard jobs work` beside whatever is done inside."""
    rules = settings.folder / "regard.toml"
    if not rules.exists():
        rules.write_text(RULES, "utf-8")
    words = [sys.executable, "-c", COMMAND, "jobs", "work", "--folder", str(settings.folder)]
    worker = subprocess.Popen(words, env={**os.environ, **handed_down(settings)})
    try:
        yield
    finally:
        worker.terminate()
        try:
            worker.wait(GRACE)
        except subprocess.TimeoutExpired:  # in the middle of a fit; the job stays resumable
            worker.kill()
            worker.wait()
