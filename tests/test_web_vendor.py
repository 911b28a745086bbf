"""What the static page loads is among the files that vendor.py copies. Needs no npm."""

import re
from pathlib import Path

from web_site import EDITOR, EDITOR_FILES, build_site

IMPORT = re.compile(r'^(?:import|export)\b[^;]*?"(\.[^"]+\.m?js)";', re.M)


def test_every_import_of_the_page_is_of_a_file_that_it_has(tmp_path: Path) -> None:
    site = build_site(tmp_path / "site")
    (site / "vendor/editor").mkdir(parents=True)
    for name in EDITOR_FILES:
        (site / f"vendor/editor/{name}.js").write_text((EDITOR / f"{name}.js").read_text())
    wanted = {
        (path.parent / found[1]).resolve().relative_to(site.resolve())
        for path in site.rglob("*.js")
        for found in IMPORT.finditer(path.read_text())
    }
    assert Path("vendor/editor/stage.js") in wanted
    assert Path("vendor/ort/ort.wasm.min.mjs") in wanted
    editors = {path for path in wanted if "ort" not in path.parts}
    assert [str(path) for path in editors if not (site / path).exists()] == []
