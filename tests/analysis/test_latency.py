"""Latency from a table of operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paddle
import pytest
from paddle import nn

from sanas_spaces.analysis import LatencyEvaluator, TableLatencyEvaluator
from sanas_spaces.errors import CostError, DataError

LINES = {
    "conv,0,0,1,3,16,20,8,1,3,1,2,1": 4.0,
    "conv,0,0,1,8,8,10,8,8,1,0,1,1,3,1": 2.0,
    "conv,0,0,1,8,1,1,10,1,1,0,1,1": 1.0,
    "batch_norm,None,1,8,8,10": 0.5,
    "relu,1,8,8,10": 0.25,
    "pooling,0,1,8,8,10,2,0,2,0,3": 0.125,
    "pooling,0,1,8,4,5,1,0,1,0,3": 0.0625,
    "softmax,-1,1,10,1,1": 0.03125,
    "eltwise,2,1,10,1,1": 0.015625,
}


def table(folder: Path, lines: dict[str, float], delimiter: str = ",") -> Path:
    path = folder / "latency.txt"
    rows = [f"{key.replace(',', delimiter)}\t{value}" for key, value in lines.items()]
    path.write_text("\n".join(["engine\tboard\t2020-01-01", *rows]) + "\n")
    return path


@pytest.fixture
def program() -> Any:
    paddle.enable_static()
    main = paddle.static.Program()
    with paddle.static.program_guard(main, paddle.static.Program()):
        x = paddle.static.data("image", [None, 3, 16, 20], "float32")
        x = nn.Conv2D(3, 8, 3, stride=2, padding=1, bias_attr=False)(x)
        x = nn.functional.relu(nn.BatchNorm2D(8)(x))
        x = nn.Conv2D(8, 8, (1, 3), padding=(0, 1), groups=8, bias_attr=False)(x)
        x = nn.functional.adaptive_avg_pool2d(nn.functional.avg_pool2d(x, 2), 1)
        nn.functional.softmax(nn.Linear(8, 10)(paddle.flatten(x, 1)))
    paddle.disable_static()
    return main


def test_operations_are_looked_up(tmp_path: Path, program: Any) -> None:
    evaluator = TableLatencyEvaluator(table(tmp_path, LINES))
    assert evaluator.latency(program) == 6.0
    assert evaluator.latency(program, only_conv=False) == sum(LINES.values())
    assert (evaluator.infer_engine_name, evaluator.device_name) == ("engine", "board")


def test_delimiter(tmp_path: Path, program: Any) -> None:
    assert TableLatencyEvaluator(table(tmp_path, LINES, " "), delimiter=" ").latency(program) == 6.0


def test_missing_operation_is_named(tmp_path: Path, program: Any) -> None:
    key = "conv,0,0,1,3,16,20,8,1,3,1,2,1"
    lines = {name: value for name, value in LINES.items() if name != key}
    evaluator = TableLatencyEvaluator(table(tmp_path, {**lines, "conv,1,0,1,3,16,20,8,1,3,1,2,1": 3.0}))
    with pytest.raises(CostError, match=f"'{key}' is not in the latency table .* of board; nearest are 'conv,1,0,1,3"):
        evaluator.latency(program)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("engine board\n", "line 1: expected engine, device and time"),
        ("", "line 1"),
        ("a\tb\tc\nconv,1\tfast\n", r"line 2: 'conv,1\\tfast'"),
        ("a\tb\tc\nconv,1,4.0\n", "line 2"),
    ],
)
def test_damaged_table(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "table.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        TableLatencyEvaluator(tmp_path / "table.txt")
    with pytest.raises(DataError, match="cannot be read"):
        TableLatencyEvaluator(tmp_path / "none.txt")


def test_own_evaluator_has_to_define_latency(program: Any) -> None:
    with pytest.raises(NotImplementedError, match="Own has to define latency"):
        type("Own", (LatencyEvaluator,), {})().latency(program)
