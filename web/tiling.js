/**
 * Tiles: the parts of an image that the network sees (context), and those of its answer that are
 * used (core). The same as inpaint/inference/tiling.py; tests/test_web_planning.py compares them.
 *
 * A span is [start, stop], a rectangle [rows, columns], in pixels of the image. config: what a
 * network can do, in pixels of its input: holeRadius (largest distance of a hole's pixel from a known
 * one), minSide (it sees at least this much) and maxSide (at most its square).
 */

/** To the nearest integer, halves to the even one, as Python and NumPy round. */
export function round(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest > 0.5 ? floor + 1 : floor;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** [height, width] of an image made smaller by a factor, at least 1 x 1. */
export function scaledSize([height, width], factor) {
  return [Math.max(1, round(height / factor)), Math.max(1, round(width / factor))];
}

/** The tiles whose cores cover a box. shared: small holes share it, and need less context. */
export function tilesOf(box, size, factor, config, shared) {
  const least = Math.ceil(config.minSide * factor);
  const most = Math.floor(config.maxSide * factor);
  const sides = box.map(([start, stop], axis) =>
    sideOf(stop - start, size[axis], least, most, shared),
  );
  const [rows, columns] = box.map(([start, stop], axis) => {
    // Along a narrow hole the tiles may be longer than `most` in the same memory.
    const other = sides[1 - axis] ?? most;
    const longest = Math.min(2 * most, Math.floor((most * most) / other));
    return spans(start, stop, size[axis], most, sides[axis], longest);
  });
  return rows.flatMap((y) =>
    columns.map((x) => ({ context: [y.context, x.context], core: [y.core, x.core] })),
  );
}

/** How much one tile shows of an axis of `limit` pixels; null where several are needed. */
function sideOf(length, limit, least, most, shared) {
  const margin = Math.floor(least / 2);
  if (length + margin > most && limit > most) return null;
  return Math.min(Math.max(shared ? length + margin : 3 * length, least), most);
}

function spans(start, stop, limit, most, side, longest) {
  if (side !== null) return [{ context: around(start, stop, side, limit), core: [start, stop] }];
  const length = stop - start;
  const half = Math.floor(most / 2);
  const inner = Math.min(longest - half, length);
  const count = Math.ceil((length - inner) / (inner - Math.floor(most / 8))) + 1;
  return Array.from({ length: count }, (_, i) => {
    const first = start + round((i * (length - inner)) / Math.max(count - 1, 1));
    return {
      context: around(first, first + inner, inner + half, limit),
      core: [first, first + inner],
    };
  });
}

/** `side` pixels with start to stop in their middle, moved into 0 to limit. */
function around(start, stop, side, limit) {
  const length = Math.min(Math.max(side, stop - start), limit);
  const middle = Math.max(Math.floor((start + stop - length) / 2), 0);
  const first = Math.min(middle, limit - length);
  return [first, first + length];
}

/** Weight of a pixel of a core for blending, which falls to the core's edges. */
export function tileWeight([rows, columns], y, x) {
  const inward = ([start, stop], place) => Math.min(place - start + 1, stop - place);
  return Math.min(inward(rows, y), inward(columns, x));
}
