/**
 * Marks and fills in their order, and how many of them count.
 *
 * An entry is { kind: "mark", mark } or { kind: "fill", layer, seed, candidates }, where the
 * candidates are a list of { layer, seed } and the entry has the values of the one that was chosen.
 * Fills take the marks before them off the photo, so what is marked are the marks after the latest
 * fill; what texture is not copied from stays.
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

  /** Puts a candidate of a fill in its place; what was undone after the fill is gone. */
  choose(fill, candidate) {
    this.entries.length = this.at;
    Object.assign(fill, { layer: candidate.layer, seed: candidate.seed });
  }

  get counting() {
    return this.entries.slice(0, this.at);
  }

  get fills() {
    return this.counting.filter(isFill);
  }

  /** Fills, also those that are undone. */
  get allFills() {
    return this.entries.filter(isFill);
  }

  /** What is marked. */
  get marks() {
    return marksAfterFill(this.counting);
  }

  /** What texture is not copied from. */
  get excluded() {
    const marks = this.counting.map((entry) => entry.mark).filter(Boolean);
    return marks.filter((mark) => mark.exclude || mark.erase || mark.kind === "clear");
  }

  get latest() {
    return this.entries[this.at - 1];
  }

  /** The latest fill if nothing was marked after it, or null. */
  get openFill() {
    return this.marks.length ? null : this.fills.at(-1) ?? null;
  }

  /** What was marked when a fill was made. */
  marksOf(fill) {
    return marksAfterFill(this.entries.slice(0, this.entries.indexOf(fill)));
  }

  get canUndo() {
    return this.at > 0 && (this.latest.kind === "mark" || this.fills.length > this.oldest);
  }

  get canRedo() {
    return this.at < this.entries.length;
  }

  /** Goes to the photo with its first fills, and without what was marked after them. */
  goTo(fills) {
    if (fills === 0 && this.oldest === 0) this.at = 0;
    const fill = this.allFills[fills - 1];
    if (fill && fills >= this.oldest) this.at = this.entries.indexOf(fill) + 1;
  }

  undo() {
    if (this.canUndo) this.at--;
  }

  redo() {
    if (this.canRedo) this.at++;
  }
}

function isFill(entry) {
  return entry.kind === "fill";
}

function marksAfterFill(entries) {
  const last = entries.findLastIndex(isFill);
  const marks = entries.slice(last + 1).map((entry) => entry.mark);
  const latest = new Map(marks.filter((mark) => mark.id).map((mark) => [mark.id, mark]));
  return marks.filter((mark) => !mark.exclude && (!mark.id || latest.get(mark.id) === mark));
}
