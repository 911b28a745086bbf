"""How the page looks around the editor: a theme without anything loaded from elsewhere."""

from __future__ import annotations

import gradio as gr

from inpaint.app.editor import SCRIPT

SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
SYSTEM_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

# In the head of the page, because Gradio narrows the rules it is given to its own container.
CSS = """
.gradio-container { width: 100% !important; max-width: none !important; margin: 0 !important;
  padding: 0 !important; }
.gradio-container .main.app { padding: 0 8px 8px !important; gap: 0; }
.gradio-container .main.app > .wrap > .column { gap: 0; }
#title { position: absolute; top: 9px; right: 14px; width: auto; pointer-events: none; }
#title h1 { font-size: 1.05rem; margin: 0; letter-spacing: -.02em; }
#tabs .tab-wrapper { height: 40px; padding-top: 6px; margin-bottom: 0; }
#tabs .tabitem { padding: 4px 0 0; border: none; }
#editor .html-container { padding: 0 !important; }
#editor { border: none !important; border-radius: 0; overflow: visible !important; }
#batch { max-width: 1240px; margin: 0 auto; padding-top: 12px; }
#batch_pictures .grid-container {
  grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)) !important; }
footer { margin: 12px 0 !important; }
footer .divider { display: none !important; }
"""
HEAD = f"<style>{CSS}</style>{SCRIPT}"


def theme() -> gr.themes.Base:
    """Gradio's default theme with the fonts of the visitor's own system."""
    return gr.themes.Default(
        primary_hue="indigo", neutral_hue="slate", font=SYSTEM_FONTS, font_mono=SYSTEM_MONO
    )
