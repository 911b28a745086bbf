/** Objects that are marked by pointing at them: strokes go to the server, outlines come back. */

import { newName } from "./api.js";

const NOTHING_FOUND = "Nothing was found there; circle the whole object, or draw along it.";
const NEAR = 0.3; // of an object's size: strokes within it correct the object
const CLOSED = 0.3; // gap of a circle, as a share of its length; as on the server

export class Pointing {
  answered = Promise.resolve(); // when the latest stroke is

  /** work: see work.js. */
  constructor(work) {
    this.work = work;
  }

  /**
   * Marks the object that a stroke points at. A circle starts with another one, other strokes
   * correct the latest one if they are near it.
   */
  add(stroke) {
    this.work.view.stage.draft = stroke; // in sight until it is answered
    this.answered = this.answered.then(() => this.#answer(this.work.shot, stroke));
  }

  async #answer(shot, stroke) {
    const { work } = this;
    if (!shot) return;
    const object = corrected(shot.history.marks.at(-1), stroke);
    const { points, radius, erase } = stroke;
    const strokes = [...(object?.strokes ?? []), { points, radius, erase }];
    const { selectionGrow: grow, shadow } = work.settings();
    await work.busy("Finding the outline", async (task) => {
      const request = { strokes, grow, shadow, fills: shot.history.fills.length };
      const adds = strokes.some((one) => !one.erase);
      const found = adds && (await work.server.select(shot.photo, request, task));
      if (shot !== work.shot) return;
      if (found) work.edit({ ...found, id: object?.id ?? newName(), strokes });
      else work.view.messages.show(NOTHING_FOUND);
    });
    const { stage } = work.view;
    if (stage.draft === stroke) stage.draft = null;
    stage.changed();
  }
}

/** The object that a stroke corrects, or null. */
function corrected(latest, { points, erase }) {
  if (!latest?.strokes) return null; // none, or damage that was found
  if (erase) return latest;
  const [left, top, right, bottom] = latest.box;
  const [x, y] = [(right - left) * NEAR, (bottom - top) * NEAR];
  const near = points.some((value, i) =>
    i % 2 === 0 && value > left - x && value < right + x &&
    points[i + 1] > top - y && points[i + 1] < bottom + y);
  return near && !isCircle(points) ? latest : null;
}

/** Whether a stroke ends near where it began. */
function isCircle(points) {
  let length = 0;
  for (let i = 2; i < points.length; i += 2)
    length += Math.hypot(points[i] - points[i - 2], points[i + 1] - points[i - 1]);
  const gap = Math.hypot(points.at(-2) - points[0], points.at(-1) - points[1]);
  return length > 0 && gap < CLOSED * length;
}
