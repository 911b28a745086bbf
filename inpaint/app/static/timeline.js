/** The fills of a photo as a strip of pictures; a click on one shows the photo as it was then. */

import { drawThumbnail, showItems } from "./thumbnail.js";

const SIZE = { width: 72, height: 56 }; // CSS pixels

export class Timeline {
  #drawn = new WeakMap(); // fill or photo: { seed, button }

  /** onGo(fills) goes to the photo with its first fills. */
  constructor(element, onGo) {
    Object.assign(this, { element, onGo });
  }

  update(shot) {
    if (this.element.hidden || !shot) return;
    const { history, photo } = shot;
    const shown = history.fills.length;
    const buttons = [this.#button(photo, shot, 0, "Original")];
    history.allFills.forEach((fill, i) => {
      if (i + 1 < history.oldest) return; // the server has joined it with the next one
      buttons.push(this.#button(fill, shot, i + 1, `Fill ${i + 1}`));
    });
    for (const button of buttons) {
      const number = Number(button.dataset.fills);
      button.setAttribute("aria-current", number === shown);
      button.classList.toggle("undone", number > shown);
      button.disabled = number === 0 && history.oldest > 0;
    }
    showItems(this.element, buttons);
  }

  #button(entry, shot, fills, label) {
    const seed = entry.seed ?? null;
    const drawn = this.#drawn.get(entry);
    if (drawn?.seed === seed && Number(drawn.button.dataset.fills) === fills) return drawn.button;
    const button = document.createElement("button");
    button.dataset.fills = fills;
    button.title = label;
    const canvas = document.createElement("canvas");
    drawThumbnail(canvas, shot.layersUpTo(fills), fills ? entry.layer?.box ?? null : null, SIZE);
    button.append(canvas, Object.assign(document.createElement("span"), { textContent: label }));
    button.addEventListener("click", () => this.onGo(fills));
    this.#drawn.set(entry, { seed, button });
    return button;
  }
}
