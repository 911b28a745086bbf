/** Damage that the server finds in the photo, and the bar that sets how much of it is marked. */

const ID = "damage"; // of its mark: one at a time
const NOTHING_FOUND = "No damage found. A higher sensitivity marks what is less certain.";
const DOUBTFUL = "So much looks damaged that most of it may not be; try a lower sensitivity.";

export class Damage {
  answered = Promise.resolve(); // when the latest request is
  #waiting = false; // whether a request has not begun yet, which then stands for later ones, too
  #place = null; // { shot, fills }: the photo that the bar is about

  /** work: see work.js. part(id): an element of the editor by its id. */
  constructor(work, part) {
    this.work = work;
    this.part = part;
    part("sensitivity").addEventListener("change", () => this.find());
  }

  /** Marks the damage of the photo that is shown, beside what is marked by hand. */
  find() {
    if (this.#waiting) return;
    this.#waiting = true;
    this.answered = this.answered.then(() => this.#find(this.work.shot));
  }

  /** Hides the bar; what is marked stays. */
  close() {
    this.#place = null;
    this.update();
  }

  /** Shows the bar as long as the photo is as it was when damage was looked for. */
  update() {
    const { shot, fills } = this.#place ?? {};
    if (shot !== this.work.shot || fills !== shot?.history.fills.length) this.#place = null;
    this.part("damage").hidden = this.#place === null;
    const mark = this.work.history.marks.find((one) => one.id === ID);
    this.part("damage_share").textContent = percent(mark?.share ?? 0);
  }

  async #find(shot) {
    const { work } = this;
    this.#waiting = false;
    if (!shot) return;
    const fills = shot.history.fills.length;
    const sensitivity = this.part("sensitivity").valueAsNumber;
    await work.busy("Looking for damage", async (task) => {
      const found = await work.server.findDamage(shot.photo, { fills, sensitivity }, task);
      if (shot !== work.shot || fills !== shot.history.fills.length) return;
      this.#place = { shot, fills };
      this.#mark(shot.history, found);
      if (!found.share) work.view.messages.show(NOTHING_FOUND);
      if (found.doubtful) work.view.messages.show(DOUBTFUL, "warning");
    });
  }

  /** One step for undo, however often the sensitivity is changed. */
  #mark(history, { mark, share }) {
    const { work } = this;
    const marked = history.marks.some((one) => one.id === ID);
    if (marked && history.latest.mark?.id === ID) history.undo();
    else if (!marked && !share) return work.changed();
    work.edit({ ...mark, share, id: ID });
  }
}

/** A share of the photo in words. */
function percent(share) {
  const value = 100 * share;
  if (value === 0) return "nothing marked";
  return `${value < 0.01 ? "below 0.01" : value.toFixed(value < 10 ? 2 : 1)} % marked`;
}
