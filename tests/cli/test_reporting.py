"""``sanas report``, ``sanas compare`` and JSON output, as a person or a program calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import CombinedSpace, search
from sanas_spaces.export import save_arch

from ..faults import postgres
from .running import sanas

SPACE = ["--space", "MobileNetV2BlockSpace", "--config", '{"block_mask": [0, 1]}', "--shape", "3x16x16"]
SMALL, LARGE = "0,0,0,0,0,0,0,0", "5,6,1,0,5,8,2,1"

OWN = """
from sanas_spaces import SEARCHSPACE, SearchSpaceBase, NetArch, ops


@SEARCHSPACE.register
class LocalSpace(SearchSpaceBase):
    def init_tokens(self):
        return [0]

    def range_table(self):
        return [4]

    def token2arch(self, tokens=None):
        return NetArch(lambda x: ops.conv_bn(x, 4 + tokens[0], 3), described=True, tokens=tokens)
"""


def evaluate(candidate: Any) -> float:
    return 1 - 1 / (1 + candidate.cost.params / 1e4)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs and a database."""
    folder = tmp_path_factory.mktemp("runs")
    for place in (
        {"folder": folder / "a", "seed": 0},
        {"folder": folder / "b", "seed": 1},
        {"storage": folder / "c.db"},
    ):
        search(
            [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})],
            evaluate,
            steps=3,
            input_shape=(3, 16, 16),
            algorithm="random",
            **place,
        )
    return folder


@pytest.mark.parametrize("source", ["a", "a/search.journal", "c.db", "sqlite:///c.db"])
def test_a_report_of_any_record(runs: Path, source: str, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    done = sanas("report", source, "--output", str(target), folder=runs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(target)
    assert "of 3 is the best network" in target.read_text(encoding="utf-8")


def test_a_report_stands_in_the_folder_of_its_run(runs: Path) -> None:
    done = sanas("report", "b", folder=runs)
    assert done.stdout.strip() == str(Path("b") / "report.html")
    assert (runs / "b" / "report.html").is_file()


def test_two_networks_side_by_side() -> None:
    done = sanas("compare", SMALL, LARGE, *SPACE)
    assert done.returncode == 0, done.stderr
    space = CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [0, 1]})])
    costs = [space.token2arch([int(t) for t in text.split(",")]).cost((3, 16, 16)) for text in (SMALL, LARGE)]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("flops"))
    assert line.split() == [
        "flops",
        *(f"{cost.flops:,}" for cost in costs),
        "x",
        f"{costs[1].flops / costs[0].flops:.3g}",
    ]
    assert "block 2 kernel" in done.stdout
    assert "of FLOPs in" in done.stdout


def test_programs_read_the_same(runs: Path) -> None:
    done = sanas("compare", SMALL, LARGE, *SPACE, "--json")
    told = json.loads(done.stdout)
    assert told["names"] == [SMALL, LARGE]
    assert told["choices"]["block 2 kernel"] == [3, 5]
    shown = json.loads(sanas("show", SPACE[1], *SPACE[2:], "--tokens", LARGE, "--json").stdout)
    assert shown["cost"]["flops"] == told["figures"]["flops"][1] == sum(layer["flops"] for layer in shown["layers"])
    assert shown["tokens"] == [int(token) for token in LARGE.split(",")]
    assert shown["hash"] == told["figures"]["hash"][1]


def test_two_runs_side_by_side(runs: Path) -> None:
    done = sanas("compare", "a", "b", "--json", folder=runs)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["settings"]["seed"] == [0, 1]
    assert told["figures"]["candidates"] == [3, 3]
    assert all(0 < reward < 1 for reward in told["figures"]["reward"])
    assert "memory for activations" in sanas("compare", "a", "b", folder=runs).stdout


def test_a_run_beside_a_network_is_its_best_network(runs: Path) -> None:
    best = json.loads(sanas("compare", "a", "b", "--json", folder=runs).stdout)["figures"]["FLOPs"][0]
    (runs / "best.json").write_text(
        json.dumps(
            {
                "configs": [["MobileNetV2BlockSpace", {"block_mask": [0, 1]}]],
                "tokens": [int(token) for token in LARGE.split(",")],
                "data": {"image_shape": [3, 16, 16]},
            }
        )
    )
    done = sanas("compare", "a", "best.json", "--json", folder=runs)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["figures"]["flops"][0] == best


