"""The photo editor of the page: a custom element whose modules the page serves itself."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from inpaint.app.calls import PREFIX
from inpaint.app.handlers import Example, Limits
from inpaint.app.previews import written_formats
from inpaint.serving.models import Models

FOLDER = Path(__file__).parent / "static"
ADDRESS = "/editor"  # of the modules, below the page's own

# Defines the element; the page's address is known when its own script has run.
SCRIPT = f"""<script type="module">
const root = (window.gradio_config?.root ?? "").replace(/\\/$/, "");
await import(`${{root}}{ADDRESS}/main.js`);
</script>"""


class _Revalidated(StaticFiles):
    """Files that browsers ask for again, so that modules of two versions never meet."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


def editor_routes(examples: Sequence[Example]) -> list[BaseRoute]:
    """Routes of the element's modules, and of the photos to try it with."""
    routes: list[BaseRoute] = []
    if examples:
        photos = StaticFiles(directory=examples[0][0].parent)
        routes.append(Mount(f"{ADDRESS}/examples", photos))
    return [*routes, Mount(ADDRESS, _Revalidated(directory=FOLDER))]


def editor_html(models: Models, limits: Limits, examples: Sequence[Example]) -> str:
    """The element with its settings."""
    settings: dict[str, Any] = {
        "prefix": PREFIX,
        "networks": models.names,
        "findsDamage": models.finds_damage,
        "maxFileBytes": limits.max_file_bytes,
        "maxPixels": limits.max_pixels,
        "formats": written_formats(),
        "examples": [photo.name for photo, _ in examples],
    }
    return f'<inpaint-editor settings="{html.escape(json.dumps(settings))}"></inpaint-editor>'
