/** A photo at its full size: opened, read, patched, saved. All of it stays in this browser. */

const JPEG_QUALITY = 0.95;
const PROBE = [51, 102, 204, 255];

export class Photo {
  /** canvas: of the photo's size. file: the name and type it is saved with. */
  constructor(canvas, file) {
    this.canvas = canvas;
    this.file = file;
  }

  /** Raises an Error with a text for people. */
  static async open(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      throw new Error(`${file.name} is no picture that this browser opens`);
    }
    const canvas = canvasOf(bitmap.width, bitmap.height);
    const context = contextOf(canvas);
    if (!holds(context, canvas)) {
      const megapixels = Math.round((canvas.width * canvas.height) / 1e6);
      throw new Error(
        `This browser cannot hold a photo of ${megapixels} megapixels, or does not let pages read it`,
      );
    }
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return new Photo(canvas, { name: file.name, type: file.type });
  }

  get size() {
    return { width: this.canvas.width, height: this.canvas.height };
  }

  /** The photo with patches on it, as ImageData. */
  pixels(patches) {
    const { width, height } = this.size;
    return contextOf(this.#with(patches)).getImageData(0, 0, width, height);
  }

  /** The photo with patches on it as a file: { blob, name }. JPEGs stay such, others become PNG. */
  async save(patches) {
    const type = this.file.type === "image/jpeg" ? "image/jpeg" : "image/png";
    const canvas = this.#with(patches);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, JPEG_QUALITY));
    if (!blob) throw new Error("This browser could not encode the photo");
    const stem = this.file.name.replace(/\.[^.]*$/, "");
    return { blob, name: `${stem}_filled.${type === "image/jpeg" ? "jpg" : "png"}` };
  }

  #with(patches) {
    if (!patches.length) return this.canvas;
    const canvas = canvasOf(this.canvas.width, this.canvas.height);
    const context = contextOf(canvas);
    context.drawImage(this.canvas, 0, 0);
    for (const { canvas: patch, box } of patches) context.drawImage(patch, box[0], box[1]);
    return canvas;
  }
}

/** What a fill changed: the pixels of a box, [left, top, right, bottom], of an ImageData. */
export function patchOf(image, box) {
  const [left, top, right, bottom] = box;
  const canvas = canvasOf(right - left, bottom - top);
  contextOf(canvas).putImageData(image, -left, -top, left, top, right - left, bottom - top);
  return { canvas, box };
}

/** A layer of the stage. box: where the canvas lies in the photo. */
export function layerOf(canvas, [left, top] = [0, 0]) {
  return {
    draw(context, view) {
      const [x, y] = view.toStage(left, top);
      context.imageSmoothingEnabled = view.scale < 3;
      context.imageSmoothingQuality = "medium";
      context.drawImage(canvas, x, y, canvas.width * view.scale, canvas.height * view.scale);
    },
  };
}

export function canvasOf(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

export function contextOf(canvas) {
  return canvas.getContext("2d", { willReadFrequently: true });
}

/** Whether what is drawn can be read again: too large canvases are empty, some browsers lie. */
function holds(context, { width, height }) {
  context.fillStyle = `rgb(${PROBE.slice(0, 3).join(" ")})`;
  context.fillRect(width - 1, height - 1, 1, 1);
  let read = [];
  try {
    read = context.getImageData(width - 1, height - 1, 1, 1).data;
  } catch {
    return false;
  }
  context.clearRect(0, 0, width, height);
  return PROBE.every((value, i) => read[i] === value);
}
