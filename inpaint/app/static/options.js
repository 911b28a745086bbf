/** The panel of options, and the settings that are kept for the next visit. */

import { keepSettings, keptSettings } from "./store.js";

export class Options {
  #chosen = keptSettings(); // { onRelease, timeline }, each once the visitor has set it

  /** part(id): an element of the editor by its id. */
  constructor(part, panel) {
    this.part = part;
    this.panel = panel;
    const onRelease = part("on_release");
    onRelease.checked = this.#chosen.onRelease ?? false;
    onRelease.addEventListener("change", () => this.keep({ onRelease: onRelease.checked }));
  }

  /** What the visitor chose on this visit or an earlier one. */
  get chosen() {
    return this.#chosen;
  }

  keep(chosen) {
    Object.assign(this.#chosen, chosen);
    keepSettings(this.#chosen);
  }

  get values() {
    const number = (id) => Math.round(this.part(id).valueAsNumber || 0);
    return {
      style: this.panel.querySelector("[name=style]:checked").value,
      weights: this.part("weights").value,
      grow: number("grow"),
      soft: number("soft"),
      selectionGrow: number("selection_grow"),
      shadow: this.part("shadow").checked,
      format: this.part("format").value,
      onRelease: this.part("on_release").checked,
    };
  }

  /** Selections are grown by a share of the photo, so that no outline of an object is left. */
  suit({ width, height }) {
    this.part("selection_grow").value = Math.max(2, Math.round(Math.min(width, height) / 250));
  }

  /** Fills follow each stroke where they are quick, unless the visitor chose otherwise. */
  suggestFillOnRelease(quick) {
    this.part("on_release").checked = this.#chosen.onRelease ?? quick;
  }

  toggle() {
    this.panel.hidden = !this.panel.hidden;
    this.part("options").setAttribute("aria-expanded", !this.panel.hidden);
  }
}
