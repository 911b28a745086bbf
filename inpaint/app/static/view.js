/**
 * Where the photo lies in the window.
 *
 * scale: device pixels for one pixel of the photo; x, y: place of the photo's upper left corner in
 * device pixels of the stage.
 */
export class View {
  scale = 1;
  x = 0;
  y = 0;
  stage = { width: 1, height: 1 };
  photo = { width: 1, height: 1 };
  fitted = true; // follows the size of the stage

  static MARGIN = 12; // device pixels around a fitted photo
  static MOST_SCALE = 32;

  /** Shows another photo, as large as the stage allows. */
  open(photo) {
    this.photo = photo;
    this.fit();
  }

  /** The stage has another size; what was in its middle stays there. */
  resize(width, height) {
    const [dx, dy] = [(width - this.stage.width) / 2, (height - this.stage.height) / 2];
    this.stage = { width, height };
    if (this.fitted) this.fit();
    else this.pan(dx, dy);
  }

  get fitScale() {
    const free = (length) => Math.max(1, length - 2 * View.MARGIN);
    return Math.min(
      free(this.stage.width) / this.photo.width,
      free(this.stage.height) / this.photo.height,
      View.MOST_SCALE,
    );
  }

  fit() {
    this.scale = this.fitScale;
    this.x = (this.stage.width - this.photo.width * this.scale) / 2;
    this.y = (this.stage.height - this.photo.height * this.scale) / 2;
    this.fitted = true;
  }

  /** Changes the scale; the point of the photo at (x, y) of the stage stays there. */
  zoomTo(scale, x = this.stage.width / 2, y = this.stage.height / 2) {
    const least = Math.min(this.fitScale, 1) / 2;
    const wanted = Math.min(View.MOST_SCALE, Math.max(least, scale));
    const factor = wanted / this.scale;
    this.scale = wanted;
    this.x = x - (x - this.x) * factor;
    this.y = y - (y - this.y) * factor;
    this.fitted = false;
    this.keepInSight();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.keepInSight();
  }

  toPhoto(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  toStage(x, y) {
    return [this.x + x * this.scale, this.y + y * this.scale];
  }

  /** A quarter of the stage always shows the photo, or as much of it as there is. */
  keepInSight() {
    const keep = (place, length, stage) => {
      const shown = Math.min(length, stage / 4);
      return Math.min(stage - shown, Math.max(shown - length, place));
    };
    this.x = keep(this.x, this.photo.width * this.scale, this.stage.width);
    this.y = keep(this.y, this.photo.height * this.scale, this.stage.height);
  }
}
