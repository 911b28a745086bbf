/**
 * Marks and fills in their order, and how many of them count.
 *
 * An entry is { kind: "mark", mark } or { kind: "fill", layer, seed }. Fills take the marks before
 * them off the photo, so what is marked are the marks after the latest fill.
 */
export class History {
  entries = [];
  at = 0; // entries that count; those behind it can be redone
  oldest = 0; // fills that cannot be undone, because the server has joined them

  push(entry) {
    this.entries.length = this.at;
    this.entries.push(entry);
    this.at++;
  }

  /** Puts a fill behind the entries that it was made of, though marks came later. */
  insertFill(entry, index) {
    this.entries.splice(index, 0, entry);
    this.at++;
  }

  get fills() {
    return this.entries.slice(0, this.at).filter((entry) => entry.kind === "fill");
  }

  get marks() {
    const counting = this.entries.slice(0, this.at);
    const last = counting.findLastIndex((entry) => entry.kind === "fill");
    return counting.slice(last + 1).map((entry) => entry.mark);
  }

  get latest() {
    return this.entries[this.at - 1];
  }

  get canUndo() {
    return this.at > 0 && (this.latest.kind === "mark" || this.fills.length > this.oldest);
  }

  get canRedo() {
    return this.at < this.entries.length;
  }

  undo() {
    if (this.canUndo) this.at--;
  }

  redo() {
    if (this.canRedo) this.at++;
  }
}
