/**
 * Puts the secret of this browser's chat, if it has one, into the form, when the button is pressed and not before. With it
 * the server knows that the mailbox and the chat belong to the same person; without it the code from the mail has to be
 * typed into the chat. Nothing is sent by itself.
 */

const KEY = "frontdesk";
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** @param {Pick<Storage, "getItem">} storage @returns {string} */
export function deviceIn(storage) {
  try {
    const kept = JSON.parse(storage.getItem(KEY) ?? "null");
    return SECRET.test(kept?.device) ? kept.device : "";
  } catch {
    return "";
  }
}

/**
 * A page opened where the chat is offers to stay recognised; elsewhere there is nothing to recognise.
 * @param {ParentNode} page @param {Pick<Storage, "getItem">} storage
 */
export function prepare(page, storage) {
  const form = page.querySelector("form#confirm");
  if (!form) return;
  const choice = form.querySelector(".opt-in-stay");
  if (choice) /** @type {any} */ (choice).hidden = deviceIn(storage) === "";
  form.addEventListener("submit", () => {
    const field = form.querySelector("input[name=device]");
    if (field) /** @type {any} */ (field).value = deviceIn(storage);
  });
}

if (globalThis.document) {
  try {
    prepare(document, localStorage);
  } catch {
    // The browser refuses its storage; the code in the mail remains.
  }
}
