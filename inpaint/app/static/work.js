/** The work at hand: what is opened, marked, undone, redone, saved, and kept over a reload. */

import { CallError, newName, OFFLINE } from "./api.js";
import { Fills } from "./fills.js";
import { History } from "./history.js";
import { maskOf } from "./marks.js";
import { Gone } from "./server.js";
import { Shot } from "./shot.js";
import { keepWork, keptWork } from "./store.js";

const GONE = "The photo is no longer on the server; please open it again.";
const REOPENED = "The server was started anew. Fills are gone, but your marks are back.";
const NOTHING_FOUND = "Nothing was found there; circle the whole thing, or draw along it.";
const NEAR = 0.3; // of an object's size: strokes within it correct the object
const CLOSED = 0.3; // gap of a circle, as a share of its length; as on the server
const KEEP_MS = 200; // from a change until it is kept

export class Work {
  shot = null; // the photo that is shown
  kept = true; // whether a reload brings all of it back
  pointing = Promise.resolve(); // until the latest stroke that points is answered
  #turn = 0; // of the photo that was asked for last: only that one is shown

  /**
   * view: { stage, progress, messages }. settings(): { style, grow, soft, weights, onRelease }.
   * onChange() is called after each change, onQuick(quick) after each fill.
   */
  constructor(server, view, settings, { onChange, onQuick }) {
    Object.assign(this, { server, view, settings, onChange });
    this.fills = new Fills(this, onQuick);
    window.addEventListener("pagehide", () => this.#keep());
    window.addEventListener("beforeunload", (event) => {
      if (this.unsaved && !this.kept) event.preventDefault();
    });
  }

  get photo() {
    return this.shot?.photo ?? null;
  }

  get history() {
    return this.shot?.history ?? new History();
  }

  get job() {
    return this.fills.job;
  }

  get unsaved() {
    return this.shot?.unsaved ?? false;
  }

  open(file) {
    return this.#open(() => this.server.open(file));
  }

  openExample(index) {
    return this.#open(() => this.server.openExample(index));
  }

  close() {
    this.cancel();
    this.#turn++;
    keepWork(null);
    this.#begin(null);
  }

  /** Takes up the work that this browser tab had before it was loaded again. */
  async resume() {
    const work = keptWork();
    if (!work?.token) return;
    await this.busy("Opening the photo again", async () => {
      const turn = this.#turn;
      const opened = await this.server.resume(work.token);
      const shot = new Shot(opened, () => Promise.reject(new Gone()));
      await shot.restore(work, opened, (mark) => this.server.layerOf(mark, opened));
      if (turn === this.#turn) this.#begin(shot);
    });
  }

  mark(mark) {
    this.#edit(mark);
    if (this.settings().onRelease && !mark.exclude && !mark.erase) this.fill();
  }

  /**
   * Marks the object that a stroke points at. A circle starts with another one, other strokes
   * correct the latest one if they are near it.
   */
  point(stroke) {
    this.view.stage.draft = stroke;
    this.pointing = this.pointing.then(() => this.#point(this.shot, stroke));
  }

  async #point(shot, stroke) {
    const object = corrected(shot.history.marks.at(-1), stroke);
    const { points, radius, erase } = stroke;
    const strokes = [...(object?.strokes ?? []), { points, radius, erase }];
    const { selectionGrow: grow, shadow } = this.settings();
    await this.busy("Finding the outline", async () => {
      const request = { strokes, grow, shadow, fills: shot.history.fills.length };
      const found = strokes.some((one) => !one.erase) && (await this.server.select(shot.photo, request));
      if (shot !== this.shot) return;
      if (found) this.#edit({ ...found, id: object?.id ?? newName(), strokes });
      else this.view.messages.show(NOTHING_FOUND);
    });
    if (this.view.stage.draft === stroke) this.view.stage.draft = null;
    this.view.stage.changed();
  }

  /** Nothing is marked. */
  clear() {
    const { marks, excluded } = this.history;
    if (marks.length || excluded.length) this.#edit({ kind: "clear" });
  }

  invert() {
    this.#edit({ kind: "invert" });
  }

  undo() {
    this.history.undo();
    this.changed();
  }

  redo() {
    this.history.redo();
    this.changed();
  }

  /** Shows the photo with its first fills. */
  goTo(fills) {
    this.history.goTo(fills);
    this.changed();
  }

  openMask(file) {
    const { shot } = this;
    return this.busy("Opening the mask", async () => {
      const { url, mask } = await this.server.readMask(shot.photo, file);
      if (shot === this.shot) this.#edit({ kind: "mask", url, layer: mask });
    });
  }

  saveMask() {
    const { history, photo } = this;
    return this.busy("Saving the mask", async () => {
      const mask = await maskOf(history.marks, photo);
      follow(await this.server.saveMask(photo.token, mask, this.settings().grow));
    });
  }

  download() {
    const { shot } = this;
    if (!shot) return undefined;
    const { latest, fills } = shot.history;
    return this.busy("Writing the photo", async () => {
      follow(await this.server.save(shot.photo.token, fills.length));
      shot.saved = latest;
    });
  }

  fill() {
    return this.shot && this.fills.fill(this.shot);
  }

  another() {
    return this.shot && this.fills.another(this.shot);
  }

  /** Puts a candidate of the latest fill in its place. */
  async choose(candidate) {
    const { shot } = this;
    const fill = shot.history.openFill;
    if (!fill?.candidates.includes(candidate) || fill.seed === candidate.seed) return;
    shot.history.choose(fill, candidate);
    this.changed();
    await this.busy("", () =>
      this.server.choose(shot.photo.token, shot.history.fills.length, candidate.seed));
  }

  cancel() {
    this.fills.cancel();
  }

  /** Shows what there is now, and keeps it. */
  changed() {
    const { stage } = this.view;
    this.fills.changed(this.history);
    stage.layers = this.shot?.layers ?? [];
    stage.marks = this.history.marks;
    stage.excluded = this.history.excluded;
    stage.changed();
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => this.#keep(), KEEP_MS);
    this.onChange();
  }

  /** Does what takes time; `text` tells of it. */
  async busy(text, action) {
    if (!this.job && text) this.view.progress.start(text);
    try {
      await action();
    } catch (error) {
      await this.failed(error);
    } finally {
      if (!this.job) this.view.progress.stop();
    }
  }

  async failed(error) {
    if (error.name === "AbortError") return;
    if (error instanceof Gone) return void (await this.#reopen());
    const known = error instanceof CallError;
    if (!known) console.error(error);
    this.view.messages.show(known ? error.message : OFFLINE, "error");
  }

  #edit(mark) {
    this.history.push({ kind: "mark", mark });
    this.changed();
  }

  async #open(load) {
    this.cancel();
    const turn = ++this.#turn;
    await this.busy("Opening the photo", async () => {
      const opened = await load();
      if (turn !== this.#turn) return void this.server.close(opened.token);
      this.#begin(new Shot(opened, load));
      if (opened.mask) this.#edit({ kind: "mask", url: opened.url, layer: opened.mask });
    });
  }

  #begin(shot) {
    if (this.shot) this.server.close(this.shot.photo.token);
    this.shot = shot;
    if (shot) this.view.stage.open([shot.photo.layer], shot.photo);
    this.changed();
  }

  /** Opens the photo on a server that does not know it any more; what was filled is marked. */
  async #reopen() {
    const { shot } = this;
    try {
      if (!shot?.source) throw new Gone();
      const opened = await shot.source();
      const { counting } = shot.history;
      shot.history = new History();
      for (const entry of counting) if (entry.mark) shot.history.push(entry);
      shot.photo = opened;
      this.view.messages.show(REOPENED, "warning");
      this.changed();
    } catch {
      keepWork(null);
      this.view.messages.show(GONE, "error");
    }
  }

  #keep() {
    clearTimeout(this.keeping);
    if (this.shot) this.kept = keepWork(this.shot.plain());
  }
}

/** The object that a stroke corrects, or null. */
function corrected(latest, { points, erase }) {
  if (latest?.kind !== "object") return null;
  if (erase) return latest;
  const [left, top, right, bottom] = latest.box;
  const [x, y] = [(right - left) * NEAR, (bottom - top) * NEAR];
  const near = points.some((value, i) =>
    i % 2 === 0 && value > left - x && value < right + x &&
    points[i + 1] > top - y && points[i + 1] < bottom + y);
  return near && !isCircle(points) ? latest : null;
}

/** Whether a stroke ends near where it began. */
function isCircle(points) {
  let length = 0;
  for (let i = 2; i < points.length; i += 2)
    length += Math.hypot(points[i] - points[i - 2], points[i + 1] - points[i - 1]);
  const gap = Math.hypot(points.at(-2) - points[0], points.at(-1) - points[1]);
  return length > 0 && gap < CLOSED * length;
}

function follow({ url, name }) {
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
}
