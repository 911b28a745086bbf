/** Fills of marked photos, one at a time: started and cancelled, and candidates of the latest. */

import { maskOf } from "./marks.js";

export const MOST_CANDIDATES = 4; // as many as the server keeps

const NOTHING_MARKED = "Nothing is marked yet: brush over what should go, then fill.";

export class Fills {
  job = null; // { task, shot, fill } of what runs; fill: the one that candidates are made for

  /** work: see work.js. onQuick(quick) is called after each fill. */
  constructor(work, onQuick) {
    this.work = work;
    this.onQuick = onQuick;
  }

  /** Fills what is marked; what is marked meanwhile stays. */
  async fill(shot, { all = "" } = {}) {
    const { work } = this;
    if (this.job) return;
    if (!shot.history.marks.length) return void work.view.messages.show(NOTHING_MARKED, "error");
    const { at, counting, fills } = shot.history;
    const request = { marks: shot.history.marks, fills: fills.length, seed: 0 };
    const filled = await this.#run({ shot, text: all }, async (job) => {
      const answer = await this.#onServer(shot, request, job);
      const { history } = shot;
      const undone = history.at < at || counting.some((one, i) => one !== history.entries[i]);
      if (undone || job.task.cancelled) return false;
      if (history.at === at) history.entries.length = at;
      history.insertFill(fillOf(answer, request.seed), at);
      history.oldest = answer.oldest;
      work.changed();
      this.onQuick(answer.quick);
      return true;
    });
    const again = filled && !all && work.shot === shot && shot.history.marks.length;
    if (again && work.settings().onRelease) await this.fill(shot);
    return filled;
  }

  /** Fills the photos that have marks, until one is cancelled or fails. */
  async fillAll(shots) {
    const marked = shots.filter((shot) => shot.history.marks.length);
    if (!marked.length) return void this.work.view.messages.show(NOTHING_MARKED, "error");
    for (const [i, shot] of marked.entries())
      if (!(await this.fill(shot, { all: `${i + 1} of ${marked.length}. ` }))) return;
  }

  /** Makes candidates of the latest fill, up to MOST_CANDIDATES. */
  async another(shot) {
    const fill = shot.history.openFill;
    if (this.job || !fill || !shot.history.canUndo) return;
    for (let more = true; more && fill.candidates.length < MOST_CANDIDATES; ) {
      const text = `Candidate ${fill.candidates.length + 1} of ${MOST_CANDIDATES}. `;
      more = await this.#run({ shot, fill, text }, (job) => this.#addCandidate(shot, fill, job));
    }
  }

  cancel() {
    this.job?.task.cancel();
  }

  async #addCandidate(shot, fill, job) {
    const { history } = shot;
    const seed = Math.max(...fill.candidates.map((one) => one.seed)) + 1;
    const request = { marks: history.marksOf(fill), fills: history.fills.length - 1, seed };
    const answer = await this.#onServer(shot, { ...request, candidate: true }, job);
    if (history.openFill !== fill || job.task.cancelled) return false;
    fill.candidates.push({ layer: answer.layer, seed });
    this.work.changed();
    return true;
  }

  /** Candidates are for the latest fill only. */
  changed(history) {
    if (this.job?.fill && this.job.fill !== history.openFill) this.cancel();
  }

  async #run({ shot, fill = null, text = "" }, action) {
    const { work } = this;
    const task = work.tasks.start("Sending", { working: "Filling", prefix: text, urgent: true });
    const job = { task, shot, fill };
    task.signal.addEventListener("abort", () => this.#finish(job));
    this.job = job;
    work.onChange();
    try {
      return await action(job);
    } catch (error) {
      await work.failed(error, [shot]);
      return false;
    } finally {
      this.#finish(job);
    }
  }

  async #onServer(shot, { marks, ...request }, { task }) {
    const { photo, history } = shot;
    const { style, grow, soft, weights } = this.work.settings();
    const masks = [await maskOf(marks, photo)];
    if (history.excluded.length) masks.push(await maskOf(history.excluded, photo));
    const options = { ...request, style, grow, soft, weights };
    return this.work.server.fill(photo, masks, options, task);
  }

  #finish(job) {
    if (this.job !== job) return;
    this.job = null;
    this.work.tasks.end(job.task);
    this.work.onChange();
  }
}

function fillOf({ layer }, seed) {
  return { kind: "fill", layer, seed, candidates: [{ layer, seed }] };
}
