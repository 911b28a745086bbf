/** What leaves the page: photos and masks as files, and a photo on the clipboard. */

import { maskOf } from "./marks.js";

const COPIED = "The photo is on the clipboard.";
const NO_CLIPBOARD = "The browser does not let this page use the clipboard; download the photo.";

export class Output {
  /** work: see work.js. */
  constructor(work) {
    this.work = work;
  }

  saveMask() {
    const { work } = this;
    const { server, shot } = work;
    const { grow } = work.settings();
    return work.busy("Saving the mask", async (task) => {
      const mask = await maskOf(shot.history.marks, shot.photo);
      follow(await server.saveMask(shot.photo.token, mask, grow, task));
    });
  }

  download() {
    const { work } = this;
    const { server, shot } = work;
    const { format } = work.settings();
    const { latest, fills } = shot.history;
    return work.busy("Writing the photo", async (task) => {
      follow(await server.save(shot.photo.token, fills.length, format, task));
      shot.saved = latest;
    });
  }

  /** Downloads all photos in one zip. */
  downloadAll() {
    const { work } = this;
    const { server } = work;
    const { format } = work.settings();
    const shots = [...work.album.shots]; // one may be closed while the zip is written
    const requests = shots.map(({ photo, history }) => (
      { token: photo.token, fills: history.fills.length }));
    const latest = shots.map(({ history }) => history.latest);
    return work.busy("Writing the photos", async (task) => {
      follow(await server.saveAll(requests, format, task));
      shots.forEach((shot, i) => (shot.saved = latest[i]));
    }, shots);
  }

  /** Puts the photo on the clipboard. */
  copy() {
    const { work } = this;
    const { server, shot } = work;
    return work.busy("Copying the photo", async (task) => {
      const png = async () => {
        const { url } = await server.save(
          shot.photo.token, shot.history.fills.length, "png", task);
        return (await fetch(url, { signal: task.signal })).blob();
      };
      try {
        // A promise, as the browser allows copying right after a click or key only.
        await navigator.clipboard.write([new ClipboardItem({ "image/png": png() })]);
        work.view.messages.show(COPIED);
      } catch (error) {
        task.signal.throwIfAborted();
        if (error.name !== "NotAllowedError" && navigator.clipboard) throw error;
        work.view.messages.show(NO_CLIPBOARD, "error");
      }
    });
  }
}

function follow({ url, name }) {
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
}
