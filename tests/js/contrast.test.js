/** WCAG 2.2, 1.4.3 and 1.4.11: the colours of tokens.css, and what the widget makes of any account's colour. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const TOKENS = css("foundation/web/static/css/tokens.css");
const WIDGET = css("bot_runtime/channels/widget/static/css/widget.css")
  .replace(/\s+/g, " ")
  .replaceAll("( ", "(")
  .replaceAll(" )", ")");
const clip = (value) => Math.min(1, Math.max(0, value));
const luminance = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const ratio = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};

/** Linear sRGB. */
function fromOklch({ l, c, h }) {
  const [a, b] = [c * Math.cos((h * Math.PI) / 180), c * Math.sin((h * Math.PI) / 180)];
  const [x, y, z] = [
    l + 0.3963377774 * a + 0.2158037573 * b,
    l - 0.1055613458 * a - 0.0638541728 * b,
    l - 0.0894841775 * a - 1.291485548 * b,
  ].map((v) => v ** 3);
  return [
    4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
    -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
    -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z,
  ].map(clip);
}

function toOklch([r, g, b]) {
  const [x, y, z] = [
    0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b,
    0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b,
    0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b,
  ].map(Math.cbrt);
  const [p, q] = [
    1.9779984951 * x - 2.428592205 * y + 0.4505937099 * z,
    0.0259040371 * x + 0.7827717662 * y - 0.808675766 * z,
  ];
  return {
    l: 0.2104542553 * x + 0.793617785 * y - 0.0040720468 * z,
    c: Math.hypot(p, q),
    h: (Math.atan2(q, p) * 180) / Math.PI,
  };
}

/** name → [light, dark] */
const tokens = new Map(
  [...TOKENS.matchAll(/--([\w-]+): (?:light-dark\()?oklch\(([\d. ]+)\)(?:, oklch\(([\d. ]+)\)\))?;/g)].map(
    ([, name, light, dark]) => {
      const read = (text) => {
        const [l, c, h] = text.trim().split(/\s+/).map(Number);
        return fromOklch({ l, c, h: h ?? 0 });
      };
      return [name, [read(light), read(dark ?? light)]];
    },
  ),
);

const TEXT = [
  ...["canvas", "surface", "raised", "sunken", "hover", "note"].flatMap((ground) => [
    ["text", ground],
    ["muted", ground],
  ]),
  ...["canvas", "surface", "raised"].flatMap((ground) =>
    ["accent-text", "ok", "warn", "danger"].map((text) => [text, ground]),
  ),
  ...["ok", "warn", "danger"].flatMap((kind) => [
    [kind, `${kind}-soft`],
    ["text", `${kind}-soft`],
  ]),
  ["accent-text", "accent-soft"],
  ["text", "accent-soft"],
  ["accent-text", "sunken"],
  ["on-accent", "accent"],
  ["on-danger", "danger-solid"],
];
const PARTS = [
  ["line-strong", "surface"],
  ["line-strong", "canvas"],
  ["line-strong", "raised"],
  ["line-strong", "sunken"],
  ["accent", "surface"],
];

for (const [pairs, least] of [
  [TEXT, 4.5],
  [PARTS, 3],
]) {
  for (const [front, ground] of pairs) {
    test(`${front} on ${ground} has ${least}:1 in light and dark`, () => {
      for (const scheme of [0, 1]) {
        const found = ratio(tokens.get(front)[scheme], tokens.get(ground)[scheme]);
        assert.ok(found >= least, `${["light", "dark"][scheme]}: ${found.toFixed(2)}`);
      }
    });
  }
}

/** A few thousand colours from all of sRGB. */
const colours = [];
const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
for (let r = 0; r <= 255; r += 17)
  for (let g = 0; g <= 255; g += 17)
    for (let b = 0; b <= 255; b += 17) colours.push([r, g, b].map((v) => linear(v / 255)));

test("the rules tested below are those of widget.css", () => {
  assert.match(WIDGET, /clamp\(0, \(0\.179 - 0\.2126 \* r - 0\.7152 \* g - 0\.0722 \* b\) \* 1e6, 1\)/);
  assert.match(
    WIDGET,
    /oklch\(from var\(--accent\) min\(l, 0\.5\) c h\), oklch\(from var\(--accent\) max\(l, 0\.78\) min\(c, 0\.13\) h\)/,
  );
});

test("text on any account's colour, as the widget chooses it, has 4.5:1", () => {
  for (const colour of colours) {
    const white = clip((0.179 - luminance(colour)) * 1e6);
    const found = ratio(colour, [white, white, white]);
    assert.ok(found >= 4.5, `${colour}: ${found.toFixed(2)}`);
  }
});

test("any account's colour as text has 4.5:1 on the surface, light and dark", () => {
  for (const colour of colours) {
    const { l, c, h } = toOklch(colour);
    const light = ratio(fromOklch({ l: Math.min(l, 0.5), c, h }), tokens.get("surface")[0]);
    const dark = ratio(fromOklch({ l: Math.max(l, 0.78), c: Math.min(c, 0.13), h }), tokens.get("raised")[1]);
    assert.ok(light >= 4.5 && dark >= 4.5, `${colour}: ${light.toFixed(2)}, ${dark.toFixed(2)}`);
  }
});
