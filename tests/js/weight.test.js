/** UX: the whole widget weighs at most 30 kB as it travels, its loader at most 3 kB. Counted file by file, as they are served. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const WIDGET = `${ROOT}bot_runtime/channels/widget/`;
const FOUNDATION = `${ROOT}foundation/web/static/`;

const weight = (path) => gzipSync(readFileSync(path), { level: 9 }).length;
const under = (folder) =>
  readdirSync(folder).flatMap((name) =>
    statSync(`${folder}/${name}`).isDirectory() ? under(`${folder}/${name}`) : [`${folder}/${name}`],
  );

/** Follows the imports from one module; what is imported only when it is needed is followed when `lazy` says so. */
function modules(path, lazy, known = new Set()) {
  if (known.has(path)) return known;
  known.add(path);
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  for (const [, dynamic, name] of readFileSync(path, "utf8").matchAll(/(?:from|import)\s*(\(?)\s*"([^"]+)"/g)) {
    if (dynamic && !lazy(name)) continue;
    modules(
      name.startsWith("/static/foundation/") ? FOUNDATION + name.slice(19) : new URL(name, `file://${folder}`).pathname,
      lazy,
      known,
    );
  }
  return known;
}

const english = (name) => name.endsWith("en.js");
const loaded = modules(`${WIDGET}static/js/define.js`, english);
const others = [
  `${WIDGET}static/loader.js`,
  `${WIDGET}templates/widget.html`,
  `${WIDGET}static/css/widget.css`,
  `${WIDGET}static/icons.svg`,
  `${FOUNDATION}css/tokens.css`,
];

test("the loader weighs at most 3 kB", () => {
  assert.ok(weight(others[0]) <= 3_000, `${weight(others[0])} bytes`);
});

test("all that a visitor's browser loads weighs at most 30 kB", () => {
  const all = [...loaded, ...others];
  const total = all.reduce((sum, path) => sum + weight(path), 0);
  assert.ok(
    total <= 30_000,
    `${total} bytes:\n${all.map((path) => `${weight(path)} ${path.slice(ROOT.length)}`).join("\n")}`,
  );
});

test("no file of the widget lies beside what is loaded", () => {
  const languages = modules(`${WIDGET}static/js/define.js`, () => true);
  const known = new Set([...languages, ...others]);
  assert.deepEqual(
    under(`${WIDGET}static`).filter((path) => !known.has(path) && !path.endsWith("README.md")),
    [],
  );
});

test("the widget's icons are those of the house, and only those that it draws", () => {
  const symbols = (path) =>
    new Map([...readFileSync(path, "utf8").matchAll(/<symbol id="([^"]+)".*/g)].map((found) => [found[1], found[0]]));
  const house = symbols(`${FOUNDATION}icons.svg`);
  const code = [...loaded].map((path) => readFileSync(path, "utf8")).join("\n");
  for (const [name, symbol] of symbols(`${WIDGET}static/icons.svg`)) {
    assert.equal(symbol, house.get(name), name);
    assert.ok(code.includes(`"${name}"`), `${name} is not drawn`);
  }
});
