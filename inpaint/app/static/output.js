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
    const { server, shot, settings, busy } = this.#parts();
    return busy("Saving the mask", async () => {
      const mask = await maskOf(shot.history.marks, shot.photo);
      follow(await server.saveMask(shot.photo.token, mask, settings.grow));
    });
  }

  download() {
    const { server, shot, settings, busy } = this.#parts();
    const { latest, fills } = shot.history;
    return busy("Writing the photo", async () => {
      follow(await server.save(shot.photo.token, fills.length, settings.format));
      shot.saved = latest;
    });
  }

  /** Downloads all photos in one zip. */
  downloadAll() {
    const { server, settings, busy } = this.#parts();
    const { shots } = this.work.album;
    const requests = shots.map(({ photo, history }) => (
      { token: photo.token, fills: history.fills.length }));
    const latest = shots.map(({ history }) => history.latest);
    return busy("Writing the photos", async () => {
      follow(await server.saveAll(requests, settings.format));
      shots.forEach((shot, i) => (shot.saved = latest[i]));
    }, shots);
  }

  /** Puts the photo on the clipboard. */
  copy() {
    const { server, shot, messages, busy } = this.#parts();
    return busy("Copying the photo", async () => {
      const png = async () => {
        const { url } = await server.save(shot.photo.token, shot.history.fills.length, "png");
        return (await fetch(url)).blob();
      };
      try {
        // A promise, as the browser allows copying right after a click or key only.
        await navigator.clipboard.write([new ClipboardItem({ "image/png": png() })]);
        messages.show(COPIED);
      } catch (error) {
        if (error.name !== "NotAllowedError" && navigator.clipboard) throw error;
        messages.show(NO_CLIPBOARD, "error");
      }
    });
  }

  #parts() {
    const { work } = this;
    const busy = (text, action, shots = [work.shot]) => work.busy(text, action, shots);
    return {
      server: work.server, shot: work.shot, messages: work.view.messages,
      settings: work.settings(), busy,
    };
  }
}

function follow({ url, name }) {
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
}
