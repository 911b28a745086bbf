/**
 * What is marked, as a list of marks in pixels of the photo, drawn at any scale.
 *
 * A mark is one of
 *   { kind: "stroke", erase, radius, points }   points: [x0, y0, x1, y1, ...]
 *   { kind: "area", erase, points }             a polygon
 *   { kind: "mask", url, layer }                takes the place of all before; alpha = marked
 *   { kind: "object", id, strokes, url, box, layer }   what strokes point at; the layer has the
 *     colour of marks. It takes the place of earlier ones with its id. Damage has no strokes, but
 *     `share`: that of the photo which is marked
 *   { kind: "invert" }
 *   { kind: "clear" }
 *
 * A stroke with `exclude` marks what texture is not copied from. Erasing strokes and "clear" act on
 * both, all other marks on what is filled.
 */

import { encodePng } from "./png.js";

const BAND_PIXELS = 4_000_000; // drawn at once when the mask is made

/** Draws a mark into a context whose units are pixels of the photo. size: of the photo. */
export function drawMark(context, mark, size) {
  context.globalCompositeOperation = operation(mark);
  if (mark.kind === "stroke") drawStroke(context, mark);
  else if (mark.kind === "area") drawArea(context, mark);
  else if (mark.kind === "object") drawObject(context, mark);
  else if (mark.kind === "invert") context.fillRect(0, 0, size.width, size.height);
  else context.clearRect(0, 0, size.width, size.height);
  if (mark.kind === "mask") drawMask(context, mark, size);
  context.globalCompositeOperation = "source-over";
}

/** The context's canvas with nothing but the marks of the photo that lies there by `view`. */
export function drawMarks(context, marks, view, colour) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  begin(context, view, colour);
  for (const mark of marks) drawMark(context, mark, view.photo);
  context.restore();
}

/** Saves the context, and makes it draw on the photo only, in the photo's pixels. */
export function begin(context, view, colour) {
  context.save();
  context.setTransform(view.scale, 0, 0, view.scale, view.x, view.y);
  context.beginPath();
  context.rect(0, 0, view.photo.width, view.photo.height);
  context.clip();
  context.fillStyle = context.strokeStyle = colour;
}

/** The marks as a PNG of the photo's size, one bit a pixel, white = marked. */
export async function maskOf(marks, size) {
  const [left, top, right, bottom] = bounds(marks, size);
  const rows = Math.max(1, Math.floor(BAND_PIXELS / Math.max(1, right - left)));
  const canvas = new OffscreenCanvas(Math.max(1, right - left), Math.max(1, Math.min(rows, bottom - top)));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const stride = 1 + Math.ceil(size.width / 8);
  async function* bands() {
    yield new Uint8Array(stride * top);
    for (let y = top; y < bottom; y += rows) {
      const count = Math.min(rows, bottom - y);
      drawMarks(context, marks, { scale: 1, x: -left, y: -y, photo: size }, "#fff");
      yield packed(context.getImageData(0, 0, canvas.width, count), left, stride);
      await new Promise((resolve) => setTimeout(resolve)); // lets the page answer
    }
    yield new Uint8Array(stride * (size.height - bottom));
  }
  return encodePng(size.width, size.height, bands());
}

/** [left, top, right, bottom] of what the marks may cover; left is a multiple of 8. */
function bounds(marks, { width, height }) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (const mark of marks) {
    if (mark.erase || mark.kind === "clear") continue;
    const [x0, y0, x1, y1] = boxOf(mark, width, height);
    [left, top] = [Math.min(left, x0), Math.min(top, y0)];
    [right, bottom] = [Math.max(right, x1), Math.max(bottom, y1)];
  }
  const within = (value, most) => Math.min(most, Math.max(0, value));
  left = within(Math.floor(left / 8) * 8, width);
  top = within(Math.floor(top), height);
  return [left, top, Math.max(left, within(Math.ceil(right), width)),
    Math.max(top, within(Math.ceil(bottom), height))];
}

function boxOf({ kind, box, points, radius = 0 }, width, height) {
  if (kind === "object") return box;
  if (!points) return [0, 0, width, height]; // a mask, or all that was not marked before
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    [left, right] = [Math.min(left, points[i]), Math.max(right, points[i])];
    [top, bottom] = [Math.min(top, points[i + 1]), Math.max(bottom, points[i + 1])];
  }
  return [left - radius - 1, top - radius - 1, right + radius + 1, bottom + radius + 1];
}

function operation(mark) {
  if (mark.kind === "invert") return "xor";
  return mark.erase ? "destination-out" : "source-over";
}

function drawStroke(context, { points, radius }) {
  context.lineWidth = 2 * radius;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(points[0], points[1]);
  for (let i = 2; i < points.length; i += 2) context.lineTo(points[i], points[i + 1]);
  context.stroke();
  if (points.some((place, i) => place !== points[i % 2])) return;
  context.beginPath(); // browsers draw no line without length, not even its round ends
  context.arc(points[0], points[1], radius, 0, 2 * Math.PI);
  context.fill();
}

function drawArea(context, { points }) {
  context.beginPath();
  for (let i = 0; i < points.length; i += 2) context.lineTo(points[i], points[i + 1]);
  context.closePath();
  context.fill();
}

function drawObject(context, { layer, box: [left, top, right, bottom] }) {
  const { a: scale } = context.getTransform();
  context.imageSmoothingEnabled = scale < 1;
  const bitmap = layer.level(scale * (right - left));
  context.drawImage(bitmap, left, top, right - left, bottom - top);
}

function drawMask(context, { layer }, size) {
  const { a: scale } = context.getTransform();
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(layer.level(scale * size.width), 0, 0, size.width, size.height);
  context.globalCompositeOperation = "source-in"; // in the colour of all marks
  context.fillRect(0, 0, size.width, size.height);
}

/**
 * Lines of a PNG with one bit a pixel, of `stride` bytes, each after its filter byte 0.
 *
 * left: where the pixels begin in their line, a multiple of 8.
 */
function packed({ data, width, height }, left, stride) {
  const lines = new Uint8Array(stride * height);
  for (let y = 0, pixel = 3; y < height; y++) {
    const line = y * stride + 1 + left / 8;
    for (let x = 0; x < width; x++, pixel += 4)
      if (data[pixel] > 127) lines[line + (x >> 3)] |= 128 >> (x & 7);
  }
  return lines;
}
