/** The tools: what a gesture on the photo becomes. */

export const TOOLS = ["brush", "select", "erase", "rectangle", "lasso", "exclude", "hand"];

const LEAST_RADIUS = 0.5; // pixels of the photo
const LINE = 5; // CSS pixels: radius of the line that points at an object
const STEP = 1.25; // of the brush's size, for one press of a key

export class Tools {
  name = "brush";
  radius = 10; // pixels of the photo
  most = 100;
  minus = false; // whether pointing takes away from the object
  onMark = () => {}; // takes a finished mark
  onPoint = () => {}; // takes a stroke that points at an object
  onChange = () => {}; // called when tool or size have changed
  #mark = null; // that is being drawn

  constructor(stage) {
    this.stage = stage;
  }

  choose(name) {
    this.name = name;
    this.onChange();
  }

  /** A brush that suits a photo of `size`. */
  suit({ width, height }) {
    const side = Math.min(width, height);
    this.most = Math.max(4, side / 4);
    this.radius = Math.max(LEAST_RADIUS, side / 32);
    this.onChange();
  }

  resize(radius) {
    this.radius = Math.min(this.most, Math.max(LEAST_RADIUS, radius));
    this.onChange();
  }

  grow() {
    this.resize(this.radius * STEP);
  }

  shrink() {
    this.resize(this.radius / STEP);
  }

  /** Size of the brush between 0 and 1, in equal steps for the eye. */
  get share() {
    return Math.log(this.radius / LEAST_RADIUS) / Math.log(this.most / LEAST_RADIUS);
  }

  set share(share) {
    this.resize(LEAST_RADIUS * (this.most / LEAST_RADIUS) ** share);
  }

  get hasRing() {
    return ["brush", "erase", "exclude"].includes(this.name);
  }

  get #line() {
    return (LINE * this.stage.ratio) / this.stage.view.scale;
  }

  get drawing() {
    return this.#mark !== null;
  }

  begin(x, y) {
    const points = this.stage.toPhoto(x, y);
    if (this.hasRing) {
      const { name, radius } = this;
      this.#mark = { kind: "stroke", erase: name === "erase", radius, points };
      if (name === "exclude") this.#mark.exclude = true;
      this.stage.add(this.#mark);
    } else if (this.name === "select") {
      const stroke = { kind: "stroke", erase: this.minus, radius: this.#line, points };
      this.#mark = { ...stroke, pointing: true };
    } else this.#mark = { kind: "area", erase: false, points };
  }

  move(places) {
    if (!this.#mark) return;
    const { points } = this.#mark;
    const more = places.flatMap(([x, y]) => this.stage.toPhoto(x, y));
    if (this.#mark.kind === "stroke" && !this.#mark.pointing)
      this.stage.add({ ...this.#mark, points: [...points.slice(-2), ...more] });
    if (this.name === "rectangle") this.#mark.points = corners(points, more);
    else points.push(...more);
    if (this.#mark.kind === "area" || this.#mark.pointing) this.#draft(this.#mark);
  }

  end() {
    const mark = this.#mark;
    this.#mark = null;
    if (mark?.pointing) return this.onPoint(mark); // which stays in sight until it is answered
    this.#draft(null);
    if (mark && (mark.kind === "stroke" || mark.points.length >= 6)) this.onMark(mark);
  }

  cancel() {
    this.#mark = null;
    this.#draft(null);
  }

  #draft(mark) {
    this.stage.draft = mark;
    this.stage.changed();
  }
}

function corners(points, more) {
  const [left, top] = points;
  const [right, bottom] = more.slice(-2);
  return [left, top, right, top, right, bottom, left, bottom];
}
