/** What a member of staff has set for this browser: whether shortcuts work, and whether a new chat makes a sound. */

const KEY = "frontdesk-desk";
const DEFAULTS = { keys: true, sound: false };

/** @returns {{keys: boolean, sound: boolean}} */
export function preferences() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { keys: kept.keys !== false, sound: kept.sound === true };
  } catch {
    return { ...DEFAULTS };
  }
}

/** @param {{keys: boolean, sound: boolean}} wanted */
export function prefer(wanted) {
  try {
    localStorage.setItem(KEY, JSON.stringify(wanted));
  } catch {
    // It lasts as long as the page.
  }
}
