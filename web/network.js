/** The worker that holds the network, as promises. */

export class Network {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #settle = null; // { resolve, reject } of what runs
  #onProgress = () => {};

  constructor() {
    this.#worker.addEventListener("message", ({ data }) => this.#take(data));
    this.#worker.addEventListener("error", (event) =>
      this.#settle?.reject(new Error(event.message || "the network's files are missing")),
    );
  }

  /** Loads an ONNX file of `inpaint export`. Resolves to { threads }. */
  load(model, onProgress) {
    return this.#run({ kind: "load", model }, [], onProgress);
  }

  /** The pixels with their hole filled, an ImageData; null when it was cancelled. hole: Uint8Array. */
  async fill(image, hole, onProgress) {
    const { buffer: pixels } = image.data;
    const size = [image.height, image.width];
    const message = { kind: "fill", pixels, hole: hole.buffer, size };
    const answer = await this.#run(message, [pixels, hole.buffer], onProgress);
    if (answer.kind === "cancelled") return null;
    return new ImageData(new Uint8ClampedArray(answer.pixels), image.width, image.height);
  }

  /** Ends the fill after its tile. */
  cancel() {
    this.#worker.postMessage({ kind: "cancel" });
  }

  #run(message, transferred, onProgress) {
    this.#onProgress = onProgress;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#worker.postMessage(message, transferred);
    });
  }

  #take(answer) {
    if ("share" in answer) this.#onProgress(answer.share);
    else if (answer.kind === "failed") this.#settle.reject(new Error(answer.message));
    else this.#settle.resolve(answer);
  }
}
