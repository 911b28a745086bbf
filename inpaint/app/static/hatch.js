/** Stripes over what is drawn, by which it is seen on a photo of its own colour. */

const PERIOD = 12; // CSS pixels, along both axes
const WIDTH = 2; // CSS pixels
const COLOUR = "#fff";

const patterns = new Map(); // by device pixels for a CSS pixel

/** Draws stripes over the context's canvas wherever it is not transparent. */
export function hatch(context, ratio) {
  if (!patterns.has(ratio)) patterns.set(ratio, stripes(Math.round(PERIOD * ratio), WIDTH * ratio));
  context.save();
  context.globalCompositeOperation = "source-atop";
  context.fillStyle = context.createPattern(patterns.get(ratio), "repeat");
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.restore();
}

/** A square of a pattern of diagonal stripes. */
function stripes(side, width) {
  const square = new OffscreenCanvas(side, side);
  const context = square.getContext("2d");
  context.strokeStyle = COLOUR;
  context.lineWidth = width;
  for (const start of [-side, 0, side]) {
    context.moveTo(start, side);
    context.lineTo(start + side, 0);
  }
  context.stroke();
  return square;
}
