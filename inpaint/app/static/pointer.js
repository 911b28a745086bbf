/** Where the brush is, by pointer or by keys: gestures on the stage become strokes and views. */

const STEP = 0.5; // of the brush's radius, for one press of an arrow key

export class Pointer {
  #place = null; // [x, y] in CSS pixels of the stage
  #byKeys = false; // a stroke that was started with Enter

  constructor(stage, tools) {
    this.stage = stage;
    this.tools = tools;
  }

  isHand() {
    return this.tools.name === "hand";
  }

  begin(x, y) {
    this.hover(x, y);
    this.tools.begin(x, y);
  }

  move(points) {
    this.tools.move(points);
  }

  end() {
    this.tools.end();
  }

  cancel() {
    this.#byKeys = false;
    this.tools.cancel();
  }

  pan(dx, dy) {
    this.stage.pan(dx, dy);
  }

  zoom(factor, x, y) {
    this.stage.zoom(factor, x, y);
  }

  hover(x, y) {
    this.#place = [x, y];
    this.refresh();
  }

  leave() {
    this.#place = null;
    this.refresh();
  }

  /** Shows the brush in the middle of the stage, as while its size is chosen. */
  showInMiddle() {
    this.#place = this.#middle();
    this.refresh();
  }

  /** Changes the size of the brush by `action`, and shows it. */
  resize(action) {
    this.#place ??= this.#middle();
    action();
  }

  refresh() {
    const { hasRing, radius } = this.tools;
    this.stage.showRing(...(this.#place ?? [0, 0]), this.#place && hasRing ? radius : null);
  }

  /** Moves the brush by steps of half its radius, and draws if a stroke was started. */
  step(dx, dy) {
    const { ratio, view, element } = this.stage;
    const length = Math.max(1, (STEP * this.tools.radius * view.scale) / ratio);
    const [x, y] = this.#place ?? this.#middle();
    const inside = (value, most) => Math.min(most, Math.max(0, value));
    this.hover(
      inside(x + dx * length, element.clientWidth), inside(y + dy * length, element.clientHeight),
    );
    if (this.#byKeys) this.tools.move([this.#place]);
  }

  /** Starts a stroke where the brush is, or ends it. */
  toggleStroke() {
    if (this.isHand()) return;
    this.#place ??= this.#middle();
    this.#byKeys = !this.#byKeys;
    if (this.#byKeys) this.tools.begin(...this.#place);
    else this.tools.end();
    this.refresh();
  }

  #middle() {
    return [this.stage.element.clientWidth / 2, this.stage.element.clientHeight / 2];
  }
}
