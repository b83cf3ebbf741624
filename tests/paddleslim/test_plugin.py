"""PaddleSlim's own SANAS with the spaces of this library."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sanas_spaces import SEARCHSPACE

from .scripts import free_port, run

SPACES = [name for name in SEARCHSPACE if SEARCHSPACE.get(name).__module__.startswith("sanas_spaces.")]

SEARCH = """
import sanas_spaces.paddleslim
import numpy as np, paddle
from paddle.static import Program, program_guard
from paddleslim.nas import SANAS
from sanas_spaces import CombinedSpace
from sanas_spaces.arch import main_output

paddle.enable_static()
config = (NAME, {"block_mask": [0, 1]}) if "Block" in NAME else NAME
# those that PaddleSlim draws for block spaces can be of networks that take minutes
tokens = [0] * len(CombinedSpace([config]).range_table()) if "Block" in NAME else None
sanas = SANAS([config], ("127.0.0.1", PORT), init_tokens=tokens, search_steps=3, save_checkpoint="slim")
module = type(sanas._search_space).__module__
losses = []
program, startup = Program(), Program()
with program_guard(program, startup):
    image = paddle.static.data("image", [None, 3, 32, 32], "float32")
    archs = sanas.next_archs()
    x = image
    for arch in archs:
        x = arch(x)
    loss = paddle.mean(paddle.square(main_output(x)))
    paddle.optimizer.SGD(1e-4).minimize(loss)
executor = paddle.static.Executor()
executor.run(startup)
feed = {"image": np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype("float32")}
for _ in range(2):
    losses.append(float(executor.run(program, feed=feed, fetch_list=[loss])[0]))
accepted = sanas.reward(float(-losses[-1]))
leave({"module": module, "losses": losses, "accepted": accepted, "info": sanas.current_info(),
       "pir": paddle.framework.use_pir_api()})
"""


@pytest.mark.parametrize("name", SPACES)
def test_every_space_is_proposed_built_trained_and_rewarded_under_pir(name: str, tmp_path: Path) -> None:
    found = run(f"NAME, PORT = {name!r}, {free_port()}\n" + SEARCH, tmp_path, FLAGS_enable_pir_api="1")
    assert found["pir"]
    assert found["module"] == "sanas_spaces.combine"
    assert found["losses"][1] != found["losses"][0]
    assert all(math.isfinite(loss) for loss in found["losses"])
    assert found["accepted"] is True
    assert found["info"]["current_tokens"]
    assert (tmp_path / "slim" / "sanas.checkpoints").is_file()


def test_spaces_are_known_to_both_until_restored(tmp_path: Path) -> None:
    script = """
from paddleslim.nas.search_space import SEARCHSPACE as THEIRS, SearchSpaceBase, SearchSpaceFactory
import paddleslim.nas
from sanas_spaces import SANAS, SEARCHSPACE as OURS, SearchSpaceBase as OurBase, ops
from sanas_spaces.errors import RegistryError

before = {"theirs": sorted(THEIRS.module_dict), "v2": paddleslim.nas.MobileNetV2Space.__module__}

class Common:
    def init_tokens(self):
        return [0, 1]
    def range_table(self):
        return [2, 3]
    def token2arch(self, tokens=None):
        return lambda x: ops.conv_bn(x, 4 + tokens[0], 3, name="a")

@THEIRS.register
class Early(Common, SearchSpaceBase):
    pass

untouched = "Early" in OURS
import sanas_spaces.paddleslim as plugin

@THEIRS.register
class WithTheirs(Common, SearchSpaceBase):
    pass

@OURS.register
class WithOurs(Common, OurBase):
    pass

both = [[name in registry for registry in (OURS, THEIRS.module_dict)] for name in ("Early", "WithTheirs", "WithOurs")]
extra = [THEIRS.get(name).__module__ for name in ("InceptionCBlockSpace", "ResNetBlockSpace2")]
unknown = THEIRS.get("Nowhere")
try:
    THEIRS.register(type("WithOurs", (), {}))
    taken = None
except KeyError as error:
    taken = str(error)
sanas = SANAS(["WithTheirs", "Early"], save_checkpoint=None)
flops = sanas.next_archs().cost((3, 8, 8)).flops
built = SearchSpaceFactory().get_search_space(["WithOurs", ("MobileNetV1Space", {"compat": "paddleslim-2.6"})])
during = {"v2": paddleslim.nas.MobileNetV2Space.__module__, "range": built.range_table()[:2]}

plugin.restore()
plugin.restore()
after = {"theirs": sorted(THEIRS.module_dict), "v2": paddleslim.nas.MobileNetV2Space.__module__}
factory = type(SearchSpaceFactory().get_search_space(["Early"])).__module__
ours = [name in OURS for name in ("Early", "WithTheirs", "WithOurs", "MobileNetV2Space")]
plugin.install()
again = type(SearchSpaceFactory().get_search_space(["WithTheirs"])).__module__
leave({"before": before, "untouched": untouched, "both": both, "extra": extra, "unknown": unknown, "taken": taken,
       "flops": flops, "during": during, "after": after, "factory": factory, "ours": ours, "again": again})
"""
    found = run(script, tmp_path)
    assert found["untouched"] is False
    assert found["both"] == [[True, True]] * 3
    assert found["extra"] == ["sanas_spaces.spaces.inception", "sanas_spaces.spaces.resnet"]
    assert found["unknown"] is None
    assert "WithOurs" in found["taken"]
    assert found["flops"] == 8 * 8 * (4 * 3 * 9 + 4 * 4 * 9)
    assert found["before"]["v2"].startswith("paddleslim.")
    assert found["during"]["v2"].startswith("sanas_spaces.")
    assert found["during"]["range"] == [2, 3]
    assert found["after"]["v2"] == found["before"]["v2"]
    assert found["after"]["theirs"] == sorted([*found["before"]["theirs"], "Early", "WithTheirs"])
    assert found["factory"].startswith("paddleslim.")
    assert found["ours"] == [False, False, True, True]
    assert found["again"] == "sanas_spaces.combine"


def test_a_name_that_both_have_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    script = """
from paddleslim.nas.search_space import SEARCHSPACE as THEIRS, SearchSpaceFactory
from sanas_spaces import SEARCHSPACE as OURS
First = type("First", (), {})
THEIRS.register(First)
THEIRS.register(type("Own", (), {}))
OURS.register(type("Own", (), {}))
try:
    import sanas_spaces.paddleslim
except KeyError as error:
    leave({"message": str(error), "first": "First" in OURS, "same": THEIRS.get("First") is First,
           "dict": type(THEIRS.module_dict).__name__})
"""
    found = run(script, tmp_path)
    assert "'Own'" in found["message"]
    assert found["first"] is False
    assert found["same"] is True
    assert found["dict"] == "dict"


def test_checkpoint_that_paddleslim_wrote_is_continued_here(tmp_path: Path) -> None:
    run(f"NAME, PORT = 'ResNetSpace', {free_port()}\n" + SEARCH, tmp_path)
    from sanas_spaces import SANAS

    sanas = SANAS(["ResNetSpace"], save_checkpoint=None, load_checkpoint=tmp_path / "slim")
    assert len(sanas.study.trials) == 1
    assert sanas.current_info()["best_reward"] == sanas.study.trials[0].value
