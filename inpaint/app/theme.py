"""How the page looks: a theme without anything loaded from elsewhere, and its few own rules."""

from __future__ import annotations

import gradio as gr

from inpaint.app import margins

SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
SYSTEM_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

# In the head of the page, because Gradio narrows the rules it is given to its own container.
CSS = """
.gradio-container { width: 100% !important; max-width: 1240px !important;
  margin: 0 auto !important; }
#title h1 { font-size: 1.6rem; margin: .4rem 0 0; letter-spacing: -.02em; }
#title p { color: var(--body-text-color-subdued); margin: .1rem 0 .4rem; }
footer .divider { display: none !important; }

#photo button { min-height: min(50vh, 420px); }
#photo button .wrap { font-size: 0; gap: .8rem; }
#photo button .wrap .or { display: none; }
#photo button .wrap::after { content: "Drop a photo here, paste it, or click to choose one";
  font-size: 1.1rem; color: var(--body-text-color); padding: 0 1rem; }
#photo button .icon-wrap { width: 42px; color: var(--color-accent); }

#about p, #compare p { color: var(--body-text-color-subdued); margin: 0; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
#hint { border: 2px dashed var(--border-color-primary) !important; padding: 2rem;
  border-radius: var(--radius-lg); min-height: 280px; flex-grow: 1; display: flex;
  align-items: center; justify-content: center; text-align: center; }
#hint p { color: var(--body-text-color-subdued); }
#slider .slider-wrap, #slider img { max-height: 64vh !important; }

/* One colour is enough, and the bin would throw out the photo with the strokes. */
#editor button[aria-label="Color"], #editor button[aria-label="Clear canvas"] { display: none; }
#slider > .wrap.full { background: color-mix(in srgb, var(--background-fill-primary) 60%,
  transparent); }
#mask_png { position: absolute; width: 1px; height: 1px; opacity: 0; pointer-events: none; }

/* The tools lie above the canvas, not on the photo. */
#editor { --bar: 44px; }
#editor .pixi-target, #editor .pixi-target-crop { inset: var(--bar) 0 0 0;
  height: calc(100% - var(--bar)); }
#editor .toolbar-wrap { inset: 3px auto auto 3px; width: auto; flex-direction: row; border: none; }
#editor .toolbar-wrap .half-container { flex-direction: row; border: none; }
#editor .top-panel { top: 3px; right: 3px; border: none; }
#editor .toolbar-wrap button, #editor .top-panel button { width: 34px; height: 36px; margin: 0;
  padding: 0; justify-content: center; align-items: center; }
#editor .toolbar-wrap, #editor .toolbar-wrap .half-container, #editor .top-panel { gap: 0;
  padding: 0; margin: 0; }
#editor .top-panel .separator { display: none; }
#editor .toolbar-wrap button:not([aria-label="Color"]),
#editor .top-panel button:not([aria-label="Clear canvas"]) { display: flex; }
#editor .size_picker { transform: none; inset: 42px auto auto -84px; z-index: 1001; }
:root { --editor-width: min(47vw, 590px); }

@media (max-width: 640px) {
  #editor .size_picker { transform: none; inset: 42px auto auto -84px; z-index: 1001; }
:root { --editor-width: 92vw; }
  .gradio-container .main.app { padding: 8px 12px !important; }
  .gradio-container .tabitem { padding: 10px 0 !important; }
  #title h1 { font-size: 1.3rem; }
  #work_row { flex-direction: column; }
  #work_row > .column { width: 100%; }
  #hint { min-height: 0; padding: 1rem; }
}
"""

# Pasting works anywhere on the page; Ctrl+Enter fills; arrow keys move the before and after slider,
# which answers to the mouse only by itself. The file input is the upload area's own.
SCRIPT = """
window.whenThere = (selector, action) => {
  const started = Date.now();
  const look = () => {
    const found = document.querySelector(selector);
    if (found && found.getClientRects().length) action(found);
    else if (Date.now() - started < 10000) setTimeout(look, 50);
  };
  look();
};
document.addEventListener("paste", (event) => {
  const files = event.clipboardData && event.clipboardData.files;
  const input = document.querySelector("#photo input[type=file]");
  if (!files || !files.length || !input) return;
  const carried = new DataTransfer();
  carried.items.add(files[0]);
  input.files = carried.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  const button = document.querySelector("#fill");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && button) button.click();
});
document.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  if (!(event.key in steps) || !event.target.matches("#slider [role=slider]")) return;
  event.preventDefault();
  const box = event.target.getBoundingClientRect();
  const x = box.left + box.width / 2;
  const moved = x + (steps[event.key] * event.target.parentElement.clientWidth) / 20;
  const fire = (target, kind, clientX) => target.dispatchEvent(new MouseEvent(kind,
    { bubbles: true, cancelable: true, view: window, clientX, clientY: box.top + 1 }));
  fire(event.target, "mousedown", x);
  fire(window, "mousemove", moved);
  fire(window, "mouseup", moved);
});
"""
HEAD = f"<style>{CSS}</style><script>{SCRIPT}{margins.SCRIPT}</script>"

# On a narrow screen, the result is below what is seen.
SHOW_RESULT = """() => {
  whenThere('#slider [data-testid="slider"]', (handle) => {
    handle.setAttribute("role", "slider");
    handle.setAttribute("tabindex", "0");
    handle.setAttribute("aria-label", "Before and after");
  });
  if (window.innerWidth > 640) return;
  whenThere("#slider img", async (image) => {
    await image.decode().catch(() => {});  // before, the page is too short to scroll there
    document.querySelector("#result").scrollIntoView();
  });
}"""

SAVE_FILE = """(file) => {
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name || file.path.split("/").pop();
  link.click();
}"""


def theme() -> gr.themes.Base:
    """Gradio's default theme with the fonts of the visitor's own system."""
    return gr.themes.Default(
        primary_hue="indigo", neutral_hue="slate", font=SYSTEM_FONTS, font_mono=SYSTEM_MONO
    )


def editor_height(size: tuple[int, int]) -> str:
    """Height of the editor for a photo of (height, width), in CSS: as tall as the photo is shown,
    with the bar of tools above it, but not taller than the screen."""
    ratio = size[0] / size[1]
    return f"clamp(280px, calc(var(--editor-width) * {ratio:.3f} + 44px), 70vh)"
