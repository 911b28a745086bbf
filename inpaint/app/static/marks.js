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
  const rows = Math.max(1, Math.floor(BAND_PIXELS / size.width));
  const canvas = new OffscreenCanvas(size.width, Math.min(rows, size.height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  async function* bands() {
    for (let top = 0; top < size.height; top += rows) {
      const count = Math.min(rows, size.height - top);
      drawMarks(context, marks, { scale: 1, x: 0, y: -top, photo: size }, "#fff");
      yield packed(context.getImageData(0, 0, size.width, count));
      await new Promise((resolve) => setTimeout(resolve)); // lets the page answer
    }
  }
  return encodePng(size.width, size.height, bands());
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

/** Lines of a PNG with one bit a pixel, each after its filter byte 0. */
function packed({ data, width, height }) {
  const stride = 1 + Math.ceil(width / 8);
  const lines = new Uint8Array(stride * height);
  for (let y = 0, pixel = 3; y < height; y++) {
    const line = y * stride + 1;
    for (let x = 0; x < width; x++, pixel += 4)
      if (data[pixel] > 127) lines[line + (x >> 3)] |= 128 >> (x & 7);
  }
  return lines;
}
