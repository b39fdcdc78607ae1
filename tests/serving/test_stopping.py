"""What a process does when it is told to stop."""

from __future__ import annotations

import subprocess
import sys

CYCLE = """from regard.serving.stopping import leave_on_sigterm
leave_on_sigterm()
class Held:
    def __init__(self):
        self.me = self
    def __del__(self):
        print("looked for")
held = Held()
print("the end")"""


def test_memory_goes_with_its_process_and_nobody_looks_through_it_first() -> None:
    said = subprocess.run([sys.executable, "-c", CYCLE], capture_output=True, text=True, check=True)
    assert said.stdout.split("\n") == ["the end", ""]
