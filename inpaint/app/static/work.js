/** The photos that are open and their marks: opened, marked, undone, redone, kept over a reload. */

import { Album } from "./album.js";
import { CallError, OFFLINE } from "./api.js";
import { Fills } from "./fills.js";
import { History } from "./history.js";
import { Gone } from "./server.js";
import { Shot } from "./shot.js";
import { keepWork, keptWork } from "./store.js";

const GONE = "The photo is no longer on the server; please open it again.";
const REOPENED = "The server was started anew. Fills are gone, but your marks are back.";
const KEEP_MS = 200; // from a change until it is kept

export class Work {
  album = new Album();
  kept = true; // whether a reload brings all of it back
  #turn = 0; // counts calls of open: of the latest one, the first photo is shown
  #shownTurn = 0; // the latest call whose first photo was shown
  #generation = 0; // counts calls of close: photos that were asked for before it are not opened

  /**
   * view: { stage, progress, messages }. settings(): values of the options, see options.js.
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

  /** The photo that is shown. */
  get shot() {
    return this.album.shot;
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
    return this.album.unsaved;
  }

  /** Opens photos beside those that are open, and shows the first of them. */
  open(files) {
    return this.#open(Array.from(files, (file) => () => this.server.open(file)));
  }

  openExample(index) {
    return this.#open([() => this.server.openExample(index)]);
  }

  /** Closes all photos. */
  close() {
    this.cancel();
    this.#turn++;
    this.#generation++;
    keepWork(null);
    for (const { photo } of this.album.shots) this.server.close(photo.token);
    this.album = new Album();
    this.changed();
  }

  /** Closes one photo of several. */
  async closeShot(shot) {
    if (this.job?.shot === shot) this.cancel();
    const next = this.album.remove(shot);
    this.server.close(shot.photo.token);
    if (this.shot || !next) this.changed();
    else await this.show(next);
  }

  /** Shows another one of the photos that are open. */
  show(shot) {
    return this.busy(shot.loaded ? "" : "Opening the photo", async () => {
      await this.album.show(shot);
      if (this.shot !== shot) return;
      this.view.stage.open(shot.layers, shot.photo);
      this.changed();
    });
  }

  /** Restores the work that this browser tab had before it was loaded again. */
  async resume() {
    const work = keptWork();
    if (!work?.shots?.length) return;
    const generation = this.#generation;
    for (const [i, plain] of work.shots.entries())
      await this.busy("Opening the photo again", async () => {
        const shot = await this.#resumed(plain);
        if (generation !== this.#generation) return;
        this.album.add(shot);
        if (i === work.shown || !this.shot) await this.show(shot);
        else this.changed();
      }, []);
  }

  async #resumed(plain) {
    const opened = await this.server.resume(plain.token);
    const shot = new Shot(opened);
    await shot.restore(plain, opened, (mark) => this.server.layerOf(mark, opened));
    return shot;
  }

  mark(mark) {
    this.edit(mark);
    if (this.settings().onRelease && !mark.exclude && !mark.erase) this.fill();
  }

  /** Nothing is marked. */
  clear() {
    const { marks, excluded } = this.history;
    if (marks.length || excluded.length) this.edit({ kind: "clear" });
  }

  invert() {
    this.edit({ kind: "invert" });
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
      if (shot === this.shot) this.edit({ kind: "mask", url, layer: mask });
    });
  }

  fill() {
    return this.shot && this.fills.fill(this.shot);
  }

  fillAll() {
    return this.fills.fillAll(this.album.shots);
  }

  /** Marks all other photos of the same size like this one. */
  markAll() {
    const { photo, history } = this;
    const { marks } = history;
    const others = this.album.shots.filter((shot) =>
      shot !== this.shot && shot.photo.width === photo.width && shot.photo.height === photo.height);
    for (const { history: other } of others) {
      other.push({ kind: "mark", mark: { kind: "clear" } });
      for (const mark of marks) other.push({ kind: "mark", mark });
    }
    this.changed();
    const { length } = others;
    this.view.messages.show(`${length} other photo${length === 1 ? "" : "s"} of this size marked.`);
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

  /** Shows the present state, and keeps it. */
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

  /** Runs an action that takes time and concerns `shots`; `text` is shown meanwhile. */
  async busy(text, action, shots = [this.shot]) {
    if (!this.job && text) this.view.progress.start(text, { working: text });
    try {
      await action();
    } catch (error) {
      await this.failed(error, shots);
    } finally {
      if (!this.job) this.view.progress.stop();
    }
  }

  async failed(error, shots) {
    if (error.name === "AbortError") return;
    if (error instanceof Gone) return void (await this.#reopen(shots));
    const known = error instanceof CallError;
    if (!known) console.error(error);
    this.view.messages.show(known ? error.message : OFFLINE, "error");
  }

  /** Adds a mark to the photo. */
  edit(mark) {
    this.history.push({ kind: "mark", mark });
    this.changed();
  }

  async #open(loads) {
    const [turn, generation] = [++this.#turn, this.#generation];
    for (const [i, load] of loads.entries()) {
      const which = loads.length > 1 ? `photo ${i + 1} of ${loads.length}` : "the photo";
      await this.busy(`Opening ${which}`, async () => {
        const opened = await load();
        if (generation !== this.#generation) return void this.server.close(opened.token);
        const shot = new Shot(opened, load);
        const { url, mask } = opened;
        if (mask) shot.history.push({ kind: "mark", mark: { kind: "mask", url, layer: mask } });
        this.album.add(shot);
        if (!this.shot || (turn === this.#turn && this.#shownTurn !== turn)) {
          this.#shownTurn = turn;
          await this.show(shot);
        } else this.changed();
      });
      if (generation !== this.#generation) return;
    }
  }

  /** Opens photos once more on a server that has lost them; their fills become marks again. */
  async #reopen(shots) {
    let gone = shots.length === 0;
    for (const shot of shots)
      try {
        if (!shot?.source) throw new Gone();
        shot.photo = await shot.source();
        const { counting } = shot.history;
        shot.history = new History();
        for (const entry of counting) if (entry.mark) shot.history.push(entry);
      } catch {
        gone = true;
      }
    if (gone) keepWork(null);
    this.view.messages.show(gone ? GONE : REOPENED, gone ? "error" : "warning");
    this.changed();
  }

  #keep() {
    clearTimeout(this.keeping);
    const { shots, shot } = this.album;
    if (!shots.length) return;
    const work = { shots: shots.map((one) => one.plain()), shown: shots.indexOf(shot) };
    this.kept = keepWork(work);
  }
}
