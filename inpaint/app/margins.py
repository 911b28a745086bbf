"""Strokes that start beside the photo, which the editor ignores by itself."""

from __future__ import annotations

# The editor takes strokes that start on the photo only. One that starts in the margin is begun
# where it first meets the photo. `window.editor` is Gradio's own.
SCRIPT = """
(() => {
  const CANVAS = "#editor .pixi-target canvas";
  let last = null;  // where the pointer is that was pressed in the margin
  const photoBox = (canvas) => {
    const box = window.editor?.image_container?.getBounds();
    if (!box) return null;
    const { left, top } = canvas.getBoundingClientRect();
    return { left: left + box.x, top: top + box.y,
      right: left + box.x + box.width, bottom: top + box.y + box.height };
  };
  const inside = (box, x, y) =>
    x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
  // The first point of the way from a to b that lies on the photo, a pixel inside, or null.
  const entry = (box, a, b) => {
    let start = 0, stop = 1;
    for (const [from, to, low, high] of
        [[a.x, b.x, box.left + 1, box.right - 1], [a.y, b.y, box.top + 1, box.bottom - 1]]) {
      if (from === to) {
        if (from < low || from > high) return null;
        continue;
      }
      const ends = [(low - from) / (to - from), (high - from) / (to - from)];
      start = Math.max(start, Math.min(...ends));
      stop = Math.min(stop, Math.max(...ends));
    }
    return start <= stop
      ? { x: a.x + start * (b.x - a.x), y: a.y + start * (b.y - a.y) } : null;
  };
  const listen = (kind, action) => document.addEventListener(kind, action, { capture: true });
  const isStroke = (event) => event.isTrusted && event.isPrimary && (event.buttons & 1);

  listen("pointerdown", (event) => {
    const { target: canvas, clientX: x, clientY: y } = event;
    const box = isStroke(event) && canvas.matches?.(CANVAS) && photoBox(canvas);
    last = box && !inside(box, x, y) ? { x, y, canvas } : null;
  });
  listen("pointermove", (event) => {
    if (!last || !event.isTrusted || !event.isPrimary) return;
    const { canvas } = last, next = { x: event.clientX, y: event.clientY };
    const box = isStroke(event) && canvas.isConnected && photoBox(canvas);
    const start = box && entry(box, last, next);
    last = box && !start ? { ...next, canvas } : null;
    if (!start) return;
    for (const [kind, button] of [["pointermove", -1], ["pointerdown", 0]])
      canvas.dispatchEvent(new PointerEvent(kind, { bubbles: true, cancelable: true, button,
        buttons: 1, clientX: start.x, clientY: start.y, pointerId: event.pointerId,
        pointerType: event.pointerType, isPrimary: true }));
  });
  for (const kind of ["pointerup", "pointercancel"])
    listen(kind, () => { last = null; });
})();
"""
