/** A picture that covers a box of the photo, with smaller copies for smaller scales. */

const SMALLEST_COPY = 1_000_000; // pixels

export class Layer {
  /** box: [left, top, right, bottom] in pixels of the photo, which the bitmap may have fewer of. */
  constructor(box, levels, url = null) {
    this.box = box;
    this.levels = levels; // the largest first; none while it is unloaded
    this.url = url;
  }

  static async load(url, box) {
    const layer = new Layer(box, [], url);
    await layer.load();
    return layer;
  }

  /** Frees the memory until load() is called. */
  unload() {
    if (!this.url) return;
    for (const level of this.levels) level.close();
    this.levels = [];
  }

  async load() {
    if (this.levels.length) return;
    const { url } = this;
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    const levels = [await createImageBitmap(await answer.blob())];
    for (let last = levels[0]; last.width * last.height > SMALLEST_COPY; ) {
      last = await createImageBitmap(last, {
        resizeWidth: Math.ceil(last.width / 2),
        resizeHeight: Math.ceil(last.height / 2),
        resizeQuality: "medium",
      });
      levels.push(last);
    }
    this.levels = levels;
  }

  /** The smallest copy that is at least `width` pixels wide, or the largest. */
  level(width) {
    return this.levels.findLast((level) => level.width >= width) ?? this.levels[0];
  }

  draw(context, view) {
    const [left, top, right, bottom] = this.box;
    const width = (right - left) * view.scale;
    const [x, y] = view.toStage(left, top);
    context.imageSmoothingEnabled = view.scale < 3;
    context.imageSmoothingQuality = "medium";
    drawVisible(context, this.level(width), x, y, width, (bottom - top) * view.scale);
  }
}

/** As drawImage, but reads what lies on the canvas only. */
function drawVisible(context, bitmap, x, y, width, height) {
  const [across, first, columns] = visible(x, width, context.canvas.width, bitmap.width);
  const [down, top, rows] = visible(y, height, context.canvas.height, bitmap.height);
  if (columns <= 0 || rows <= 0) return;
  context.drawImage(
    bitmap, first, top, columns, rows, // of the bitmap
    x + first * across, y + top * down, columns * across, rows * down,
  );
}

/** Canvas pixels for one of the bitmap, the first pixel of the bitmap in sight, and how many. */
function visible(start, length, canvas, pixels) {
  const factor = length / pixels;
  const first = Math.max(0, Math.floor(-start / factor) - 1);
  const last = Math.min(pixels, Math.ceil((canvas - start) / factor) + 1);
  return [factor, first, last - first];
}