def test_architecture_files_side_by_side(runs: Path, tmp_path: Path) -> None:
    space = CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [0, 1]})])
    files = []
    for name, text in (("a", SMALL), ("b", LARGE)):
        files.append(str(tmp_path / f"{name}.json"))
        save_arch(
            space.token2arch([int(token) for token in text.split(",")]).network, files[-1], input_shape=(3, 16, 16)
        )
    told = json.loads(sanas("compare", *files, "--json").stdout)
    tokens = json.loads(sanas("compare", SMALL, LARGE, *SPACE, "--json").stdout)
    assert told == {**tokens, "names": files}
    beside = json.loads(sanas("compare", files[0], str(runs / "a"), "--json").stdout)
    assert beside["figures"]["hash"][0] == told["figures"]["hash"][0] != beside["figures"]["hash"][1]
    done = sanas("show", files[1], "--shape", "3x32x32")
    assert done.returncode == 0, done.stderr
    assert "MobileNetV2BlockSpace on 3x32x32" in done.stdout


def test_records_in_databases(runs: Path, tmp_path: Path) -> None:
    """A search in PostgreSQL and one in SQLite, by their URLs and by the file."""
    sqlite = f"sqlite:///{runs / 'c.db'}"
    with postgres.server() as server:
        url = server.database("searches")
        search([("MobileNetV2BlockSpace", {"block_mask": [0, 1]})], evaluate, steps=4,
               input_shape=(3, 16, 16), algorithm="random", storage=url, study="theirs", seed=3)  # fmt: skip
        page = tmp_path / "page.html"
        done = sanas("report", url, "--study", "theirs", "--output", str(page))
        assert done.returncode == 0, done.stderr
        assert "of 4 is the best network" in page.read_text(encoding="utf-8")
        missing = sanas("report", url, "--output", str(page))
        assert missing.returncode == 2
        assert "holds no search called 'sanas'" in missing.stderr
        shown = json.loads(sanas("show", url, "--study", "theirs", "--json").stdout)
        done = sanas("compare", url, url, "--study", "theirs", "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["settings"]["seed"] == [3, 3]
        assert told["figures"]["FLOPs"] == [shown["cost"]["flops"]] * 2
        in_default = server.database("others")
        search([("MobileNetV2BlockSpace", {"block_mask": [0, 1]})], evaluate, steps=2, input_shape=(3, 16, 16),
               algorithm="random", storage=in_default, seed=4)  # fmt: skip
        done = sanas("compare", in_default, sqlite, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["figures"]["candidates"] == [2, 3]
    gone = sanas("report", url)
    assert gone.returncode in (1, 2)
    assert "Traceback" not in gone.stderr
    assert len(gone.stderr.strip().splitlines()) == 1
    beside = json.loads(sanas("compare", "c.db", sqlite, "--json", folder=runs).stdout)
    assert all(a == b for a, b in beside["figures"].values())


def test_own_spaces_are_imported(tmp_path: Path) -> None:
    (tmp_path / "local_spaces.py").write_text(OWN)
    made = (
        "import local_spaces, sanas_spaces; "
        "sanas_spaces.search(['LocalSpace'], lambda one: one.cost.params, steps=2, folder='run', seed=0)"
    )
    subprocess.run([sys.executable, "-c", made], cwd=tmp_path, check=True, capture_output=True)
    without = sanas("report", "run", folder=tmp_path)
    assert without.returncode == 0, without.stderr
    assert "Networks are not drawn" in (tmp_path / "run" / "report.html").read_text()
    done = sanas("report", "run", "--import", "local_spaces", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "sanas-net" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["report", "nowhere"], "there is no record of a search here", 2),
        (["report", "."], "holds no record of a search", 2),
        (["report", "x", "--import", "no_such_module"], "--import no_such_module: it cannot be imported", 2),
        (["compare", "a.json", "b.json"], "a.json cannot be read", 2),
        (["compare", "some", "thing"], "expected a run folder, a record, an architecture file, best.json or tokens", 2),
        (["compare", "0,1", "1,0"], "tell their search space with --space", 2),
        (["compare", "0,1", "1,0", "--space", "ResNetSpace"], "too few tokens", 2),
    ],
)
def test_errors_are_one_line_and_an_exit_code(tmp_path: Path, arguments: list[str], message: str, code: int) -> None:
    done = sanas(*arguments, folder=tmp_path)
    assert done.returncode == code
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
