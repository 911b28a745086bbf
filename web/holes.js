/** Where the holes of a mask are, with their boxes and how thick they are. */

/**
 * hole: Uint8Array of height * width, 1 = fill. Neighbours touch at sides or corners.
 *
 * Returns labels (Int32Array, 0 = no hole, else a hole's number + 1), boxes ([top, left, bottom,
 * right] of each) and thickness (largest distance of a pixel of each from the nearest one outside,
 * px). The image's edge does not end a hole: beyond it nothing is known.
 */
export function connectedHoles(hole, height, width) {
  const { labels, boxes } = label(hole, height, width);
  const depth = squaredDepth(hole, height, width);
  const thickness = new Float64Array(boxes.length);
  for (let i = 0; i < labels.length; i++) {
    const number = labels[i] - 1;
    if (number >= 0 && depth[i] > thickness[number]) thickness[number] = depth[i];
  }
  const most = Math.max(height, width); // where nothing at all is known
  return { labels, boxes, thickness: thickness.map((square) => Math.min(Math.sqrt(square), most)) };
}

function label(hole, height, width) {
  const labels = new Int32Array(hole.length);
  const boxes = [];
  const stack = [];
  for (let start = 0; start < hole.length; start++) {
    if (!hole[start] || labels[start]) continue;
    const box = [height, width, 0, 0];
    boxes.push(box);
    labels[start] = boxes.length;
    stack.push(start);
    while (stack.length) {
      const place = stack.pop();
      const [y, x] = [Math.floor(place / width), place % width];
      box[0] = Math.min(box[0], y);
      box[1] = Math.min(box[1], x);
      box[2] = Math.max(box[2], y + 1);
      box[3] = Math.max(box[3], x + 1);
      for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, height - 1); v++)
        for (let u = Math.max(x - 1, 0); u <= Math.min(x + 1, width - 1); u++) {
          const other = v * width + u;
          if (!hole[other] || labels[other]) continue;
          labels[other] = boxes.length;
          stack.push(other);
        }
    }
  }
  return { labels, boxes };
}

/** Squared distance of each pixel from the nearest one outside the hole; Infinity without any. */
export function squaredDepth(hole, height, width) {
  const squares = new Float64Array(hole.length);
  const column = new Float64Array(height);
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) column[y] = hole[y * width + x] ? Infinity : 0;
    lowerEnvelope(column).forEach((value, y) => (squares[y * width + x] = value));
  }
  for (let y = 0; y < height; y++) {
    const row = squares.subarray(y * width, (y + 1) * width);
    row.set(lowerEnvelope(row));
  }
  return squares;
}

/**
 * min over q of (p - q)^2 + values[q], for each p, in linear time (Felzenszwalb and Huttenlocher,
 * "Distance transforms of sampled functions", 2012).
 */
function lowerEnvelope(values) {
  const sites = []; // whose parabola is the lowest from the border of the same place on
  const borders = [];
  for (let q = 0; q < values.length; q++) {
    if (values[q] === Infinity) continue;
    let border = -Infinity;
    while (sites.length) {
      const last = sites[sites.length - 1];
      border = (values[q] + q * q - values[last] - last * last) / (2 * (q - last));
      if (border > borders[borders.length - 1]) break;
      sites.pop();
      borders.pop();
      border = -Infinity;
    }
    sites.push(q);
    borders.push(border);
  }
  const result = new Float64Array(values.length).fill(Infinity);
  if (!sites.length) return result;
  for (let p = 0, at = 0; p < values.length; p++) {
    while (at + 1 < sites.length && borders[at + 1] < p) at++;
    result[p] = (p - sites[at]) ** 2 + values[sites[at]];
  }
  return result;
}

/**
 * Spans of the hole's pixels in a rectangle, null without any.
 *
 * box: what the mask, a Uint8Array, covers; it holds the rectangle.
 */
export function holeSpans([rows, columns], box, mask) {
  const across = box[1][1] - box[1][0];
  const found = [[Infinity, -1], [Infinity, -1]];
  for (let y = rows[0]; y < rows[1]; y++) {
    const start = (y - box[0][0]) * across - box[1][0];
    const row = mask.subarray(start + columns[0], start + columns[1]);
    const first = row.indexOf(1);
    if (first < 0) continue;
    const last = columns[0] + row.lastIndexOf(1);
    found[0] = [Math.min(found[0][0], y), y + 1];
    found[1] = [Math.min(found[1][0], columns[0] + first), Math.max(found[1][1], last + 1)];
  }
  return found[0][1] < 0 ? null : found;
}
