"""Let the pages stand beside mkdocs.yml, where readers of the repository find them, and show each in its language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHINESE = ".zh-CN.md"


def on_config(config: Any) -> Any:
    """Read pages from the folder of mkdocs.yml; MkDocs refuses that as a setting and works with it."""
    config["docs_dir"] = str(Path(config["config_file_path"]).parent)
    return config


def on_env(env: Any, config: Any, files: Any) -> Any:
    """Keep the files for `on_page_context`, which does not get them."""
    config["extra"]["pages"] = files.src_uris
    return env


def on_page_context(context: Any, page: Any, config: Any, nav: Any) -> Any:
    """Write what stands around a page in its language, and let the header lead to the same page in the other one."""
    name = page.file.src_uri.removesuffix(CHINESE).removesuffix(".md")
    pages = config["extra"]["pages"]
    config["theme"]["language"] = "zh" if page.file.src_uri.endswith(CHINESE) else "en"
    config["extra"]["alternate"] = [
        {"name": language, "link": pages[file].url, "lang": code}
        for language, file, code in (("English", f"{name}.md", "en"), ("中文", f"{name}{CHINESE}", "zh"))
        if file in pages
    ]
    return context
