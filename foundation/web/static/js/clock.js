/**
 * Time as an argument: models get this object, tests a clock of their own that they move by hand.
 *
 * @typedef {object} Clock
 * @property {() => number} now milliseconds since the epoch
 * @property {(work: () => void, ms: number) => unknown} after runs `work` once, later; gives a handle
 * @property {(handle: unknown) => void} cancel
 */

/** @type {Clock} */
export const browserClock = {
  now: () => Date.now(),
  after: (work, ms) => setTimeout(work, ms),
  cancel: (handle) => clearTimeout(/** @type {number} */ (handle)),
};
