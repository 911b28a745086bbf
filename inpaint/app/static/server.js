/**
 * The photo on the server: the calls of one session.
 *
 * task: takes what the server tells of a call, and cancels it; see tasks.js.
 */

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
    this.chosen = Promise.resolve(); // until the server has taken the latest choice
  }

  /** Resolves to { name, width, height, large, layer } of a new session. */
  async open(file, task) {
    const sent = await upload(file, file.name, task);
    return this.#begun(await this.#call("open", {}, task, [sent]), task);
  }

  /** As open, with `mask`: a Layer, or undefined, and its `url`. */
  async openExample(index, task) {
    const answer = await this.#call("open_example", { index }, task);
    const opened = await this.#begun(answer, task);
    if (answer.files[1]) Object.assign(opened, await this.#mask(answer.files[1].url, opened, task));
    return opened;
  }

  /** As open, for a session that there was before, with `fills`: a list of Layers. */
  async resume(token, task) {
    const answer = await this.#call("resume", { token }, task);
    const fills = answer.values.boxes.map((box, i) => Layer.load(answer.files[i + 1].url, box));
    return { ...(await this.#opened(answer, task)), fills: await Promise.all(fills) };
  }

  /** Ends the session of a token. */
  close(token) {
    this.#call("close", { token }).catch(() => {});
  }

  /** A mask file as { url, mask }: a Layer in which what is marked is opaque. */
  async readMask(photo, file, task) {
    const sent = await upload(file, file.name, task);
    const answer = await this.#call("read_mask", { token: photo.token }, task, [sent]);
    return this.#mask(answer.files[0].url, photo, task);
  }

  /** The Layer of a mark that has a `url`. */
  layerOf({ url, box }, { width, height }) {
    return Layer.load(url, box ?? [0, 0, width, height]);
  }

  /** The mark of the object that strokes point at, without its strokes, or null for none. */
  async select(photo, request, task) {
    const answer = await this.#call("select", { ...request, token: photo.token }, task);
    return answer.values.box ? this.#object(answer, photo, task) : null;
  }

  /**
   * Damage of a photo with its first `request.fills` fills: { mark, share, doubtful }.
   *
   * It takes time if the photo was not looked at before.
   */
  async findDamage(photo, request, task) {
    const asked = { ...request, token: photo.token };
    let answer = await this.#call("mark_damage", asked, { signal: task.signal });
    if (!answer.values.kept) answer = await this.#run(named("find_damage", photo), asked, task);
    const { share, doubtful } = answer.values;
    return { mark: await this.#object(answer, photo, task), share, doubtful };
  }

  /** The address of the mask as it would be filled. */
  async saveMask(token, mask, grow, task) {
    const sent = await upload(mask, "mask.png", { signal: task.signal });
    const answer = await this.#call("save_mask", { token, grow }, task, [sent]);
    return written(answer);
  }

  /**
   * Fills a photo on top of `options.fills` fills.
   *
   * masks: PNGs, white = fill, and perhaps white = texture is not copied from here. Resolves to
   * { layer, oldest, quick }.
   */
  async fill(photo, masks, options, task) {
    await this.chosen;
    const sent = [];
    for (const mask of masks) sent.push(await upload(mask, "mask.png", { signal: task.signal }));
    const asked = { ...options, token: photo.token };
    const { values, files } = await this.#run(named("fill", photo), asked, task, sent);
    return { ...values, layer: await this.#layer(files[0].url, values.box, task) };
  }

  /** Puts the candidate of `seed` in the place of the latest of `fills` fills. */
  choose(token, fills, seed) {
    const choosing = this.chosen.then(() => this.#call("choose", { token, fills, seed }));
    this.chosen = choosing.catch(() => {});
    return choosing;
  }

  /** The address and the name of a photo with its first fills. format: as in the settings. */
  async save(token, fills, format, task) {
    await this.chosen;
    return written(await this.#call("save", { token, fills, format }, task));
  }

  /** The same for a zip of several photos. shots: [{ token, fills }]. */
  async saveAll(shots, format, task) {
    await this.chosen;
    return written(await this.#run("save_all", { shots, format }, task));
  }

  /** As #opened, for a session that ends if the task is cancelled meanwhile. */
  #begun(answer, task) {
    return this.#opened(answer, task).catch((error) => {
      this.close(answer.values.token);
      throw error;
    });
  }

  async #opened({ values, files }, task) {
    const { token, name, width, height, large, oldest = 0 } = values;
    const layer = await this.#layer(files[0].url, [0, 0, width, height], task);
    return { token, name, width, height, large, oldest, layer };
  }

  async #mask(url, { width, height }, task) {
    return { url, mask: await this.#layer(url, [0, 0, width, height], task) };
  }

  /** The mark of an outline or of damage. */
  async #object({ values: { box }, files: [{ url }] }, photo, task) {
    return { kind: "object", url, box, layer: await this.#layer(url, box, task) };
  }

  /** A Layer, unless the task was cancelled meanwhile. */
  async #layer(url, box, { signal }) {
    const layer = await Layer.load(url, box);
    signal.throwIfAborted();
    return layer;
  }

  /** A call that ends on the server, too, once the task is cancelled. */
  async #run(name, request, task, files = []) {
    const job = newName();
    const cancel = () => this.#call("cancel", { job }).catch(() => {});
    task.signal.addEventListener("abort", cancel);
    try {
      return await this.#call(name, { ...request, job, visitor: this.presence.name }, task, files);
    } finally {
      task.signal.removeEventListener("abort", cancel);
    }
  }

  async #call(name, request, { onEvent, signal } = {}, files = []) {
    const remark = (message) => {
      if (message.msg === "log") this.onMessage(message.log, message.level);
      else onEvent?.(message);
    };
    const answer = await call(this.prefix + name, request, files, { onEvent: remark, signal });
    if (answer.values?.gone) throw new Gone();
    return answer;
  }
}

/** The call for a photo: those of large ones have a queue of their own. */
function named(call, { large }) {
  return large ? `${call}_large` : call;
}

function written({ values, files }) {
  return { url: files[0].url, name: values.name };
}
