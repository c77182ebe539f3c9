import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { linked, secureAddress, trimmed } from "../../foundation/web/static/js/dom.js";

const hrefs = (text) =>
  linked(text)
    .filter((part) => part.href)
    .map((part) => part.href);
const words = (text) =>
  linked(text)
    .map((part) => part.text)
    .join("");

test("links are found, and the sentence around them is not part of them", () => {
  assert.deepEqual(linked("See https://shop.example/a?b=1#c."), [
    { text: "See " },
    { text: "https://shop.example/a?b=1#c", href: "https://shop.example/a?b=1#c" },
    { text: "." },
  ]);
  assert.deepEqual(hrefs("(http://a.example/x_(y)) and https://b.example, too!"), [
    "http://a.example/x_(y)",
    "https://b.example/",
  ]);
  assert.deepEqual(hrefs("mailto:jane@x.example"), ["mailto:jane@x.example"]);
});

test("X-4: other schemes, hidden names and broken addresses are text", () => {
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,<script>1</script>",
    "vbscript:x",
    "jAvA\tscript:alert(1)",
    "\u0001javascript:alert(1)",
    "//evil.example/x",
    "https://good.example@evil.example/",
    "https://user:secret@evil.example/",
    "https:///",
    "http://",
    "https://%zz.example",
    "mailto:a@b.example,c@d.example",
    "mailto:x",
    "https://evil",
    "file:///etc/passwd",
    "blob:https://x.example/1",
  ])
    assert.deepEqual(hrefs(text), [], text);
});

test("X-4: letters that look like others show the real host", () => {
  const [link] = linked("https://аpple.example/");
  assert.equal(link.host, "xn--pple-43d.example");
  assert.equal(linked("https://SHOP.example/")[0].host, undefined);
  assert.equal(linked("https://shop.example:443/")[0].host, "shop.example");
});

test("X-4: a character that turns the writing direction ends a link", () => {
  assert.deepEqual(hrefs("https://shop.example/\u202Egpj.exe"), ["https://shop.example/"]);
  assert.deepEqual(hrefs("https://shop.example/\u200Bx"), ["https://shop.example/"]);
});

test("a mail link carries an address and nothing else", () => {
  assert.deepEqual(hrefs("mailto:jane@x.example?bcc=all@y.example&body=hi"), ["mailto:jane@x.example"]);
});

test("no letter of the text is lost or changed, whatever it is", () => {
  for (const text of [
    "",
    "$& $1 $`",
    "<img src=x onerror=alert(1)>",
    "{{7*7}} ${7*7} {0.__class__} %s%n",
    "a https://x.example b https://y.example",
    "😀 https://x.example/😀",
  ]) {
    assert.equal(words(text), text);
  }
});

const SLOW = [
  (many) => `${"https://x.example/((((".repeat(many)}${")".repeat(20 * many)}`,
  (many) => `https://x.example/${"(".repeat(many)}${").".repeat(many)}`,
  (many) => `https://x.example/${".".repeat(20 * many)}x`,
  (many) => `https://x.example/${".)]".repeat(20 * many)}`,
  (many) => "https://".repeat(many),
];

test("a text made to be slow is not slow: where a link ends is seen by reading each letter a few times", () => {
  for (const made of SLOW)
    for (const many of [10, 200]) {
      const letters = made(many).split("");
      let reads = 0;
      const counting = new Proxy(letters, {
        get(target, key) {
          if (typeof key === "string" && /^\d/.test(key)) reads += 1;
          return Reflect.get(target, key);
        },
      });
      assert.equal(trimmed(counting).join(""), trimmed(letters.join("")));
      assert.ok(reads >= letters.length && reads <= 3 * letters.length, `${reads} reads of ${letters.length} letters`);
      assert.equal(words(letters.join("")), letters.join(""));
    }
});

test("a text made to be slow is not slow: no regular expression can go back and try again without end", async () => {
  const source = await readFile(new URL("../../foundation/web/static/js/dom.js", import.meta.url), "utf8");
  const literals = [...source.matchAll(/(?:= |\()\/((?:\[(?:\\.|[^\]\n])+\]|\\.|[^/\n[])+)\/[a-z]*[;.,)]/g)].map(([, one]) => one);
  assert.ok(literals.length >= 4, literals.join("\n"));
  for (const literal of literals) {
    const bare = literal.replace(/\[(?:\\.|[^\]])+\]|\\(?:[pu]\{\w+\}|.)/g, "x"); // each class and escape is one letter
    const unbounded = bare.match(/[*+]|\{\d+,\}/g) ?? [];
    // One that is tried at one place only, or that ends the expression, where nothing after it can fail.
    assert.ok(unbounded.length === 0 || (unbounded.length === 1 && /^\^|[*+]$/.test(bare)), literal);
  }
});

test("only https without a name in it may be offered as a picture", () => {
  assert.deepEqual(secureAddress("https://img.example/cat.png"), {
    href: "https://img.example/cat.png",
    host: "img.example",
  });
  for (const address of [
    "http://img.example/",
    "//img.example/",
    "cat.png",
    "data:image/png;base64,xx",
    "javascript:1",
    "https://a@b.example/",
    "",
  ]) {
    assert.equal(secureAddress(address), null, address);
  }
});
