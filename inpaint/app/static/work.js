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

  /**
   * view: { stage, messages }. tasks: see tasks.js. settings(): values of the options, see options.js.
   * onChange() is called after each change, onQuick(quick) after each fill.
   */
  constructor(server, view, tasks, settings, { onChange, onQuick }) {
    Object.assign(this, { server, view, tasks, settings, onChange });
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
    return this.#open(Array.from(files, (file) => (task) => this.server.open(file, task)));
  }

  openExample(index) {
    return this.#open([(task) => this.server.openExample(index, task)]);
  }

  /** Closes all photos. */
  close() {
    this.tasks.cancelAll();
    this.#turn++;
    keepWork(null);
    for (const { photo } of this.album.shots) this.server.close(photo.token);
    this.album = new Album();
    this.changed();
  }

  /** Closes one photo of several. */
  async closeShot(shot) {
    if (this.job?.shot === shot) this.fills.cancel();
    const next = this.album.remove(shot);
    this.server.close(shot.photo.token);
    if (this.shot || !next) this.changed();
    else await this.show(next);
  }

  /** Shows another one of the photos that are open. */
  show(shot) {
    return this.busy(shot.loaded ? "" : "Opening the photo", async (task) => {
      await this.album.show(shot, task);
      if (this.shot !== shot) return;
      this.view.stage.open(shot.layers, shot.photo);
      this.changed();
    });
  }

  /** Restores the work that this browser tab had before it was loaded again. */
  async resume() {
    const work = keptWork();
    if (!work?.shots?.length) return;
    for (const [i, plain] of work.shots.entries())
      await this.busy("Opening the photo again", async (task) => {
        const shot = await this.#resumed(plain, task);
        this.album.add(shot);
        if (i === work.shown || !this.shot) await this.show(shot);
        else this.changed();
      }, []);
  }

  async #resumed(plain, task) {
    const opened = await this.server.resume(plain.token, task);
    const shot = new Shot(opened);
    await shot.restore(plain, opened, (mark) => this.server.layerOf(mark, opened));
    task.signal.throwIfAborted();
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
    return this.busy("Opening the mask", async (task) => {
      const { url, mask } = await this.server.readMask(shot.photo, file, task);
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

  /** Ends what the status line tells of. */
  cancel() {
    this.tasks.cancel();
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
    const task = this.tasks.start(text);
    try {
      await action(task);
    } catch (error) {
      await this.failed(error, shots);
    } finally {
      this.tasks.end(task);
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
    const turn = ++this.#turn;
    await this.busy("Opening the photo", async (task) => {
      for (const [i, load] of loads.entries()) {
        const one = loads.length > 1 ? task.part("Opening photo", i, loads.length) : task;
        try {
          await this.#add(new Shot(await load(one), load), turn);
        } catch (error) {
          task.signal.throwIfAborted();
          await this.failed(error, []);
        }
      }
    }, []);
  }

  /** Shows a photo that was opened if it is the first one of its turn. */
  async #add(shot, turn) {
    const { url, mask } = shot.photo;
    if (mask) shot.history.push({ kind: "mark", mark: { kind: "mask", url, layer: mask } });
    this.album.add(shot);
    if (!this.shot || (turn === this.#turn && this.#shownTurn !== turn)) {
      this.#shownTurn = turn;
      await this.show(shot);
    } else this.changed();
  }

  /** Opens photos once more on a server that has lost them; their fills become marks again. */
  async #reopen(shots) {
    const open = shots.filter((shot) => this.album.shots.includes(shot));
    if (shots.length && !open.length) return; // closed meanwhile
    const task = this.tasks.start("Opening the photo again");
    let gone = shots.length === 0;
    for (const shot of open)
      try {
        if (!shot.source) throw new Gone();
        shot.photo = await shot.source(task);
        const { counting } = shot.history;
        shot.history = new History();
        for (const entry of counting) if (entry.mark) shot.history.push(entry);
      } catch {
        gone = true;
      }
    this.tasks.end(task);
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
