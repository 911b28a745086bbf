/** The work on one photo: what is marked and filled, undone and redone, opened and saved. */

import { CallError, OFFLINE } from "./api.js";
import { History } from "./history.js";
import { maskOf } from "./marks.js";
import { Gone } from "./server.js";
import { keepWork, keptWork } from "./store.js";

const NOTHING_MARKED = "Nothing is marked yet: brush over what should go, then fill.";
const GONE = "The photo is no longer on the server; please open it again.";
const REOPENED = "The server was started anew. Fills are gone, but your marks are back.";
const KEEP_MS = 200; // from a change until it is kept

export class Work {
  history = new History();
  photo = null; // { name, width, height, layer } while one is open
  job = null; // the fill that runs
  kept = true; // whether a reload brings all of it back
  #saved = null; // what was the latest entry when the photo was downloaded
  #source = null; // opens the same photo again
  #turn = 0; // of the photo that was asked for last: only that one is shown

  /**
   * view: { stage, progress, messages }. settings(): { style, grow, soft, weights, onRelease }.
   * onChange() is called after each change, onQuick(quick) after each fill.
   */
  constructor(server, view, settings, { onChange, onQuick }) {
    Object.assign(this, { server, view, settings, onChange, onQuick });
    window.addEventListener("pagehide", () => this.#keep());
    window.addEventListener("beforeunload", (event) => {
      if (this.unsaved && !this.kept) event.preventDefault();
    });
  }

  get unsaved() {
    return this.photo !== null && this.history.at > 0 && this.history.latest !== this.#saved;
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
    await this.#busy("Opening the photo again", async () => {
      const turn = this.#turn;
      const opened = await this.server.resume(work.token);
      const entries = await this.#restored(work, opened);
      if (turn !== this.#turn) return;
      this.#begin(opened, () => Promise.reject(new Gone()));
      Object.assign(this.history, {
        entries, at: Math.min(work.at, entries.length), oldest: opened.oldest,
      });
      this.changed();
    });
  }

  mark(mark) {
    this.history.push({ kind: "mark", mark });
    this.changed();
    if (this.settings().onRelease) this.fill();
  }

