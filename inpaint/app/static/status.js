/** What the page tells: messages, and how far a fill is. */

const SHOWN_MS = 8000; // how long a message stays
const LEAST_MS = 1000; // of filling, before the time that is left is told
const SMOOTHING = 0.3; // weight of the newest estimate of the time that is left

/** Shows messages one below the other; errors stay until they are closed. */
export class Messages {
  constructor(element) {
    this.element = element;
  }

  show(text, kind = "info") {
    const message = document.createElement("div");
    message.className = `message ${kind}`;
    message.setAttribute("role", kind === "error" ? "alert" : "status");
    message.append(Object.assign(document.createElement("span"), { textContent: text }));
    const close = Object.assign(document.createElement("button"), { textContent: "×" });
    close.setAttribute("aria-label", "Close message");
    close.addEventListener("click", () => message.remove());
    message.append(close);
    this.element.append(message);
    if (kind !== "error") setTimeout(() => message.remove(), SHOWN_MS);
  }

  clear() {
    this.element.replaceChildren();
  }
}

/** The line that tells of work that takes time. */
export class Progress {
  #left = null; // seconds

  /** element: holds .text and progress. */
  constructor(element) {
    this.element = element;
    this.text = element.querySelector(".text");
    this.bar = element.querySelector("progress");
  }

  /**
   * prefix: stands before each text, such as which of several photos it is. working: the text from
   * when the server works on it.
   */
  start(text, { cancellable = false, prefix = "", working = "Filling" } = {}) {
    this.working = working;
    this.#left = null;
    this.started = null;
    this.prefix = prefix;
    this.#tell(text);
    this.bar.removeAttribute("value");
    this.element.querySelector("button").hidden = !cancellable;
    this.element.hidden = false;
  }

  stop() {
    this.element.hidden = true;
  }

  /** Takes a message of Gradio's queue. */
  take(message) {
    if (message.msg === "estimation") this.#wait(message.rank);
    if (message.msg === "process_starts") {
      this.started = performance.now();
      this.#tell(this.working);
    }
    const share = message.progress_data?.[0]?.progress;
    if (message.msg === "progress" && Number.isFinite(share)) this.#advance(share);
  }

  #wait(before) {
    if (this.started === null && before > 0)
      this.#tell(`Waiting: ${before} before you`);
    else if (this.started === null) this.#tell("Waiting: you are next");
  }

  #advance(share) {
    this.started ??= performance.now();
    this.bar.value = share;
    const spent = performance.now() - this.started;
    const percent = `Filling: ${Math.floor(100 * share)} %`;
    if (spent < LEAST_MS || share < 0.02) this.#tell(percent);
    else this.#tell(`${percent}, ${this.#estimate(spent / 1000, share)}`);
  }

  #tell(text) {
    this.text.textContent = this.prefix + text;
  }

  #estimate(spent, share) {
    const estimate = (spent * (1 - share)) / share;
    this.#left = this.#left === null ? estimate
      : SMOOTHING * estimate + (1 - SMOOTHING) * this.#left;
    const seconds = Math.ceil(this.#left);
    return seconds < 100 ? `about ${seconds} s left` : `about ${Math.ceil(seconds / 60)} min left`;
  }
}
