/**
 * Which holes are filled together, at which scale, and what the network sees of them. The same as
 * inpaint/inference/planning.py, where all holes go through the network.
 *
 * Every hole is cut out with its context and, when it is thicker than the network can bridge, made
 * smaller. Neighbouring holes share a tile where that saves work.
 */

import { connectedHoles, holeSpans } from "./holes.js";
import { tilesOf } from "./tiling.js";

const STEP = 64; // px at the network's scale, in which what a tile sees is made smaller
const SHARED = [0.25, 0.5, 1, 2]; // sides of squares whose holes may share a tile, of minSide

/**
 * hole: Uint8Array, 1 = fill, of size [height, width]. config: see tiling.js.
 *
 * Returns regions, the thinnest holes first: { factor, box, mask, tiles }. factor: the network sees
 * them this much smaller. mask: Uint8Array of the box. Each pixel of the hole is in one of them.
 */
export function planRegions(hole, size, config) {
  const part = holePart(hole, size);
  if (!part) return [];
  const holes = connectedHoles(part.hole, part.height, part.width);
  const numbers = grouped([...holes.thickness.keys()], (number) =>
    factorOf(holes.thickness[number], config),
  );
  return [...numbers.keys()]
    .sort((one, other) => one - other)
    .flatMap((factor) =>
      joinedGroups(holes.boxes, numbers.get(factor), factor, config).map((group) =>
        regionOf(group, holes, part, factor, size, config),
      ),
    );
}

/** Where the hole is, with one known pixel around it: its { top, left, height, width, hole }. */
function holePart(hole, [height, width]) {
  const spans = holeSpans([[0, height], [0, width]], [[0, height], [0, width]], hole);
  if (!spans) return null;
  const [top, left] = spans.map(([start]) => Math.max(start - 1, 0));
  const bottom = Math.min(spans[0][1] + 1, height);
  const right = Math.min(spans[1][1] + 1, width);
  const rows = Array.from({ length: bottom - top }, (_, y) =>
    hole.subarray((top + y) * width + left, (top + y) * width + right),
  );
  const copy = new Uint8Array((bottom - top) * (right - left));
  rows.forEach((row, y) => copy.set(row, y * (right - left)));
  return { top, left, height: bottom - top, width: right - left, hole: copy };
}

/** A Map of lists of the values that share a key. */
function grouped(values, keyOf) {
  const lists = new Map();
  for (const value of values) {
    const key = keyOf(value);
    if (lists.has(key)) lists.get(key).push(value);
    else lists.set(key, [value]);
  }
  return lists;
}

function regionOf({ numbers, box }, holes, part, factor, size, config) {
  const [top, left, bottom, right] = box;
  const inside = [[top, bottom], [left, right]];
  const moved = [[top + part.top, bottom + part.top], [left + part.left, right + part.left]];
  const region = { factor, box: moved, mask: maskOf(holes, numbers, inside, part.width) };
  const tiles = tilesOf(moved, size, factor, config, numbers.length > 1);
  region.tiles = tiles.map((tile) => trimmed(tile, region, config)).filter(Boolean);
  return region;
}

/** Powers of the square root of 2, so that holes of one thickness get one factor. */
function factorOf(thickness, config) {
  const steps = Math.ceil(2 * Math.log2(Math.max(thickness / config.holeRadius, 1)) - 1e-6);
  return Math.SQRT2 ** steps;
}

function maskOf({ labels }, numbers, [rows, columns], width) {
  const chosen = new Set(numbers.map((number) => number + 1));
  const across = columns[1] - columns[0];
  return Uint8Array.from({ length: (rows[1] - rows[0]) * across }, (_, i) => {
    const place = (rows[0] + Math.floor(i / across)) * width + columns[0] + (i % across);
    return chosen.has(labels[place]) ? 1 : 0;
  });
}

/** Holes that share tiles: [{ numbers, box }]. */
function joinedGroups(boxes, numbers, factor, config) {
  let groups = numbers.map((number) => ({ numbers: [number], box: boxes[number] }));
  for (const share of SHARED)
    groups = joined(groups, share * config.minSide * factor, factor, config);
  return groups;
}

/** Groups in one square of this side are joined, where that is less work for the network. */
function joined(groups, side, factor, config) {
  const cells = grouped(groups, ({ box: [top, left] }) =>
    [top, left].map((edge) => Math.floor(edge / side)).join(),
  );
  return [...cells.values()].flatMap((members) => {
    if (members.length === 1) return members;
    const edge = (axis, choose) => choose(...members.map(({ box }) => box[axis]));
    const union = [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)];
    const apart = members
      .map(({ numbers, box }) => networkWork(box, numbers.length > 1, factor, config))
      .reduce((sum, work) => sum + work, 0);
    if (networkWork(union, true, factor, config) > apart) return members;
    return [{ numbers: members.flatMap(({ numbers }) => numbers), box: union }];
  });
}

/** About as many pixels as the network sees for a box. */
function networkWork([top, left, bottom, right], shared, factor, config) {
  const seen = [bottom - top, right - left].map((length) => {
    const wanted = length / factor;
    return Math.max(shared ? wanted + config.minSide / 2 : 3 * wanted, config.minSide);
  });
  return seen[0] * seen[1];
}

/** The tile with the part of its core that holds a hole, and what is near it; null without any. */
function trimmed(tile, { factor, box, mask }, config) {
  const own = holeSpans(tile.core, box, mask);
  if (!own) return null;
  const step = Math.round(STEP * factor); // few different sizes
  const margin = Math.ceil((config.maxSide * factor) / 4);
  const context = tile.context.map(([start, stop], axis) => {
    const cut = (free) => Math.floor(Math.max(free - margin, 0) / step) * step;
    const seen = [start + cut(own[axis][0] - start), stop - cut(stop - own[axis][1])];
    return seen[1] - seen[0] >= config.minSide * factor ? seen : [start, stop];
  });
  return { context, core: own };
}
