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
    this.chosen = Promise.resolve(); // until the server has taken the latest choice
  }

  /** Resolves to { name, width, height, layer } of a new session. */
  async open(file) {
    return this.#opened(await this.#call("open", {}, [await upload(file, file.name)]));
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

  /** Ends the session of a token. */
  close(token) {
    this.#call("close", { token }).catch(() => {});
  }

  /** A mask file as { url, mask }: a Layer in which what is marked is opaque. */
  async readMask(photo, file) {
    const sent = await upload(file, file.name);
    const answer = await this.#call("read_mask", { token: photo.token }, [sent]);
    return this.#mask(answer.files[0].url, photo);
  }

  /** The Layer of a mark that has a `url`. */
  layerOf({ url, box }, { width, height }) {
    return Layer.load(url, box ?? [0, 0, width, height]);
  }

  /** The mark of the object that strokes point at, without its strokes, or null for none. */
  async select(photo, request) {
    const answer = await this.#call("select", { ...request, token: photo.token });
    return answer.values.box ? this.#object(answer, photo) : null;
  }

  /**
   * Damage of a photo with its first `request.fills` fills: { mark, share, doubtful }.
   *
   * It takes time if the photo was not looked at before. onEvent: see api.js.
   */
  async findDamage(photo, request, onEvent) {
    const asked = { ...request, token: photo.token, visitor: this.presence.name };
    let answer = await this.#call("mark_damage", asked);
    if (!answer.values.kept) answer = await this.#call("find_damage", asked, [], { onEvent });
    const { share, doubtful } = answer.values;
    return { mark: await this.#object(answer, photo), share, doubtful };
  }

  /** The address of the mask as it would be filled. */
  async saveMask(token, mask, grow) {
    const sent = await upload(mask, "mask.png");
    const answer = await this.#call("save_mask", { token, grow }, [sent]);
    return { url: answer.files[0].url, name: answer.values.name };
  }

  /**
   * Fills on top of `options.fills` fills.
   *
   * masks: PNGs, white = fill, and perhaps white = texture is not copied from here. Resolves to
   * { layer, oldest, quick }. onEvent: see api.js. signal cancels.
   */
  async fill(masks, options, { onEvent, signal }) {
    const job = newName();
    signal.addEventListener("abort", () => this.#call("cancel", { job }).catch(() => {}));
    await this.chosen;
    const sent = [];
    for (const mask of masks) sent.push(await upload(mask, "mask.png", signal));
    const request = { ...options, job, visitor: this.presence.name };
    const { values, files } = await this.#call("fill", request, sent, { onEvent, signal });
    return { ...values, layer: await Layer.load(files[0].url, values.box) };
  }

  /** Puts the candidate of `seed` in the place of the latest of `fills` fills. */
  choose(token, fills, seed) {
    const choosing = this.chosen.then(() => this.#call("choose", { token, fills, seed }));
    this.chosen = choosing.catch(() => {});
    return choosing;
  }

  /** The address and the name of a photo with its first fills. format: as in the settings. */
  save(token, fills, format) {
    return this.#save("save", { token, fills, format });
  }

  /** The same for a zip of several photos. shots: [{ token, fills }]. */
  saveAll(shots, format) {
    return this.#save("save_all", { shots, format });
  }

  async #save(name, request) {
    await this.chosen;
    const answer = await this.#call(name, request);
    return { url: answer.files[0].url, name: answer.values.name };
  }

  async #opened({ values, files }) {
    const { token, name, width, height, oldest = 0 } = values;
    const layer = await Layer.load(files[0].url, [0, 0, width, height]);
    return { token, name, width, height, oldest, layer };
  }

  async #mask(url, size) {
    return { url, mask: await this.layerOf({ url }, size) };
  }

  /** The mark of an outline or of damage. */
  async #object({ values: { box }, files: [{ url }] }, photo) {
    return { kind: "object", url, box, layer: await this.layerOf({ url, box }, photo) };
  }

  async #call(name, request, files = [], { onEvent, signal } = {}) {
    const remark = (message) => {
      if (message.msg === "log") this.onMessage(message.log, message.level);
      else onEvent?.(message);
    };
    const answer = await call(this.prefix + name, request, files, { onEvent: remark, signal });
    if (answer.values?.gone) throw new Gone();
    return answer;
  }
}
