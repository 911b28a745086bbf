/** The photos that are open: which one is shown, and which have their bitmaps in memory. */

const MOST_LOADED = 3; // photos: one of 12 megapixels takes 64 MB

export class Album {
  shots = [];
  shot = null; // that is shown
  #wanted = null; // the shot that was asked for last
  #recent = []; // shots whose bitmaps are in memory, the latest first

  add(shot) {
    this.shots.push(shot);
    this.#use(shot);
  }

  remove(shot) {
    const at = this.shots.indexOf(shot);
    this.shots.splice(at, 1);
    this.#recent = this.#recent.filter((one) => one !== shot);
    if (this.shot === shot) this.shot = null;
    return this.shots[Math.min(at, this.shots.length - 1)] ?? null; // to be shown next
  }

  /** Shows a photo once its bitmaps are loaded, unless another one is asked for meanwhile. */
  async show(shot, { signal }) {
    this.#wanted = shot;
    await shot.load();
    signal.throwIfAborted();
    if (this.#wanted !== shot) return;
    this.shot = shot;
    this.#use(shot);
  }

  get unsaved() {
    return this.shots.some((shot) => shot.unsaved);
  }

  #use(shot) {
    this.#recent = [shot, ...this.#recent.filter((one) => one !== shot)];
    const kept = new Set([...this.#recent.slice(0, MOST_LOADED), this.shot]);
    for (const one of this.#recent) if (!kept.has(one)) one.unload();
    this.#recent = this.#recent.filter((one) => kept.has(one));
  }
}
