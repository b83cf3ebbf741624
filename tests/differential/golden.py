"""The record of PaddleSlim's networks, for tests without PaddleSlim: ``golden.jsonl``.

The first line has the forms, each further line a network: number of its form, tokens, MD5 of its ordered parameters,
FLOPs and output shapes [C, H, W].
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .forms import Form, form_from

GOLDEN = Path(__file__).with_name("golden.jsonl")
CASES = 40
COMMAND = "python -m tests.differential --darts-environment --record"


def write(found: list[tuple[Form, list[dict[str, Any]]]]) -> None:
    """Write the first cases of each form."""
    lines = [_line({"made_by": COMMAND, "forms": [asdict(form) for form, _ in found]})]
    for number, (_, cases) in enumerate(found):
        lines += [
            _line([number, case["tokens"], case["md5"], case["flops"], case["shapes"]])
            for case in cases[:CASES]
            if "md5" in case
        ]
    GOLDEN.write_text("".join(f"{line}\n" for line in lines))


def read() -> Iterator[tuple[Form, list[tuple[list[int], dict[str, Any]]]]]:
    """Each form with tokens and figures of its networks."""
    head, *lines = map(json.loads, GOLDEN.read_text().splitlines())
    for number, settings in enumerate(head["forms"]):
        yield (
            form_from(settings),
            [
                (tokens, {"md5": md5, "flops": flops, "shapes": shapes})
                for form, tokens, md5, flops, shapes in lines
                if form == number
            ],
        )


def _line(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
