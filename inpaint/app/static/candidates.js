/** The candidates of the latest fill side by side, to choose one with a click or by its number. */

import { MOST_CANDIDATES } from "./fills.js";
import { drawThumbnail } from "./thumbnail.js";

const WIDE = { width: 150, height: 116 }; // CSS pixels of a picture
const NARROW = { width: 70, height: 60 };

export class Candidates {
  #shown = null; // the fill whose candidates are shown

  /** element: holds .pictures. onChoose(candidate), onClose(). */
  constructor(element, { onChoose, onClose }) {
    Object.assign(this, { element, onChoose, onClose });
    this.pictures = element.querySelector(".pictures");
  }

  get open() {
    return this.#shown !== null;
  }

  /** Shows the candidates of the latest fill of a photo. */
  show(shot) {
    this.#shown = shot.history.openFill;
    this.update(shot, false);
  }

  close() {
    if (!this.open) return;
    this.#shown = null;
    this.element.hidden = true;
    this.onClose();
  }

  /** Draws them again. making: whether more of them are being made. */
  update(shot, making) {
    if (!this.open) return;
    if (shot?.history.openFill !== this.#shown) return void this.close();
    const { candidates } = this.#shown;
    const focused = this.pictures.contains(this.element.getRootNode().activeElement);
    const before = shot.layersUpTo(shot.history.fills.length - 1);
    const buttons = candidates.map((one, i) => this.#button(one, i, before));
    const missing = making ? MOST_CANDIDATES - candidates.length : 0;
    const more = Array.from({ length: missing }, () => placeholder(this.#size));
    this.pictures.replaceChildren(...buttons, ...more);
    this.element.hidden = false;
    if (focused) this.pictures.querySelector("[aria-checked=true]").focus();
  }

  /** Chooses by a number from 1, if there is such a candidate. */
  choose(number) {
    const candidate = this.#shown?.candidates[number - 1];
    if (candidate) this.onChoose(candidate);
  }

  /** Chooses the next one, or with -1 the one before. */
  step(by) {
    const { candidates, seed } = this.#shown;
    const at = candidates.findIndex((one) => one.seed === seed);
    this.onChoose(candidates.at((at + by) % candidates.length));
  }

  get #size() {
    return window.innerWidth < 700 ? NARROW : WIDE;
  }

  #button(candidate, index, before) {
    const button = document.createElement("button");
    const chosen = candidate.seed === this.#shown.seed;
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", chosen);
    button.setAttribute("aria-label", `Candidate ${index + 1}`);
    button.tabIndex = chosen ? 0 : -1;
    const canvas = document.createElement("canvas");
    drawThumbnail(canvas, [...before, candidate.layer], candidate.layer.box, this.#size);
    const number = Object.assign(document.createElement("span"), { textContent: index + 1 });
    button.append(canvas, number);
    button.addEventListener("click", () => this.onChoose(candidate));
    return button;
  }
}

function placeholder({ width, height }) {
  const element = document.createElement("div");
  element.className = "coming";
  Object.assign(element.style, { width: `${width}px`, height: `${height}px` });
  return element;
}
