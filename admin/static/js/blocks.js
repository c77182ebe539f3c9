/**
 * IPv4 blocks as people paste them. The server reads them again and decides; this only shows at once what a block means.
 */

const BLOCK = /^\s*(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})\s*$/;
const PAIR = /^\s*(\d{1,3}(?:\.\d{1,3}){3})\s*(?:-|–|to)\s*(\d{1,3}(?:\.\d{1,3}){3})\s*$/;

/**
 * The first and last address of what was pasted: a block, or two addresses with a dash between them.
 *
 * @param {string} text
 * @returns {{start: string, end: string} | null} null for everything else, also for a block with host bits set
 */
export function ends(text) {
  const pair = PAIR.exec(text);
  if (pair) return { start: pair[1], end: pair[2] };
  const block = BLOCK.exec(text);
  if (!block) return null;
  const [a, b, c, d, prefix] = block.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || prefix > 32) return null;
  const size = 2 ** (32 - prefix);
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  if (first % size !== 0) return null;
  return { start: dotted(first), end: dotted(first + size - 1) };
}

/** @param {number} number */
function dotted(number) {
  return [2 ** 24, 2 ** 16, 2 ** 8, 1].map((unit) => Math.floor(number / unit) % 256).join(".");
}
