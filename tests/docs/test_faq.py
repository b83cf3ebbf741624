"""Each message on the page of questions is what users see: it is caused here, and compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import SANAS, SEARCHSPACE, CombinedSpace, SearchSpaceBase, ops, search

from .pages import ROOT, blocks, headings

PAGE = ROOT / "docs" / "faq.md"
MESSAGES = [block.text.strip() for block in blocks(PAGE, "text")]
CONFIGS = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
SHAPE = (3, 32, 32)

PADDLESLIM = """
import sys, warnings
warnings.simplefilter("always", DeprecationWarning)
import paddle
from paddleslim.nas import SearchSpaceFactory

paddle.enable_static()
space = SearchSpaceFactory().get_search_space([("MobileNetV2BlockSpace", {"block_mask": [0, 1]})])
with paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()):
    image = paddle.static.data("image", [None, 3, 32, 32])
    for arch in space.token2arch():
        image = arch(image)
"""
WITHOUT_SIX = """
import sys

class Hide:
    def find_spec(self, name, path, target=None):
        if name == "six":  # as if it were not installed
            raise ModuleNotFoundError("No module named 'six'", name=name)

sys.modules.pop("six", None)
sys.meta_path.insert(0, Hide())
import paddleslim
"""
BATCH_NORM = """
import paddle

paddle.enable_static()
with paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()):
    paddle.static.nn.batch_norm(paddle.static.data("image", [None, 3, 8, 8]))
"""
CLONE = "import paddle; paddle.enable_static(); paddle.static.Program().clone(for_test=True)"
DATA = "import paddle; paddle.static.data('image', [None, 3, 8, 8])"
SECOND_CALL = """
import paddle

from sanas_spaces import SEARCHSPACE, CombinedSpace, SearchSpaceBase


@SEARCHSPACE.register
class MySpace(SearchSpaceBase):
    def init_tokens(self):
        return [0]

    def range_table(self):
        return [4]

    def token2arch(self, tokens=None):
        weights = paddle.ParamAttr(name="first_weights")
        return lambda x: paddle.nn.Conv2D(3, 8 + tokens[0], 3, weight_attr=weights)(x)


archs = CombinedSpace(["MySpace"]).token2arch([0])
archs(paddle.ones([1, 3, 8, 8]))
archs(paddle.ones([1, 3, 8, 8]))
"""


@cache
def stderr_of(script: str) -> str:
    """What Python writes for a user who runs a script."""
    environment = {**os.environ, "FLAGS_enable_pir_api": "1", "GLOG_minloglevel": "2"}
    environment.pop("PYTHONWARNINGS", None)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300)
    return done.stderr


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SANAS_TOKEN", raising=False)


def _setting() -> None:
    CombinedSpace([("MobileNetV2BlockSpace", {"block_maks": [0, 1]})])


def _no_blocks() -> None:
    CombinedSpace(["MobileNetV2BlockSpace"])


def _registered_again() -> None:
    for _ in range(2):
        SEARCHSPACE.register(type("MyBlockSpace", (SearchSpaceBase,), {"__module__": "__main__"}))


def _not_described() -> None:
    def token2arch(self: Any, tokens: Any = None) -> Any:
        import paddle

        return lambda x: paddle.nn.Conv2D(3, 8, 3)(x)

    names = {
        "init_tokens": lambda self: [0],
        "range_table": lambda self: [1],
        "token2arch": token2arch,
    }
    SEARCHSPACE.register(type("MySpace", (SearchSpaceBase,), names))
    CombinedSpace(["MySpace"]).token2arch([0]).cost(SHAPE)


def _dygraph_layer() -> None:
    import paddle

    ops.conv_bn(paddle.ones([1, 3, 8, 8]), 8, 3, name="stem")


def _too_tight() -> None:
    search(CONFIGS, lambda candidate: 1.0, constraints={"flops": 1e3}, input_shape=SHAPE)


def _nan() -> None:
    sanas = SANAS(CONFIGS, save_checkpoint=None)
    sanas.next_archs()
    sanas.reward(float("nan"))


def _all_fail() -> None:
    def evaluate(candidate: Any) -> float:
        raise RuntimeError("out of memory")

    search(CONFIGS, evaluate, steps=5)


def _other_search() -> None:
    for bound in (1e9, 1e8):
        constraints = {"flops": bound}
        resume = bound == 1e8
        search(CONFIGS, lambda c: 1.0, steps=1, constraints=constraints, input_shape=SHAPE, folder="run", resume=resume)


def _lock() -> None:
    lock = threading.Lock()

    def evaluate(candidate: Any) -> float:
        with lock:
            return 1.0

    search(CONFIGS, evaluate, steps=2, workers=2)


def _open_server() -> None:
    SANAS(CONFIGS, server_addr=("0.0.0.0", 0), save_checkpoint=None)


def _nobody_there() -> None:
    SANAS(CONFIGS, server_addr=("127.0.0.1", 9), is_server=False, patience=0.5)


def _no_weights() -> None:
    search(CONFIGS, lambda c: 1.0, steps=1, input_shape=SHAPE).export("exported", ["onnx"])


def _no_onnx() -> None:
    result = search(CONFIGS, lambda c: 1.0, steps=1, input_shape=SHAPE)
    layer = result.best.archs.layer(SHAPE)
    weights = {name: value.numpy() for name, value in layer.state_dict().items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "onnx", None)
        result.export("exported", ["onnx"], weights=weights)


CAUSES: list[Callable[[], None] | str] = [
    PADDLESLIM,
    BATCH_NORM,
    PADDLESLIM,
    WITHOUT_SIX,
    PADDLESLIM,
    "import paddle.fluid as fluid",
    CLONE,
    DATA,
    SECOND_CALL,
    _setting,
    _no_blocks,
    _registered_again,
    _not_described,
    _dygraph_layer,
    _too_tight,
    _nan,
    _all_fail,
    _other_search,
    _lock,
    _open_server,
    _nobody_there,
    _no_weights,
    _no_onnx,
]
"""What causes the messages of the page, in their order: functions, and scripts for a process of their own."""


def test_each_message_has_its_cause() -> None:
    assert len(CAUSES) == len(MESSAGES)
    entries = [text for level, text in headings(PAGE) if level == 3]
    assert len(entries) <= len(MESSAGES)


@pytest.mark.parametrize(
    ("message", "cause"), list(zip(MESSAGES, CAUSES, strict=True)), ids=[message[:60] for message in MESSAGES]
)
def test_message_is_what_users_see(message: str, cause: Callable[[], None] | str) -> None:
    seen = stderr_of(cause) if isinstance(cause, str) else _caught(cause)
    pattern = ".*?".join(re.escape(part) for part in re.split(r"\s?\.\.\.", message))
    assert re.search(pattern, seen, re.DOTALL), f"{PAGE.name} says {message!r}, and this is {seen[-2000:]!r}"


def _caught(cause: Callable[[], None]) -> str:
    known = set(SEARCHSPACE)
    try:
        with pytest.raises(Exception) as caught:
            cause()
    finally:
        for name in set(SEARCHSPACE) - known:
            SEARCHSPACE.unregister(name)
    return f"{caught.type.__name__}: {caught.value}"
