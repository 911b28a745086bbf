/** One photo with its marks and fills. */

import { History } from "./history.js";

export class Shot {
  history = new History();
  saved = undefined; // the latest entry of the history when the photo was downloaded

  /**
   * photo: { token, name, width, height, large, layer } as the server opened it.
   * source(): opens the same photo once more, or null.
   */
  constructor(photo, source = null) {
    this.photo = photo;
    this.source = source;
  }

  get unsaved() {
    return this.history.at > 0 && this.history.latest !== this.saved;
  }

  /** Whether its bitmaps are in memory. */
  get loaded() {
    return this.photo.layer.levels.length > 0;
  }

  async load() {
    await Promise.all(this.#pictures.map((layer) => layer.load()));
  }

  unload() {
    for (const layer of this.#pictures) layer.unload();
  }

  /** Layers of the photo and of all its fills. */
  get #pictures() {
    const { allFills } = this.history;
    const candidates = allFills.flatMap((fill) => fill.candidates.map((one) => one.layer));
    return [this.photo.layer, ...candidates].filter(Boolean);
  }

  /** What is shown: the photo, and its fills over it. */
  get layers() {
    return this.layersUpTo(this.history.fills.length);
  }

  /** The photo with its first fills, also undone ones. */
  layersUpTo(fills) {
    const layers = this.history.allFills.slice(0, fills).map((fill) => fill.layer);
    return [this.photo.layer, ...layers.filter(Boolean)];
  }

  /** All that JSON can hold of it. */
  plain() {
    const { entries, at } = this.history;
    return { token: this.photo.token, at, entries: entries.map(plainEntry) };
  }

  /**
   * Restores what plain() gave, up to a fill that the server does not have.
   *
   * fills: Layers that the server has, the first of them number `oldest` or 1. layerOf(mark)
   * resolves to the Layer of one that has a url.
   */
  async restore({ at, entries }, { fills, oldest }, layerOf) {
    const { history } = this;
    const joined = Math.max(0, oldest - 1);
    for (let entry of entries) {
      if (entry.kind === "fill") {
        const number = history.allFills.length;
        if (number - joined >= fills.length) break;
        const layer = fills[number - joined] ?? null;
        entry = { ...entry, layer, candidates: [{ layer, seed: entry.seed }] };
      } else if (entry.mark.url) {
        entry = { ...entry, mark: { ...entry.mark, layer: await layerOf(entry.mark) } };
      }
      history.entries.push(entry);
    }
    Object.assign(history, { at: Math.min(at, history.entries.length), oldest });
  }
}

function plainEntry({ kind, seed, mark }) {
  if (kind === "fill") return { kind, seed };
  const { layer, ...rest } = mark;
  return { kind, mark: rest };
}
