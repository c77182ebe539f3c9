// DD-7: loaded with the consent, and when the server asks for a signature. No script can read the private half.
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const NAME = "frontdesk";

// The public half of this browser's key; the key is made if there is none. Empty where there can be none.
export async function make() {
  try {
    let pair = await kept();
    if (!pair) {
      pair = await crypto.subtle.generateKey(ALGORITHM, false, ["sign"]);
      await inStore("readwrite", (store) => store.put(pair, NAME));
    }
    return text(await crypto.subtle.exportKey("raw", pair.publicKey));
  } catch {
    return "";
  }
}

// Empty when the key is gone.
export async function sign(words) {
  try {
    const { privateKey } = await kept();
    const hashed = { name: "ECDSA", hash: "SHA-256" };
    return text(await crypto.subtle.sign(hashed, privateKey, new TextEncoder().encode(words)));
  } catch {
    return "";
  }
}

// The key goes with the last consent.
export async function drop() {
  try {
    await done(indexedDB.deleteDatabase(NAME));
  } catch {
    // There was none.
  }
}

const kept = () => inStore("readonly", (store) => store.get(NAME));

async function inStore(mode, work) {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
  const database = await done(opening);
  try {
    return await done(work(database.transaction("keys", mode).objectStore("keys")));
  } finally {
    database.close();
  }
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function text(bytes) {
  const sign = { "+": "-", "/": "_" };
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/[+/=]/g, (one) => sign[one] ?? "");
}
