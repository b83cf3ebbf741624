"""Let the pages stand beside mkdocs.yml, where readers of the repository find them."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Read pages from the folder of mkdocs.yml; MkDocs refuses that as a setting and works with it."""
    config["docs_dir"] = str(Path(config["config_file_path"]).parent)
    return config
