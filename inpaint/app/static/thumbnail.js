/** Small pictures of a part of the photo, and strips of them. */

import { View } from "./view.js";

const CONTEXT = 0.35; // of the part's longer side, shown on each side of it
const LEAST = 48; // pixels of the photo that are shown at least

/**
 * Draws the part of the photo in `box`, and what is around it, into a canvas.
 *
 * layers: the photo first. box: [left, top, right, bottom] in pixels of the photo, or null for all
 * of it. width, height: of the canvas, in CSS pixels.
 */
export function drawThumbnail(canvas, layers, box, { width, height }) {
  const ratio = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const whole = layers[0].box;
  const [left, top, right, bottom] = box === null ? whole : withContext(box, whole);
  const view = new View();
  view.scale = Math.min(canvas.width / (right - left), canvas.height / (bottom - top));
  view.x = canvas.width / 2 - (view.scale * (left + right)) / 2;
  view.y = canvas.height / 2 - (view.scale * (top + bottom)) / 2;
  const context = canvas.getContext("2d");
  for (const layer of layers) layer.draw(context, view);
}

/** Makes `items` the children of a strip, and brings the current one into sight if they changed. */
export function showItems(strip, items) {
  const same = items.length === strip.children.length &&
    items.every((item, i) => item === strip.children[i]);
  if (same) return;
  strip.replaceChildren(...items);
  strip.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" });
}

function withContext([left, top, right, bottom], [, , width, height]) {
  const side = Math.max(right - left, bottom - top, LEAST) * (1 + 2 * CONTEXT);
  const span = (low, high, length) => {
    const size = Math.min(length, Math.max(side, high - low));
    const start = Math.min(length - size, Math.max(0, (low + high - size) / 2));
    return [start, start + size];
  };
  const [[x0, x1], [y0, y1]] = [span(left, right, width), span(top, bottom, height)];
  return [x0, y0, x1, y1];
}
