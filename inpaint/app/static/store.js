/** Keeps the work of this browser tab over a reload, as far as its storage has room. */

const KEY = "inpaint-work";
const SETTINGS = "inpaint-settings";

/** Whether all of the work was kept. work: anything that JSON can hold, or null for none. */
export function keepWork(work) {
  try {
    if (work === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify(work));
    return true;
  } catch {
    sessionStorage.removeItem(KEY);
    return false;
  }
}

/** The work that was kept, or null. */
export function keptWork() {
  return read(() => sessionStorage, KEY);
}

/** Settings that the visitor chose on an earlier visit. */
export function keptSettings() {
  return read(() => localStorage, SETTINGS) ?? {};
}

export function keepSettings(settings) {
  try {
    localStorage.setItem(SETTINGS, JSON.stringify(settings));
  } catch {
    // Settings last for this visit only.
  }
}

function read(storage, key) {
  try {
    return JSON.parse(storage().getItem(key));
  } catch {
    return null;
  }
}
