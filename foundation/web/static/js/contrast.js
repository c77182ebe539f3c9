/**
 * Colours that can be read: from one accent colour of an account, everything that is drawn with it (WCAG 2.2, 1.4.3).
 * The account's colour is kept where it is a ground, and its text is chosen; where it is itself text, its lightness is
 * moved (in OKLCH, hue and chroma kept) until it stands at 4.5:1 on the surface.
 *
 * @typedef {[number, number, number]} Rgb linear sRGB, 0 … 1
 * @typedef {{accent: string, onAccent: string, textOnLight: string, textOnDark: string}} Palette CSS colours
 */

const ENOUGH = 4.5;
/** The surfaces of tokens.css that the text stands on, at their least favourable: the soft accent grounds. */
const LIGHT_SURFACE = 0.9;
const DARK_SURFACE = 0.045;

/**
 * @param {string} value `#rgb` or `#rrggbb`
 * @returns {Palette | null} null when it is no such colour
 */
export function palette(value) {
  const colour = parseHex(value);
  if (!colour) return null;
  const luminance = luminanceOf(colour);
  const onAccent = ["#ffffff", "#15181d", "#000000"].find((hex) => {
    const text = parseHex(hex);
    return text && ratio(luminanceOf(text), luminance) >= ENOUGH;
  });
  return {
    accent: toHex(colour),
    onAccent: onAccent ?? "#000000",
    textOnLight: toHex(readable(colour, LIGHT_SURFACE, -0.01)),
    textOnDark: toHex(readable(colour, DARK_SURFACE, 0.01)),
  };
}

/** @param {string} value @returns {Rgb | null} */
export function parseHex(value) {
  const found = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(value);
  if (!found) return null;
  const digits = found[1].length === 3 ? [...found[1]].map((digit) => digit + digit).join("") : found[1];
  const [r, g, b] = [0, 2, 4].map((at) => linear(parseInt(digits.slice(at, at + 2), 16) / 255));
  return [r, g, b];
}

/** Contrast of two luminances, 1 … 21. @param {number} a @param {number} b */
export function ratio(a, b) {
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** @param {Rgb} colour */
export function luminanceOf([r, g, b]) {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {number} l @param {number} chroma @param {number} hue in degrees @returns {Rgb} clipped to sRGB */
export function fromOklch(l, chroma, hue) {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const [x, y, z] = [
    (l + 0.3963377774 * a + 0.2158037573 * b) ** 3,
    (l - 0.1055613458 * a - 0.0638541728 * b) ** 3,
    (l - 0.0894841775 * a - 1.291485548 * b) ** 3,
  ];
  const clip = (/** @type {number} */ value) => Math.min(1, Math.max(0, value));
  return [
    clip(4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z),
    clip(-1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z),
    clip(-0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z),
  ];
}

/** @param {Rgb} colour @returns {{l: number, chroma: number, hue: number}} */
function toOklch([r, g, b]) {
  const x = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const y = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const z = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  const l = 0.2104542553 * x + 0.793617785 * y - 0.0040720468 * z;
  const a = 1.9779984951 * x - 2.428592205 * y + 0.4505937099 * z;
  const bb = 0.0259040371 * x + 0.7827717662 * y - 0.808675766 * z;
  return { l, chroma: Math.hypot(a, bb), hue: (Math.atan2(bb, a) * 180) / Math.PI };
}

/** @param {Rgb} colour @param {number} surface its luminance @param {number} step @returns {Rgb} */
function readable(colour, surface, step) {
  const { l, chroma, hue } = toOklch(colour);
  let now = colour;
  for (let lightness = l; ratio(luminanceOf(now), surface) < ENOUGH && lightness > 0 && lightness < 1; ) {
    lightness += step;
    now = fromOklch(lightness, chroma, hue);
  }
  return now;
}

/** @param {number} channel */
function linear(channel) {
  return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
}

/** @param {Rgb} colour */
function toHex(colour) {
  const channels = colour.map((value) => {
    const encoded = value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055;
    return Math.round(encoded * 255).toString(16).padStart(2, "0");
  });
  return `#${channels.join("")}`;
}
