"""Peers: other libraries, each in its own virtual environment, made when it is first asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PINS = {  # what each environment holds; numpy < 2 where the library needs it
    "implicit": ("implicit==0.7.3", "numpy<3", "scipy"),
    "rectools": ("rectools==0.19.0", "numpy<2"),
    "rectools-deep": ("rectools[torch]==0.19.0", "torch==2.13.0", "numpy<2"),
    "skrecsys": ("skrecsys==0.9.0", "torch==2.13.0"),
    "vowpalwabbit": ("vowpalwabbit==9.11.9", "numpy<3"),
    "recbole": ("recbole==1.2.1", "torch==2.13.0", "setuptools<81", "numpy<2", "pandas<3", "scipy<1.14"),
}


def environments() -> Path:
    """Where the environments are: REGARD_PEERS, or the user's cache folder."""
    return Path(os.environ.get("REGARD_PEERS") or Path.home() / ".cache" / "regard" / "peers")


def python_of(library: str) -> Path:
    """The interpreter of a peer's environment, made now if it is not there; CalledProcessError where that fails."""
    folder = environments() / library
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if ready.exists() or _imports(python, library):
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    quiet = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS[library]]
    subprocess.run(quiet, check=True, stdout=sys.stderr)
    ready.touch()
    return python


def _imports(python: Path, library: str) -> bool:
    said = f"import {library.replace('-deep', '')}"
    return python.exists() and subprocess.run([python, "-c", said], capture_output=True).returncode == 0
