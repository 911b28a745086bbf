/** The hole that marks make, and where it lies. */

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
  let box = null;
  for (let y = 0; y < height; y++) {
    const row = hole.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(1);
    if (first < 0) continue;
    const last = row.lastIndexOf(1) + 1;
    box = box
      ? [Math.min(box[0], first), box[1], Math.max(box[2], last), y + 1]
      : [first, y, last, y + 1];
  }
  return box;
}
