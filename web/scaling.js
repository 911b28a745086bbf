/**
 * Images made smaller by area and larger by cubic interpolation, as OpenCV's INTER_AREA and
 * INTER_CUBIC do. An image is { data, channels, height, width }: Float32Array, one plane a channel.
 */

const CUBIC = -0.75; // the slope of OpenCV's kernel

/** The image at [height, width], which are at most its own: each pixel is the mean of its area. */
export function shrink(image, size) {
  return scaled(image, size, areaTaps);
}

/** The image at [height, width], by cubic interpolation. */
export function enlarge(image, size) {
  return scaled(image, size, cubicTaps);
}

function scaled({ data, channels, height, width }, [rows, columns], tapsOf) {
  const [down, across] = [tapsOf(height, rows), tapsOf(width, columns)];
  const narrow = new Float32Array(channels * height * columns);
  for (let line = 0; line < channels * height; line++)
    for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (const [source, weight] of across[x]) sum += weight * data[line * width + source];
      narrow[line * columns + x] = sum;
    }
  const result = new Float32Array(channels * rows * columns);
  for (let channel = 0; channel < channels; channel++)
    for (let y = 0; y < rows; y++) {
      const start = (channel * rows + y) * columns;
      for (const [source, weight] of down[y]) {
        const line = (channel * height + source) * columns;
        for (let x = 0; x < columns; x++) result[start + x] += weight * narrow[line + x];
      }
    }
  return { data: result, channels, height: rows, width: columns };
}

/** For each of `count` pixels what of `length` ones it is made of: [[index, weight], ...]. */
function areaTaps(length, count) {
  const scale = length / count;
  return Array.from({ length: count }, (_, i) => {
    const [start, stop] = [i * scale, Math.min((i + 1) * scale, length)];
    const taps = [];
    for (let source = Math.floor(start); source < Math.ceil(stop - 1e-3); source++) {
      const part = Math.min(source + 1, stop) - Math.max(source, start);
      if (part > 1e-3) taps.push([source, part / (stop - start)]);
    }
    return taps;
  });
}

function cubicTaps(length, count) {
  const scale = length / count;
  return Array.from({ length: count }, (_, i) => {
    const place = (i + 0.5) * scale - 0.5;
    const first = Math.floor(place);
    return [-1, 0, 1, 2].map((step) => [
      Math.min(Math.max(first + step, 0), length - 1),
      cubicKernel(Math.abs(place - first - step)),
    ]);
  });
}

function cubicKernel(distance) {
  if (distance <= 1) return ((CUBIC + 2) * distance - (CUBIC + 3)) * distance * distance + 1;
  return ((CUBIC * distance - 5 * CUBIC) * distance + 8 * CUBIC) * distance - 4 * CUBIC;
}
