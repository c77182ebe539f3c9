/** What the pane knows about an address (DD-4, DD-5). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Contact } from "../../handoff/static/js/models/contact.js";

function house(answers) {
  const asked = [];
  let changes = 0;
  const fetch = async (path) => {
    asked.push(path);
    const answer = answers.shift();
    if (answer === undefined) throw new Error("no line");
    return { ok: answer !== null, json: async () => answer };
  };
  const contact = new Contact({ fetch, onChange: () => changes++ });
  return { contact, asked, changes: () => changes };
}

test("a chat without an address is not asked about", async () => {
  const { contact, asked } = house([]);
  await contact.follow({ id: "c", seq: 1, address: "" });
  assert.deepEqual(asked, []);
});

test("it is read once for each state of the chat", async () => {
  const { contact, asked, changes } = house([{ earlier: null }, { earlier: [] }]);
  const row = { id: "c", seq: 4, address: "j@x.example" };
  await contact.follow(row);
  await contact.follow(row);
  assert.deepEqual(contact.data, { earlier: null });
  await contact.follow({ ...row, seq: 5 });
  assert.deepEqual(contact.data, { earlier: [] });
  assert.deepEqual([asked.length, changes()], [2, 2]);
});

test("another chat does not show what was known of the one before, nor does a refusal", async () => {
  const { contact } = house([{ earlier: [] }, null]);
  await contact.follow({ id: "c", seq: 4, address: "j@x.example" });
  await contact.follow({ id: "d", seq: 2, address: "k@x.example" });
  assert.equal(contact.data, null);
});

test("a line that broke leaves what was known", async () => {
  const { contact } = house([{ earlier: [] }]);
  await contact.follow({ id: "c", seq: 4, address: "j@x.example" });
  await contact.follow({ id: "c", seq: 5, address: "j@x.example" });
  assert.deepEqual(contact.data, { earlier: [] });
});
