/** The photo and its marks on the screen, and the ring that shows the brush. */

import { hatch } from "./hatch.js";
import { begin, drawMark, drawMarks } from "./marks.js";
import { View } from "./view.js";

export class Stage {
  view = new View();
  layers = []; // the photo, and what was filled into it
  marks = [];
  excluded = []; // marks of what texture is not copied from
  draft = null; // an area, or a stroke that points at an object, that is being drawn
  showsOriginal = false;
  split = null; // share of the stage's width, from the left, that shows the original
  onView = () => {}; // called when the view has changed

  /** element: holds canvas.photo, canvas.marks, canvas.excluded and .ring. */
  constructor(element) {
    this.element = element;
    this.canvases = ["photo", "marks", "excluded"].map((name) =>
      element.querySelector(`canvas.${name}`),
    );
    [this.photo, this.overlay, this.exclusion] = this.canvases.map((canvas) =>
      canvas.getContext("2d"),
    );
    // A browser that has lost what canvases show, as a GPU that restarts does, gives them back empty.
    for (const canvas of this.canvases)
      canvas.addEventListener("contextrestored", () => this.changed());
    this.ring = element.querySelector(".ring");
    new ResizeObserver(() => this.resize()).observe(element);
  }

  /** Device pixels for a CSS pixel. */
  get ratio() {
    return window.devicePixelRatio || 1;
  }

  colour(name) {
    return getComputedStyle(this.element).getPropertyValue(name).trim();
  }

  resize() {
    const [width, height] = [this.element.clientWidth, this.element.clientHeight].map((length) =>
      Math.max(1, Math.round(length * this.ratio)),
    );
    if (this.element.clientWidth === 0) return; // the other tab is open
    for (const canvas of this.canvases)
      Object.assign(canvas, { width, height });
    this.view.resize(width, height);
    this.draw(); // at once, as canvases are empty after a change of their size
  }

  /** Shows a photo. layers: the photo first. size: { width, height } in pixels of the photo. */
  open(layers, size) {
    this.layers = layers;
    this.view.open(size);
    this.changed();
  }

  /** Draws all with the next frame. */
  changed() {
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    const { canvas } = this.photo;
    this.photo.clearRect(0, 0, canvas.width, canvas.height);
    const layers = this.showsOriginal ? this.layers.slice(0, 1) : this.layers;
    for (const layer of layers) layer.draw(this.photo, this.view);
    if (this.split !== null && layers.length > 1) this.#drawOriginalOnTheLeft();
    const drawn = (marks) => (this.showsOriginal ? [] : marks);
    const area = this.draft?.kind === "area" ? [this.draft] : [];
    drawMarks(this.overlay, drawn([...this.marks, ...area]), this.view, this.colour("--mark"));
    drawMarks(this.exclusion, drawn(this.excluded), this.view, this.colour("--exclude"));
    hatch(this.exclusion, this.ratio);
    this.#drawPointing();
    this.onView();
  }

  #drawOriginalOnTheLeft() {
    const { photo } = this;
    photo.save();
    photo.beginPath();
    photo.rect(0, 0, this.split * photo.canvas.width, photo.canvas.height);
    photo.clip();
    this.layers[0].draw(photo, this.view);
    photo.restore();
  }

  /** The line that points at an object, which is no mark. */
  #drawPointing() {
    if (!this.draft?.pointing) return;
    const name = this.draft.erase ? "--minus" : "--plus";
    begin(this.exclusion, this.view, this.colour(name));
    drawMark(this.exclusion, { ...this.draft, erase: false }, this.view.photo);
    this.exclusion.restore();
  }

  /** Draws one more mark over those that are there. */
  add(mark) {
    if (!mark.exclude) this.#add(mark, this.overlay, "--mark");
    if (!mark.exclude && !mark.erase) return;
    this.#add(mark, this.exclusion, "--exclude");
    hatch(this.exclusion, this.ratio);
  }

  #add(mark, context, colour) {
    begin(context, this.view, this.colour(colour));
    drawMark(context, mark, this.view.photo);
    context.restore();
  }

  fit() {
    this.view.fit();
    this.changed();
  }

  /** One pixel of the photo is one of the screen. */
  showFullSize() {
    this.view.zoomTo(1);
    this.changed();
  }

  /** Keeps (x, y), in CSS pixels of the stage, in its place; without them, the middle. */
  zoom(factor, x, y) {
    const place = [x, y].map((value) => (value === undefined ? value : value * this.ratio));
    this.view.zoomTo(this.view.scale * factor, ...place);
    this.changed();
  }

  pan(dx, dy) {
    this.view.pan(dx * this.ratio, dy * this.ratio);
    this.changed();
  }

  toPhoto(x, y) {
    return this.view.toPhoto(x * this.ratio, y * this.ratio);
  }

  /** Shows the brush at (x, y), in CSS pixels. radius: in pixels of the photo; null hides it. */
  showRing(x, y, radius) {
    this.ring.hidden = radius === null;
    if (radius === null) return;
    const size = (2 * radius * this.view.scale) / this.ratio;
    Object.assign(this.ring.style, {
      width: `${size}px`,
      height: `${size}px`,
      transform: `translate(${x - size / 2}px, ${y - size / 2}px)`,
    });
  }
}
