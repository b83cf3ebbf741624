"""The command in terminals of all kinds: completion, colours, ends of pipes, encodings, exit codes."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sanas_spaces import SEARCHSPACE
from sanas_spaces.cli import INTERRUPTED, terminal
from sanas_spaces.export import FORMATS

from .running import TINY, sanas

COMMAND = [sys.executable, "-m", "sanas_spaces.cli"]
PAGES = [Path(__file__).parents[2] / "docs" / name for name in ("terminal.md", "terminal.zh-CN.md")]
COMPARE = ["compare", "0,0,0,0", "5,6,1,0", "--space", "MobileNetV2BlockSpace", "--config", '{"block_mask": [1]}']
FAILING = """
from sanas_spaces import SEARCHSPACE, BlockSpace, NetArch, SearchSpaceBase, TokenRow, choice


@SEARCHSPACE.register
class TooSmall(SearchSpaceBase):
    def init_tokens(self):
        return [0]

    def range_table(self):
        return [2]

    def token2arch(self, tokens=None):
        def net_arch(input):
            raise RuntimeError("it was never meant to be built")

        return NetArch(net_arch, described=False, tokens=tokens)


@SEARCHSPACE.register
class Broken(BlockSpace):
    class Row(TokenRow):
        channels = choice(4, 8)

    prefix = "broken"

    def block(self, x, row, stride, name):
        return x.no_such_thing


@SEARCHSPACE.register
class NoPrefix(BlockSpace):
    class Row(TokenRow):
        channels = choice(4, 8)

    def block(self, x, row, stride, name):
        return x, x
"""


def completed(typed: str) -> list[str]:
    """What bash is offered for the last word."""
    environment = {
        **os.environ,
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - (not typed.endswith(" "))),
        "_SANAS_COMPLETE": "complete_bash",
    }
    program = Path(sys.executable).with_name("sanas")
    done = subprocess.run([program], capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_the_shell_is_taught() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("sanas"), "--show-completion", "bash"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
    )
    assert "_SANAS_COMPLETE=complete_bash" in done.stdout
    assert subprocess.run(["bash", "-n", "-c", done.stdout], check=False).returncode == 0


def test_words_are_completed() -> None:
    assert completed("sanas sh") == ["show"]
    assert completed("sanas export run --f") == ["--format"]
    assert completed("sanas export run --format o") == ["onnx"]
    assert completed("sanas export run --format ") == sorted(FORMATS)
    assert completed("sanas show Mobile") == sorted(name for name in SEARCHSPACE if name.startswith("Mobile"))
    assert completed("sanas search --algorithm ann") == ["annealing"]
    assert completed("sanas search --pruner med") == ["median"]


def typed_in_a_terminal(*arguments: str, **environment: str) -> str:
    """What a terminal gets."""
    child, shown = pty.fork()
    if child == 0:
        os.environ.update({"COLUMNS": "100", "TERM": "xterm-256color", **environment})
        os.execv(sys.executable, [*COMMAND, *arguments])
    read = b""
    while True:
        try:
            part = os.read(shown, 4096)
        except OSError:  # how Linux tells that the other end is closed
            break
        if not part:
            break
        read += part
    os.waitpid(child, 0)
    os.close(shown)
    return read.decode()


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    colour, any_escape = re.compile(r"\x1b\[[\d;]*3\dm"), "\x1b"
    arguments = ("show", "ResNetSpac")
    assert colour.search(typed_in_a_terminal(*arguments))
    assert not colour.search(typed_in_a_terminal(*arguments, NO_COLOR="1"))
    assert any_escape not in typed_in_a_terminal(*arguments, TERM="dumb")
    assert any_escape not in sanas(*arguments).stderr


def test_a_terminal_without_arrows(tmp_path: Path) -> None:
    for arguments in ([*COMPARE, "--shape", "3x32x32"], ["show", "ResNetSpace"]):
        done = subprocess.run(
            [*COMMAND, *arguments],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "100"},
            check=True,
        )
        assert done.stderr == b""
        assert b"FLOPs" in done.stdout or b"flops" in done.stdout
        assert b"?" in done.stdout


def test_a_reader_that_leaves_early() -> None:
    child = subprocess.Popen([*COMMAND, "show", "DartsSpace", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline() == b"{\n"
    child.stdout.close()
    assert b"Traceback" not in child.stderr.read()
    child.stderr.close()
    child.wait()


def interrupted(*arguments: str, after: str) -> subprocess.Popen[str]:
    """A command that gets Ctrl-C as a terminal sends it, to all its processes, after a line on stdout."""
    child = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert child.stdout is not None
    next(line for line in child.stdout if line.startswith(after))
    os.killpg(child.pid, signal.SIGINT)
    return child


def test_an_interrupted_search_with_workers_can_be_continued(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    child = interrupted("search", *TINY, "--workers", "2", "--steps", "5", "--output", run, after="#1")
    _, told = child.communicate()
    assert child.returncode == INTERRUPTED
    assert told.strip().splitlines()[-1] == f"interrupted; continue with: sanas resume {run}"
    assert "Traceback" not in told
    assert sanas("status", run).returncode == 0
    done = sanas("resume", run, "--steps", "3", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "test accuracy" in done.stdout


STOPPED = """
import os, signal, sys
import sanas_spaces.cli


class Stop:
    def find_spec(self, name, *_):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)


signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Stop())
module, sys.argv = sys.argv[1], ["sanas", "show", "ResNetSpace"]
sanas_spaces.cli.main()
"""


@pytest.mark.parametrize("module", ["typer", "sanas_spaces.cli.show"])
def test_ctrl_c_while_the_command_loads_is_no_traceback(module: str) -> None:
    done = subprocess.run([sys.executable, "-c", STOPPED, module], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_exit_codes_are_documented(page: Path) -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)}
    assert codes == {0, terminal.FAILED, terminal.WRONG_INPUT, INTERRUPTED}


def test_exit_codes(tmp_path: Path) -> None:
    """Failed work, an error in the code of a space, and a wrong request; 0 is in every other test."""
    (tmp_path / "failing.py").write_text(FAILING)
    options = ["--import", "failing.py", "--steps", "1", "--epochs", "1"]
    work = sanas("search", "TooSmall", *options, "--output", "a", folder=tmp_path)
    assert work.returncode == terminal.FAILED
    assert "failed: RuntimeError: it was never meant to be built" in work.stdout
    assert "error: no candidate of this search was evaluated" in work.stderr
    assert "Traceback" not in work.stderr
    code = sanas("search", "Broken", *options, "--config", '{"block_mask": [1]}', "--output", "b", folder=tmp_path)
    assert code.returncode == terminal.FAILED
    assert "no_such_thing" in code.stderr
    wrong = sanas("search", "NoPrefix", *options, "--config", '{"block_mask": [1]}', "--output", "c", folder=tmp_path)
    assert wrong.returncode == terminal.WRONG_INPUT
    assert "NoPrefix has no prefix, which names of layers begin with: prefix = 'noprefix'" in wrong.stderr
    assert "Traceback" not in wrong.stderr
