import assert from "node:assert/strict";
import { test } from "node:test";

import { linked, secureAddress } from "../../foundation/web/static/js/dom.js";

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

test("a text made to be slow is not slow", () => {
  const started = performance.now();
  linked(`${"https://x.example/((((".repeat(200)}${")".repeat(3000)}`);
  linked("https://".repeat(500));
  assert.ok(performance.now() - started < 500);
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
