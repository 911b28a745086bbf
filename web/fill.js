/**
 * Fills the holes of a photo by the network, tile by tile: what `Inpainter(boundary=False,
 * style="plain")` does in Python (inpaint/inference/inpainter.py), within rounding.
 */

import { planRegions } from "./planning.js";
import { enlarge, shrink } from "./scaling.js";
import { scaledSize, tileWeight } from "./tiling.js";

const LUMA = [0.299, 0.587, 0.114]; // Rec. 601

/**
 * pixels: Uint8ClampedArray, RGBA, of size [height, width]; its holes are overwritten.
 * hole: Uint8Array, 1 = fill.
 * network: async (image, mask) => output; image and output { data, channels: 3, height, width }
 *   with RGB planes in [0, 1], mask the same with one channel, 1 = hole.
 * config: see tiling.js.
 * onProgress: takes the share that is done, after each tile; what it throws ends the fill.
 */
export async function fillHoles(pixels, hole, size, network, config, onProgress = () => {}) {
  const known = Uint8Array.from(hole, (inside, i) => (!inside && pixels[4 * i + 3] > 0 ? 1 : 0));
  const photo = { pixels, known, size };
  const gray = isGray(photo);
  const regions = planRegions(hole, size, config);
  const works = regions.map(({ tiles, factor }) => tiles.map((tile) => workOf(tile, factor)));
  const total = works.flat().reduce((sum, work) => sum + work, 0);
  let done = 0;
  for (const [number, region] of regions.entries()) {
    const fill = emptyFill(region);
    for (const [place, tile] of region.tiles.entries()) {
      add(fill, region, tile, await fillTile(photo, tile, region.factor, network));
      done += works[number][place];
      await onProgress(done / total);
    }
    paste(photo, region, fill, gray);
  }
}

function workOf({ context: [rows, columns] }, factor) {
  const [height, width] = scaledSize([rows[1] - rows[0], columns[1] - columns[0]], factor);
  return height * width;
}

/** The network's image of a tile's context, at full size. */
async function fillTile(photo, { context }, factor, network) {
  const { image, valid } = cut(photo, context);
  const full = [image.height, image.width];
  const small = scaledSize(full, factor);
  if (small[0] === full[0] && small[1] === full[1]) return network(image, holeOf(valid));
  return enlarge(await network(...shrunk(image, valid, small)), full);
}

/** Part of the photo as RGB planes in [0, 1], and what is known of it. */
function cut({ pixels, known, size }, [rows, columns]) {
  const [height, width] = [rows[1] - rows[0], columns[1] - columns[0]];
  const area = height * width;
  const image = { data: new Float32Array(3 * area), channels: 3, height, width };
  const valid = { data: new Float32Array(area), channels: 1, height, width };
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const place = (rows[0] + y) * size[1] + columns[0] + x;
      valid.data[i] = known[place];
      for (let c = 0; c < 3; c++) image.data[c * area + i] = pixels[4 * place + c] / 255;
    }
  return { image, valid };
}

/** Smaller image and mask. A pixel is the mean of the known ones below it, known if half are. */
function shrunk(image, valid, size) {
  const area = image.height * image.width;
  const masked = image.data.map((value, i) => value * valid.data[i % area]);
  const sum = shrink({ ...image, data: masked }, size);
  const share = shrink(valid, size);
  const count = size[0] * size[1];
  const data = sum.data.map((value, i) => value / Math.max(share.data[i % count], 1e-6));
  const known = share.data.map((part) => (part >= 0.5 ? 1 : 0));
  return [{ ...sum, data }, holeOf({ ...share, data: known })];
}

function holeOf(valid) {
  return { ...valid, data: valid.data.map((known) => 1 - known) };
}

/** A region's box: sums of weighted answers, and of the weights. */
function emptyFill({ box: [rows, columns] }) {
  const [height, width] = [rows[1] - rows[0], columns[1] - columns[0]];
  const [sums, weights] = [new Float32Array(3 * height * width), new Float32Array(height * width)];
  return { height, width, sums, weights };
}

/** Adds the core of a tile's answer, which covers its context. */
function add({ width, sums, weights }, { box }, { context, core }, answer) {
  const area = answer.height * answer.width;
  for (let y = core[0][0]; y < core[0][1]; y++)
    for (let x = core[1][0]; x < core[1][1]; x++) {
      const weight = tileWeight(core, y, x);
      const from = (y - context[0][0]) * answer.width + x - context[1][0];
      const to = (y - box[0][0]) * width + x - box[1][0];
      weights[to] += weight;
      for (let c = 0; c < 3; c++)
        sums[3 * to + c] += weight * Math.min(Math.max(answer.data[c * area + from], 0), 1);
    }
}

/** Writes a region's fill into its holes, which are known from now on. */
function paste({ pixels, known, size }, { box, mask }, { height, width, sums, weights }, gray) {
  for (let i = 0; i < height * width; i++) {
    if (!mask[i]) continue;
    const place = (box[0][0] + Math.floor(i / width)) * size[1] + box[1][0] + (i % width);
    const colour = [0, 1, 2].map((c) => sums[3 * i + c] / weights[i]);
    const luma = colour.reduce((sum, value, c) => sum + LUMA[c] * value, 0);
    for (let c = 0; c < 3; c++) pixels[4 * place + c] = Math.round(255 * (gray ? luma : colour[c]));
    known[place] = 1;
  }
}

/** Whether the known pixels hold no colour: then the fill has none either. */
function isGray({ pixels, known }) {
  let any = false;
  for (let i = 0; i < known.length; i++) {
    if (!known[i]) continue;
    any = true;
    const red = pixels[4 * i];
    if (pixels[4 * i + 1] !== red || pixels[4 * i + 2] !== red) return false;
  }
  return any;
}
