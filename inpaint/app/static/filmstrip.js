/** The photos that are open, as a strip of pictures, when there is more than one. */

import { drawThumbnail, showItems } from "./thumbnail.js";

const SIZE = { width: 76, height: 57 }; // CSS pixels

export class Filmstrip {
  #drawn = new WeakMap(); // shot: { item, latest }, the latest fill that its picture has

  /** element: holds .shots. onShow(shot), onClose(shot). */
  constructor(element, { onShow, onClose }) {
    Object.assign(this, { element, onShow, onClose });
    this.list = element.querySelector(".shots");
  }

  update(shots, shown) {
    this.element.hidden = shots.length < 2;
    if (this.element.hidden) return;
    showItems(this.list, shots.map((shot) => this.#item(shot, shot === shown)));
  }

  #item(shot, current) {
    if (!this.#drawn.has(shot)) this.#drawn.set(shot, { item: this.#newItem(shot) });
    const drawn = this.#drawn.get(shot);
    const { item } = drawn;
    const { history } = shot;
    const latest = history.fills.at(-1)?.layer ?? null;
    if (drawn.latest !== latest && shot.loaded) {
      drawThumbnail(item.querySelector("canvas"), shot.layers, null, SIZE);
      drawn.latest = latest;
    }
    const state = history.marks.length ? "marked" : history.fills.length ? "filled" : "";
    item.querySelector(".state").className = `state ${state}`;
    const [show] = item.children;
    show.setAttribute("aria-current", current);
    show.setAttribute("aria-label", [shot.photo.name, state].filter(Boolean).join(", "));
    return item;
  }

  #newItem(shot) {
    const item = document.createElement("li");
    const [show, close] = [document.createElement("button"), document.createElement("button")];
    show.title = shot.photo.name;
    show.append(document.createElement("canvas"), document.createElement("span"));
    show.lastChild.className = "state";
    show.addEventListener("click", () => this.onShow(shot));
    Object.assign(close, { className: "close", textContent: "×" });
    close.setAttribute("aria-label", `Close ${shot.photo.name}`);
    close.addEventListener("click", () => this.onClose(shot));
    item.append(show, close);
    return item;
  }
}
