/**
 * Turns pointers and the wheel into gestures: one finger or the mouse uses the tool; two fingers,
 * the middle button and a held space bar move the photo. Two fingers never paint.
 */

const WHEEL = 0.0015; // of the logarithm of the scale, for one pixel of the wheel
const PINCH = 0.01; // the same for a touchpad's pinch
const LINE = 33; // pixels of the wheel for one line

export class Gestures {
  spaceHeld = false;
  #pointers = new Map(); // id: [x, y] in CSS pixels of the stage
  #mode = null; // "tool", "pan", "pinch", or "over" until all fingers are lifted

  /**
   * actions: begin(x, y), move(points), end(), cancel() of the tool; pan(dx, dy),
   * zoom(factor, x, y), hover(x, y), leave(), and isHand(): whether the tool moves the photo. All in
   * CSS pixels of the stage.
   */
  constructor(stage, actions) {
    this.stage = stage;
    this.actions = actions;
    const listen = (kind, action, options) => stage.addEventListener(kind, action, options);
    listen("pointerdown", (event) => this.#down(event));
    listen("pointermove", (event) => this.#move(event));
    listen("pointerup", (event) => this.#up(event, false));
    listen("pointercancel", (event) => this.#up(event, true));
    listen("pointerleave", () => this.#mode ?? actions.leave());
    listen("wheel", (event) => this.#wheel(event), { passive: false });
    listen("contextmenu", (event) => event.preventDefault());
  }

  /** Ends the stroke that is being drawn, without a mark. */
  abort() {
    if (this.#mode !== "tool") return;
    this.#mode = "over";
    this.actions.cancel();
  }

  #place(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #down(event) {
    if (event.pointerType === "mouse" && event.button > 1) return;
    event.preventDefault();
    this.stage.focus({ preventScroll: true });
    this.stage.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#place(event));
    if (this.#pointers.size === 1) {
      const pans = event.button === 1 || this.spaceHeld || this.actions.isHand();
      this.#mode = pans ? "pan" : "tool";
      if (!pans) this.actions.begin(...this.#place(event));
    } else {
      if (this.#mode === "tool") this.actions.cancel();
      this.#mode = this.#pointers.size === 2 ? "pinch" : "over";
    }
  }

  #move(event) {
    const place = this.#place(event);
    const last = this.#pointers.get(event.pointerId);
    if (event.pointerType !== "touch" || this.#mode === "tool") this.actions.hover(...place);
    if (!last) return;
    const before = this.#pinch();
    this.#pointers.set(event.pointerId, place);
    if (this.#mode === "tool") {
      const all = event.getCoalescedEvents?.() ?? [];
      this.actions.move((all.length ? all : [event]).map((one) => this.#place(one)));
    } else if (this.#mode === "pan") this.actions.pan(place[0] - last[0], place[1] - last[1]);
    else if (this.#mode === "pinch") {
      const { x, y, spread } = this.#pinch();
      this.actions.pan(x - before.x, y - before.y);
      this.actions.zoom(spread / before.spread, x, y);
    }
  }

  #up(event, cancelled) {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (this.#mode === "tool") cancelled ? this.actions.cancel() : this.actions.end();
    this.#mode = this.#pointers.size ? "over" : null;
    if (event.pointerType === "touch") this.actions.leave();
  }

  /** Middle of two fingers, and their distance. */
  #pinch() {
    if (this.#pointers.size < 2) return null;
    const [[ax, ay], [bx, by]] = [...this.#pointers.values()];
    return { x: (ax + bx) / 2, y: (ay + by) / 2, spread: Math.max(1, Math.hypot(ax - bx, ay - by)) };
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? LINE : 1);
    const factor = Math.exp(-pixels * (event.ctrlKey ? PINCH : WHEEL));
    this.actions.zoom(factor, ...this.#place(event));
  }
}
