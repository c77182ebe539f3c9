/** A file in the thread: what it is, the way to it, its picture when asked for, and "sensitive" in two steps (YA-22). */

import { h, icon } from "/static/foundation/js/dom.js";
import { moment, time } from "../helpers/times.js";
import { Files, sizeOf } from "../models/files.js";

const SEES_SENSITIVE = ["super_admin", "admin"];

/** @param {any} item @param {any} desk */
export function file(item, desk) {
  const files = new Files(desk.selected);
  const who = item.by === "visitor" ? "Visitor" : item.name || "A colleague";
  const opens = !item.gone || (!item.destroyed && SEES_SENSITIVE.includes(desk.me?.role));
  return h(
    "article",
    { class: `desk-message head ${item.by === "visitor" ? "" : "ours"} ${item.by}` },
    h("p", { class: "desk-meta" }, h("b", { dir: "auto" }, who), h("time", { title: moment(item.at) }, time(item.at))),
    h(
      "p",
      { class: "desk-words desk-file" },
      icon("clip", "small"),
      h("bdi", null, item.gone ? "[Sensitive file]" : item.called),
      h("span", null, sizeOf(item.size)),
      opens &&
        h(
          "a",
          { class: "button small", href: files.address(item.file), download: item.called, "aria-label": `Download ${item.called || "the sensitive file"}` },
          icon("download", "small"),
        ),
    ),
    item.shows && picture(files.address(item.file), item.called),
    !item.gone && sensitive(files, item.file),
  );
}

/** Asked for: looking at it is written down. @param {string} address @param {string} name */
function picture(address, name) {
  const place = h("p", { class: "desk-aside" });
  const show = () => place.replaceChildren(h("img", { class: "desk-picture", src: `${address}?show=1`, alt: name }));
  place.append(h("button", { class: "link", type: "button", on: { click: show } }, "Show the picture"));
  return place;
}

/** @param {Files} files @param {string} id */
function sensitive(files, id) {
  const said = h("span", { role: "status", class: "error" });
  const hide = async () => {
    said.textContent = await files.hide(id);
  };
  return h(
    "details",
    { class: "desk-removal" },
    h("summary", null, "Sensitive"),
    h("button", { class: "button small danger", type: "button", on: { click: hide } }, "Hide now, destroy within 15 days"),
    said,
  );
}
