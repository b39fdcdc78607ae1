"""A process that retrains, and takes a minute for the fit after the trial: tests kill or stop it there.

`python -m tests.serving.slow_retrain FOLDER URL TENANT`
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from regard.serving import jobs, wiring
from regard.serving.installation import Installation
from tests.serving.serving import settings_of

_fit = wiring.fit


def fit(data: Any, recipes: Any, run: Any) -> Any:
    """The real one; in the stage that fits on everything it dawdles first."""
    if run.folder is not None and run.folder.name == "fit":
        for step in range(600):
            run.progress("dawdle", step / 600)
            time.sleep(0.1)
    return _fit(data, recipes, run)


if __name__ == "__main__":
    wiring.fit = fit
    with Installation.open(settings_of(Path(sys.argv[1]), sys.argv[2], sys.argv[3])) as here:
        jobs.work(here, once=True)
