/** The photo that is open, its marks and fills, and what can be undone. */

import { boxOf, holeOf } from "./mask.js";
import { layerOf, patchOf, Photo } from "./photo.js";

const EMPTY = { marks: [], patches: [] };

export class Editor {
  photo = null;
  #states = [EMPTY]; // each { marks, patches }
  #now = 0; // number of the state that is shown
  #job = 0; // counts photos and fills, so that a late answer is known

  /** stage: of the app's stage.js. network: see network.js. onChange: called after each change. */
  constructor(stage, network, onChange) {
    Object.assign(this, { stage, network, onChange });
  }

  get state() {
    return this.#states[this.#now];
  }

  get canUndo() {
    return this.#now > 0;
  }

  get canRedo() {
    return this.#now + 1 < this.#states.length;
  }

  async open(file) {
    const job = ++this.#job;
    const photo = await Photo.open(file);
    if (job !== this.#job) return;
    this.photo = photo;
    this.#states = [EMPTY];
    this.#now = 0;
    this.stage.open([layerOf(photo.canvas)], photo.size);
    this.#show();
  }

  mark(mark) {
    this.#push({ ...this.state, marks: [...this.state.marks, mark] });
  }

  undo() {
    if (this.canUndo) this.#go(this.#now - 1);
  }

  redo() {
    if (this.canRedo) this.#go(this.#now + 1);
  }

  /** Fills what is marked; false when it was cancelled. Marks that are made meanwhile are kept. */
  async fill(onProgress) {
    const job = ++this.#job;
    const { marks, patches } = this.state;
    const { size } = this.photo;
    const hole = holeOf(marks, size);
    const box = boxOf(hole, size);
    if (!box) throw new Error("Nothing is marked: brush over what should go");
    if (!hole.includes(0)) throw new Error("All of the photo is marked: nothing is left to fill from");
    const image = await this.network.fill(this.photo.pixels(patches), hole, onProgress);
    if (!image || job !== this.#job) return false;
    const later = this.state.marks.slice(marks.length);
    this.#push({ marks: later, patches: [...patches, patchOf(image, box)] });
    return true;
  }

  save() {
    return this.photo.save(this.state.patches);
  }

  #push(state) {
    this.#states = [...this.#states.slice(0, this.#now + 1), state];
    this.#go(this.#now + 1);
  }

  #go(number) {
    this.#now = number;
    this.#show();
  }

  #show() {
    const { marks, patches } = this.state;
    const filled = patches.map(({ canvas, box }) => layerOf(canvas, box));
    this.stage.layers = [layerOf(this.photo.canvas), ...filled];
    this.stage.marks = marks;
    this.stage.changed();
    this.onChange();
  }
}
