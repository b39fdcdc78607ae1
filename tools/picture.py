"""Draws the demo as the README's picture: `regard demo --json | python -m tools.picture docs/images/demo.svg`."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from rich.console import Console

from regard.data.translations import translator
from regard.serving import screens


def main() -> None:
    """JSON from standard input, an SVG at the path given."""
    answer = json.load(sys.stdin)
    answer["about"] = answer["about"].replace(answer["folder"], "~/demo")
    answer["next"] = [command.replace(answer["folder"], "~/demo") for command in answer["next"]]
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=110, file=nowhere, force_terminal=True)
        console.print(screens.demo(answer, translator("en")))
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="regard demo"), flags=re.DOTALL)
    Path(sys.argv[1]).write_text(drawn.replace("<!-- Generated with Rich https://www.textualize.io -->", ""), "utf-8")


if __name__ == "__main__":
    main()
