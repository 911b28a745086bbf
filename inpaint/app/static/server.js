/** The photo on the server: the calls of one session. */

import { call, newName, Presence, upload } from "./api.js";
import { Layer } from "./layer.js";

/** The server has no such photo any more, as after it was started anew. */
export class Gone extends Error {}

export class Server {
  /** prefix: of the names of the calls. onMessage(text, kind) takes what the server remarks. */
  constructor(prefix, onMessage) {
    this.prefix = prefix;
    this.onMessage = onMessage;
    this.presence = new Presence();
    this.token = null;
  }

  /** Resolves to { name, width, height, layer } of a new session. */
  async open(file) {
    return this.#opened(await this.#call("open", {}, await upload(file, file.name)));
  }

  /** As open, with `mask`: a Layer, or undefined, and its `url`. */
  async openExample(index) {
    const answer = await this.#call("open_example", { index });
    const opened = await this.#opened(answer);
    if (answer.files[1]) Object.assign(opened, await this.#mask(answer.files[1].url, opened));
    return opened;
  }

  /** As open, for a session that there was before, with `fills`: a list of Layers. */
  async resume(token) {
    const answer = await this.#call("resume", { token });
    const fills = answer.values.boxes.map((box, i) => Layer.load(answer.files[i + 1].url, box));
    return { ...(await this.#opened(answer)), fills: await Promise.all(fills) };
  }

  /** Goes on with the session of `token`, and ends the one before; null for none. */
  use(token) {
    const before = this.token;
    this.token = token;
    if (before && before !== token) this.#call("close", { token: before }).catch(() => {});
  }

  /** A mask file as { url, mask }: a Layer in which what is marked is opaque. */
  async readMask(file, size) {
    const sent = await upload(file, file.name);
    const answer = await this.#call("read_mask", { token: this.token }, sent);
    return this.#mask(answer.files[0].url, size);
  }

  async maskAt(url, size) {
    return (await this.#mask(url, size)).mask;
  }

  /** The address of the mask as it would be filled. */
  async saveMask(mask, grow) {
    const sent = await upload(mask, "mask.png");
    const answer = await this.#call("save_mask", { token: this.token, grow }, sent);
    return { url: answer.files[0].url, name: answer.values.name };
  }

  /**
   * Fills where a mask is white, on top of `options.fills` fills.
   *
   * Resolves to { layer, oldest, quick }. onEvent: see api.js. signal cancels.
   */
  async fill(mask, options, { onEvent, signal }) {
    const job = newName();
    signal.addEventListener("abort", () => this.#call("cancel", { job }).catch(() => {}));
    const sent = await upload(mask, "mask.png", signal);
    const request = { ...options, token: this.token, job, visitor: this.presence.name };
    const { values, files } = await this.#call("fill", request, sent, { onEvent, signal });
    return { ...values, layer: await Layer.load(files[0].url, values.box) };
  }

  /** The address and the name of the photo with its first fills. */
  async save(fills) {
    const answer = await this.#call("save", { token: this.token, fills });
    return { url: answer.files[0].url, name: answer.values.name };
  }

  async #opened({ values, files }) {
    const { token, name, width, height, oldest = 0 } = values;
    const layer = await Layer.load(files[0].url, [0, 0, width, height]);
    return { token, name, width, height, oldest, layer };
  }

  async #mask(url, { width, height }) {
    return { url, mask: await Layer.load(url, [0, 0, width, height]) };
  }

  async #call(name, request, file, { onEvent, signal } = {}) {
    const remark = (message) => {
      if (message.msg === "log") this.onMessage(message.log, message.level);
      else onEvent?.(message);
    };
    const answer = await call(this.prefix + name, request, file, { onEvent: remark, signal });
    if (answer.values?.gone) throw new Gone();
    return answer;
  }
}
