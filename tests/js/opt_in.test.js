/** The opt-in page's script: the chat's secret goes along only when its owner presses the button (D-3, D-7, D-8). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceIn, prepare } from "../../bot_runtime/static/opt_in.js";

const SECRET = "s".repeat(43);
const storage = (value) => ({ getItem: (key) => (key === "frontdesk" ? value : null) });
const kept = storage(JSON.stringify({ device: SECRET, bots: ["b"] }));

function page() {
  const field = { value: "" };
  const choice = { hidden: true };
  const listeners = [];
  const form = {
    querySelector: (what) => ({ "input[name=device]": field, ".opt-in-stay": choice })[what] ?? null,
    addEventListener: (name, work) => name === "submit" && listeners.push(work),
  };
  return {
    field,
    choice,
    press: () => listeners.forEach((work) => work()),
    document: { querySelector: (what) => (what === "form#confirm" ? form : null) },
  };
}

test("the secret is that of the chat in this browser", () => {
  assert.equal(deviceIn(kept), SECRET);
});

test("whatever else lies there is no secret", () => {
  for (const value of [null, "", "{", "null", "[]", '{"device": 7}', '{"device": "short"}', `{"device": "${SECRET}x"}`])
    assert.equal(deviceIn(storage(value)), "", String(value));
  const refuses = {
    getItem() {
      throw new Error("refused");
    },
  };
  assert.equal(deviceIn(refuses), "");
});

test("D-3: nothing is put in before the button is pressed", () => {
  const { field, press, document } = page();
  prepare(document, kept);
  assert.equal(field.value, "");
  press();
  assert.equal(field.value, SECRET);
});

test("DD-7: to stay recognised is offered where the chat is, and nowhere else", () => {
  const here = page();
  prepare(here.document, kept);
  assert.equal(here.choice.hidden, false);
  const elsewhere = page();
  prepare(elsewhere.document, storage(null));
  assert.equal(elsewhere.choice.hidden, true);
  elsewhere.press();
  assert.equal(elsewhere.field.value, "");
});

test("a page that asks nothing is left alone", () => {
  assert.doesNotThrow(() => prepare({ querySelector: () => null }, kept));
});
