from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sanas_spaces import SEARCHSPACE
from sanas_spaces.errors import RegistryError
from sanas_spaces.registry import Registry

BUILT_IN = 10


def make_class(name: str, module: str = "somewhere") -> type:
    return type(name, (), {"__module__": module})


def test_bare_decorator_returns_the_class() -> None:
    registry: Registry[object] = Registry("R")

    @registry.register
    class Space:
        pass

    assert isinstance(Space, type)
    assert registry.get("Space") is Space is registry["Space"]
    assert "Space" in registry
    assert list(registry) == ["Space"]
    assert len(registry) == 1


def test_taken_name_names_both_modules() -> None:
    registry: Registry[object] = Registry("R")
    registry.register(make_class("Space", "first.module"))
    with pytest.raises(RegistryError, match=r"second\.module.*first\.module"):
        registry.register(make_class("Space", "second.module"))
    assert registry.get("Space").__module__ == "first.module"


def test_registering_the_same_class_again_is_harmless() -> None:
    registry: Registry[object] = Registry("R")
    cls = make_class("Space")
    assert registry.register(registry.register(cls)) is cls


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(RegistryError, match="did you mean MobileNetV2Space"):
        SEARCHSPACE.get("MobilenetV2Space")
    with pytest.raises(KeyError):
        SEARCHSPACE.get("nothing like it")


def test_decorator_with_parentheses_says_so() -> None:
    with pytest.raises(RegistryError, match="without parentheses"):
        SEARCHSPACE.register("name")  # type: ignore[type-var]


def test_unregister() -> None:
    registry: Registry[object] = Registry("R")
    cls = registry.register(make_class("Space"))
    assert registry.unregister("Space") is cls
    assert "Space" not in registry
    with pytest.raises(RegistryError, match="'Space' is not registered in R"):
        registry.unregister("Space")


def test_all_built_in_spaces_are_registered() -> None:
    assert sum(SEARCHSPACE.get(name).__module__.startswith("sanas_spaces.spaces.") for name in SEARCHSPACE) == BUILT_IN


def install_plugin(folder: Path, entry_points: str, code: str) -> None:
    (folder / "plugin_for_test.py").write_text(code)
    info = folder / "plugin_for_test-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-for-test\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[sanas_spaces.spaces]\n{entry_points}\n")


def run_with_plugin(folder: Path, code: str) -> str:
    script = f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


PLUGIN = """
from sanas_spaces import SearchSpaceBase
class PluginSpace(SearchSpaceBase):
    def init_tokens(self): return [1]
    def range_table(self): return [2]
    def token2arch(self, tokens): return lambda x: x
"""


def test_entry_points_of_other_packages_are_found(tmp_path: Path) -> None:
    install_plugin(tmp_path, "plugin = plugin_for_test:PluginSpace", PLUGIN)
    code = (
        "from sanas_spaces import SEARCHSPACE, CombinedSpace\n"
        "print(CombinedSpace(['PluginSpace']).init_tokens(), 'PluginSpace' in list(SEARCHSPACE))"
    )
    assert run_with_plugin(tmp_path, code).strip() == "[1] True"


def test_a_broken_plugin_takes_nothing_with_it(tmp_path: Path) -> None:
    install_plugin(tmp_path, "broken = plugin_for_test:Missing\nplugin = plugin_for_test:PluginSpace", PLUGIN)
    code = (
        "import logging; logging.basicConfig(stream=sys.stdout, format='%(message)s')\n"
        "from sanas_spaces import SEARCHSPACE; print(len(list(SEARCHSPACE)))"
    )
    output = run_with_plugin(tmp_path, code)
    assert "entry point broken = plugin_for_test:Missing" in output
    assert output.strip().endswith(str(BUILT_IN + 1))


def test_importing_the_package_imports_neither_paddle_nor_optuna() -> None:
    code = "import sys, sanas_spaces; print(sorted({'paddle', 'optuna', 'typer', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_commands_begin_without_what_only_some_of_them_need() -> None:
    modules = {"paddle", "scipy", "sklearn", "matplotlib", "sqlalchemy"}
    code = f"import sys, sanas_spaces.cli.app; print(sorted({modules} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_costs_need_no_paddle() -> None:
    code = (
        "import sys; from sanas_spaces import CombinedSpace\n"
        "archs = CombinedSpace(['MobileNetV2Space']).token2arch()\n"
        "print(archs.cost().flops, len(archs.hash()), 'total' in str(archs), 'paddle' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["312339328", "32", "True", "False"]
