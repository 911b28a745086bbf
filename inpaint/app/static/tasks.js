/** Work that takes time: what the status line tells of it, and how it is cancelled. */

const LEAST_MS = 1000; // of work, before the time that is left is told
const LEAST_SHARE = 0.02; // that is done before then
const SMOOTHING = 0.3; // weight of the newest estimate of the time that is left

/** One piece of work. Server calls take it for its `signal`, `onEvent` and `onShare`. */
export class Task {
  text = ""; // as it is shown
  share = null; // that is done, 0 to 1, or null while nothing is known of it
  #abort = new AbortController();
  #left = null; // seconds
  #started = null;

  /**
   * text: what is done first. working: what the server then does. prefix: stands before each text,
   * such as which of several photos it is. urgent: shown before others.
   */
  constructor(text, { working = text, prefix = "", urgent = false, onChange }) {
    Object.assign(this, { working, prefix, urgent, onChange, doing: text, text: prefix + text });
    this.onEvent = (message) => this.#take(message);
    this.onShare = (share) => this.advance(share);
  }

  get signal() {
    return this.#abort.signal;
  }

  get cancelled() {
    return this.signal.aborted;
  }

  cancel() {
    this.#abort.abort();
  }

  /** Goes on with something else. */
  begin(text) {
    Object.assign(this, { doing: text, share: null });
    this.#left = this.#started = null;
    this.#tell(text);
  }

  /** Goes on with one of several things that are done one after the other; what its calls take. */
  part(text, index, count) {
    this.doing = `${text} ${index + 1} of ${count}`;
    this.advance(index / count);
    return { signal: this.signal };
  }

  /** share: that is done, 0 to 1. */
  advance(share) {
    this.share = share;
    this.#started ??= performance.now();
    const spent = performance.now() - this.#started;
    const told = `${this.doing}: ${Math.floor(100 * share)}\u00a0%`;
    const early = spent < LEAST_MS || share < LEAST_SHARE;
    this.#tell(early ? told : `${told}, ${this.#estimate(spent / 1000, share)}`);
  }

  /** Takes a message of Gradio's queue. */
  #take(message) {
    if (message.msg === "estimation") this.#wait(message.rank);
    if (message.msg === "process_starts") this.begin(this.working);
    const share = message.progress_data?.[0]?.progress;
    if (message.msg === "progress" && Number.isFinite(share)) this.advance(share);
  }

  #wait(before) {
    this.#tell(before > 0 ? `Waiting: ${before} before you` : "Waiting: you are next");
  }

  #tell(text) {
    if (this.cancelled) return;
    this.text = this.prefix + text;
    this.onChange();
  }

  #estimate(spent, share) {
    const estimate = (spent * (1 - share)) / share;
    this.#left = this.#left === null ? estimate
      : SMOOTHING * estimate + (1 - SMOOTHING) * this.#left;
    const seconds = Math.ceil(this.#left);
    return seconds < 100 ? `about ${seconds} s left` : `about ${Math.ceil(seconds / 60)} min left`;
  }
}

/** The tasks that run, and the line that tells of one of them. */
export class Tasks {
  #running = []; // the latest last

  /** element: holds .text, progress and a button. */
  constructor(element) {
    this.element = element;
    this.text = element.querySelector(".text");
    this.bar = element.querySelector("progress");
  }

  /** options: as for a Task. */
  start(text, options = {}) {
    const task = new Task(text, { ...options, onChange: () => this.#show() });
    this.#running.push(task);
    this.#show();
    return task;
  }

  end(task) {
    this.#running = this.#running.filter((one) => one !== task);
    this.#show();
  }

  /** Cancels the task that is shown. */
  cancel() {
    const task = this.#shown;
    if (!task) return;
    task.cancel();
    this.end(task);
  }

  cancelAll() {
    for (const task of this.#running) task.cancel();
    this.#running = [];
    this.#show();
  }

  /** The latest urgent task that has a text, or else the latest one. */
  get #shown() {
    const told = this.#running.filter((task) => task.text);
    return told.findLast((task) => task.urgent) ?? told.at(-1);
  }

  #show() {
    const task = this.#shown;
    this.element.hidden = !task;
    if (!task) return;
    this.text.textContent = task.text;
    if (task.share === null) this.bar.removeAttribute("value");
    else this.bar.value = task.share;
  }
}
