/** Keys of the keyboard. */

/** [keys as shown, what they do] for the list of shortcuts. */
export const SHORTCUTS = [
  ["B  E", "Brush, eraser"],
  ["S", "Select an object: circle it, or draw on it; Alt takes away"],
  ["R  L", "Rectangle, lasso"],
  ["X", "Brush for what is not copied into fills"],
  ["H", "Hand; or hold the space bar, or two fingers"],
  ["[  ]", "Smaller, larger brush"],
  ["Ctrl + Enter", "Fill"],
  ["Ctrl + Z", "Undo strokes and fills"],
  ["Ctrl + Shift + Z", "Redo"],
  ["C", "Hold to see the original"],
  ["D", "Divide: original on the left, result on the right"],
  ["T", "Pictures of all fills; a click goes back to one"],
  ["F", "Find damage: scratches, dust and date stamps"],
  ["Wheel  +  -", "Zoom"],
  ["0  1", "Fit, 100 %"],
  ["N", "Other candidates for the last fill; then 1 to 4, or arrows"],
  ["Ctrl + S  C  V", "Download, copy, paste a photo"],
  ["Page up, down", "Previous, next photo"],
  ["Delete", "Clear the marks"],
  ["Esc", "Cancel a stroke, a fill, or what else takes time"],
  ["Arrows, Enter", "On the photo: move the brush, start and end a stroke"],
  ["?", "This list"],
];

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Listens to the keys of the window. actions: functions by the names below. */
export class Keys {
  constructor(element, actions) {
    this.element = element;
    this.actions = actions;
    this.onKey = (event) => this.#down(event);
    this.onRelease = (event) => this.#up(event);
    window.addEventListener("keydown", this.onKey);
    window.addEventListener("keyup", this.onRelease);
    window.addEventListener("blur", () => this.#letGo());
  }

  stop() {
    window.removeEventListener("keydown", this.onKey);
    window.removeEventListener("keyup", this.onRelease);
  }

  #down(event) {
    if (event.key === "Alt") this.actions.takeAway(true);
    const target = event.composedPath()[0];
    if (!this.element.checkVisibility() || isText(target) || target.closest?.("dialog")) return;
    const action = event.ctrlKey || event.metaKey ? this.#withControl(event)
      : event.altKey ? null : this.#plain(event, target);
    if (!action) return;
    event.preventDefault();
    action();
  }

  #up(event) {
    if (event.key === "Alt") this.actions.takeAway(false);
    if (event.key === " ") this.actions.holdHand(false);
    if (event.key.toLowerCase() === "c") this.actions.compare(false);
  }

  #letGo() {
    this.actions.takeAway(false);
    this.actions.holdHand(false);
    this.actions.compare(false);
  }

  #withControl({ key, shiftKey }) {
    const { undo, redo, fill, download, copy } = this.actions;
    const actions = { z: shiftKey ? redo : undo, y: redo, enter: fill, s: download, c: copy };
    return actions[key.toLowerCase()];
  }

  #plain({ key, shiftKey }, target) {
    const { actions } = this;
    const choice = actions.candidate(key, target);
    if (choice) return choice;
    if (key in ARROWS && target.matches?.(".stage"))
      return () => actions.moveBrush(...ARROWS[key].map((step) => step * (shiftKey ? 8 : 1)));
    if (key === "Enter" && target.matches?.(".stage")) return actions.toggleStroke;
    if (key === " ")
      return target.matches?.("button, input, select, a") ? null : () => actions.holdHand(true);
    if (key === "Delete" || key === "Backspace") return actions.clear;
    const letters = {
      b: () => actions.choose("brush"), e: () => actions.choose("erase"),
      s: () => actions.choose("select"), r: () => actions.choose("rectangle"),
      l: () => actions.choose("lasso"), x: () => actions.choose("exclude"),
      h: () => actions.choose("hand"), c: () => actions.compare(true),
      d: actions.divide, t: actions.timeline, f: actions.findDamage,
      "[": actions.smaller, "]": actions.larger, "+": actions.zoomIn, "=": actions.zoomIn,
      "-": actions.zoomOut, 0: actions.fit, 1: actions.fullSize, n: actions.another,
      pageup: () => actions.nextPhoto(-1), pagedown: () => actions.nextPhoto(1),
      escape: actions.cancel, "?": actions.help,
    };
    return letters[key.toLowerCase()];
  }
}

function isText(target) {
  return target.matches?.("textarea, select, input:not([type=range], [type=checkbox], [type=radio])");
}
