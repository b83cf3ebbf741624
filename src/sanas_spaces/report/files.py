"""Files of a run folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import RecordError
from ..files import write_text
from ..searching import SearchResult

SETTINGS = "run.json"
HISTORY = "history.csv"
SUMMARY = "best.json"
TABLE = "best.txt"


def write_history(result: SearchResult, folder: Path) -> Path:
    """Write one row per candidate to ``history.csv``."""
    rows = result.history
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        scores = " ".join(f"{step}:{score:g}" for step, score in row.get("scores", {}).items())
        flat = {"tokens": " ".join(map(str, row["tokens"])), **({"scores": scores} if scores else {})}
        writer.writerow({**row, **flat})
    return write_text(folder / HISTORY, text.getvalue())


def write_summary(folder: Path, summary: Mapping[str, Any]) -> Path:
    """Write tokens, decoded choices, cost and scores of the best network to ``best.json``."""
    return write_text(folder / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


def write_settings(folder: Path, settings: Mapping[str, Any]) -> Path:
    """Write what a run was started with to ``run.json``."""
    return write_text(folder / SETTINGS, json.dumps(settings, indent=2, ensure_ascii=False) + "\n")


def read_settings(folder: Path) -> dict[str, Any]:
    """Read what a run was started with.

    Raises:
        RecordError: There is no run in ``folder``, or its ``run.json`` is damaged.
    """
    path = folder / SETTINGS
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"{folder} holds no run: {SETTINGS} is missing") from None
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} cannot be read: {error}") from error
    if not isinstance(settings, dict):
        raise RecordError(f"{path} is damaged: expected an object of settings")
    return settings


def read_summary(folder: Path) -> dict[str, Any]:
    """Read what a run wrote about its best network, nothing if it did not get that far or the file is damaged."""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}