  /** Nothing is marked. */
  clear() {
    if (this.history.marks.length) this.#edit({ kind: "clear" });
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

  openMask(file) {
    const { photo } = this;
    return this.#busy("Opening the mask", async () => {
      const { url, mask } = await this.server.readMask(file, photo);
      if (photo !== this.photo) return;
      this.#edit({ kind: "mask", url, layer: mask });
    });
  }

  saveMask() {
    return this.#busy("Saving the mask", async () => {
      const mask = await maskOf(this.history.marks, this.photo);
      follow(await this.server.saveMask(mask, this.settings().grow));
    });
  }

  download() {
    if (!this.photo) return undefined;
    const { latest, fills } = this.history;
    return this.#busy("Writing the photo", async () => {
      follow(await this.server.save(fills.length));
      this.#saved = latest;
    });
  }

  /** Fills what is marked; what is marked meanwhile stays. */
  async fill(seed = 0) {
    if (this.job || !this.photo) return;
    if (!this.history.marks.length) return void this.view.messages.show(NOTHING_MARKED, "error");
    const { at, entries } = this.history;
    const job = { at, before: entries.slice(0, at), abort: new AbortController() };
    this.job = job;
    this.onChange();
    this.view.progress.start("Sending", { cancellable: true });
    let filled = false;
    try {
      filled = this.#filled(job, await this.#fillOnServer(job, seed), seed);
    } catch (error) {
      await this.#failed(error);
    }
    if (this.job === job) this.#finish();
    if (filled && this.settings().onRelease && this.history.marks.length) await this.fill();
  }

  /** Another fill in the place of the latest one. */
  async another() {
    const { latest, at } = this.history;
    if (this.job || latest?.kind !== "fill" || !this.history.canUndo) return;
    this.undo();
    await this.fill(latest.seed + 1);
    if (this.history.at === at - 1 && this.history.entries[at - 1] === latest) this.redo();
  }

  cancel() {
    this.job?.abort.abort();
    if (this.job) this.#finish();
  }

  /** Shows what there is now, and keeps it. */
  changed() {
    const { stage } = this.view;
    stage.layers = this.#layers();
    stage.marks = this.history.marks;
    stage.changed();
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => this.#keep(), KEEP_MS);
    this.onChange();
  }

  #edit(mark) {
    this.history.push({ kind: "mark", mark });
    this.changed();
  }

  #layers() {
    if (!this.photo) return [];
    return [this.photo.layer, ...this.history.fills.map((fill) => fill.layer).filter(Boolean)];
  }

  async #open(load) {
    this.cancel();
    const turn = ++this.#turn;
    await this.#busy("Opening the photo", async () => {
      const opened = await load();
      if (turn !== this.#turn) return;
      this.#begin(opened, load);
      if (opened.mask) this.#edit({ kind: "mask", url: opened.url, layer: opened.mask });
    });
  }

  #begin(opened, source = null) {
    this.server.use(opened?.token ?? null);
    this.photo = opened;
    this.history = new History();
    this.#source = source;
    this.#saved = null;
    if (opened) this.view.stage.open([opened.layer], opened);
    this.changed();
  }

  async #fillOnServer({ abort }, seed) {
    const { marks, fills } = this.history;
    const { style, grow, soft, weights } = this.settings();
    const mask = await maskOf(marks, this.photo);
    const options = { style, grow, soft, weights, seed, fills: fills.length };
    const onEvent = (message) => abort.signal.aborted || this.view.progress.take(message);
    return this.server.fill(mask, options, { onEvent, signal: abort.signal });
  }

  /** Puts a fill into the history; false if what it was made of was undone meanwhile. */
  #filled({ at, before, abort }, { layer, oldest, quick }, seed) {
    const { history } = this;
    const undone = history.at < at || before.some((entry, i) => entry !== history.entries[i]);
    if (undone || abort.signal.aborted) return false;
    if (history.at === at) history.entries.length = at;
    history.insertFill({ kind: "fill", layer, seed }, at);
    history.oldest = oldest;
    this.changed();
    this.onQuick(quick);
    return true;
  }

  #finish() {
    this.job = null;
    this.view.progress.stop();
    this.onChange();
  }

  async #busy(text, work) {
    if (!this.job) this.view.progress.start(text);
    try {
      await work();
    } catch (error) {
      await this.#failed(error);
    } finally {
      if (!this.job) this.view.progress.stop();
    }
  }

  async #failed(error) {
    if (error.name === "AbortError") return;
    if (error instanceof Gone) return void (await this.#reopen());
    const known = error instanceof CallError;
    if (!known) console.error(error);
    this.view.messages.show(known ? error.message : OFFLINE, "error");
  }

  /** Opens the photo on a server that does not know it any more; what was filled is marked. */
  async #reopen() {
    try {
      if (!this.#source) throw new Gone();
      const opened = await this.#source();
      const { entries, at } = this.history;
      this.history = new History();
      for (const entry of entries.slice(0, at)) if (entry.mark) this.history.push(entry);
      this.photo = opened;
      this.server.use(opened.token);
      this.view.messages.show(REOPENED, "warning");
      this.changed();
    } catch {
      keepWork(null);
      this.view.messages.show(GONE, "error");
    }
  }

  #keep() {
    clearTimeout(this.keeping);
    if (!this.photo) return;
    const { entries, at } = this.history;
    this.kept = keepWork({ token: this.server.token, at, entries: entries.map(plain) });
  }

  /** Entries with their pictures, up to a fill that the server does not have. */
  async #restored({ entries }, { fills, oldest, width, height }) {
    const found = [];
    const joined = Math.max(0, oldest - 1);
    for (let entry of entries) {
      if (entry.kind === "fill") {
        const number = found.filter((one) => one.kind === "fill").length;
        if (number - joined >= fills.length) break;
        entry = { ...entry, layer: fills[number - joined] ?? null };
      } else if (entry.mark.kind === "mask") {
        const layer = await this.server.maskAt(entry.mark.url, { width, height });
        entry = { ...entry, mark: { ...entry.mark, layer } };
      }
      found.push(entry);
    }
    return found;
  }
}

function plain({ kind, seed, mark }) {
  if (kind === "fill") return { kind, seed };
  return mark.kind === "mask" ? { kind, mark: { kind: "mask", url: mark.url } } : { kind, mark };
}

function follow({ url, name }) {
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
}
