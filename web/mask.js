/** The hole that marks make, and where it lies. */

import { holeSpans } from "./holes.js";
import { drawMarks } from "./vendor/editor/marks.js";

const BAND_PIXELS = 4_000_000; // read at once
const THRESHOLD = 127; // of 255, of what a pixel is covered by marks

/** Uint8Array of height * width, 1 = fill. size: { width, height } of the photo. */
export function holeOf(marks, size) {
  const { width, height } = size;
  const rows = Math.min(height, Math.max(1, Math.floor(BAND_PIXELS / width)));
  const context = new OffscreenCanvas(width, rows).getContext("2d", { willReadFrequently: true });
  const hole = new Uint8Array(width * height);
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    drawMarks(context, marks, { scale: 1, x: 0, y: -top, photo: size }, "#fff");
    const { data } = context.getImageData(0, 0, width, count);
    for (let i = 0; i < width * count; i++)
      hole[top * width + i] = data[4 * i + 3] > THRESHOLD ? 1 : 0;
  }
  return hole;
}

/** [left, top, right, bottom] of the hole's pixels; null without any. */
export function boxOf(hole, { width, height }) {
  const whole = [[0, height], [0, width]];
  const spans = holeSpans(whole, whole, hole);
  return spans && [spans[1][0], spans[0][0], spans[1][1], spans[0][1]];
}
