/** A line over the photo that is dragged: the original on its left, the result on its right. */

const STEP = 0.02; // of the stage's width, for one press of an arrow key

export class Divider {
  /** element: has the role of a slider, and lies in the stage. */
  constructor(element, stage) {
    Object.assign(this, { element, stage });
    element.addEventListener("pointerdown", (event) => {
      event.stopPropagation(); // no stroke
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => {
      if (element.hasPointerCapture(event.pointerId)) this.#moveTo(event.clientX);
    });
    element.addEventListener("keydown", (event) => this.#key(event));
  }

  get on() {
    return this.stage.split !== null;
  }

  toggle(on) {
    this.#set(on ? 0.5 : null);
    if (on) this.element.focus();
  }

  #moveTo(clientX) {
    const { left, width } = this.stage.element.getBoundingClientRect();
    this.#set(Math.min(1, Math.max(0, (clientX - left) / width)));
  }

  #key(event) {
    const steps = { ArrowLeft: -STEP, ArrowRight: STEP, Home: -1, End: 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#set(Math.min(1, Math.max(0, this.stage.split + steps[event.key])));
  }

  #set(share) {
    this.stage.split = share;
    this.element.hidden = share === null;
    if (share !== null) {
      this.element.style.left = `${100 * share}%`;
      this.element.setAttribute("aria-valuenow", Math.round(100 * share));
    }
    this.stage.changed();
  }
}
