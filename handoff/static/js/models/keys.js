/**
 * The keyboard: which deed a key press means. Without a modifier nothing is a shortcut while somebody types; all of them can be
 * switched off. Keys are told by their place (`code`), because Alt with a letter writes another sign on some keyboards.
 */

export const SHORTCUTS = Object.freeze([
  { deed: "commands", keys: "Ctrl K", words: "Command menu", mod: "ctrl", code: "KeyK" },
  { deed: "next", keys: "Alt J", words: "Next chat", mod: "alt", code: "KeyJ" },
  { deed: "previous", keys: "Alt K", words: "Previous chat", mod: "alt", code: "KeyK" },
  { deed: "take_over", keys: "Alt T", words: "Take over", mod: "alt", code: "KeyT" },
  { deed: "close", keys: "Alt E", words: "Resolve", mod: "alt", code: "KeyE" },
  { deed: "reply", keys: "Alt L", words: "Write a reply", mod: "alt", code: "KeyL" },
  { deed: "note", keys: "Alt P", words: "Write a private note", mod: "alt", code: "KeyP" },
  { deed: "escape", keys: "Esc", words: "Close what is open", mod: "", code: "Escape" },
  { deed: "help", keys: "?", words: "This list", mod: "", code: "" },
]);

/**
 * @param {{code: string, key: string, altKey: boolean, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean, isComposing?: boolean, repeat?: boolean}} event
 * @param {{typing: boolean, enabled: boolean}} where `typing`: the focus is in a field
 * @returns {string | null}
 */
export function deedOf(event, { typing, enabled }) {
  if (event.isComposing || event.repeat) return null;
  if (event.key === "Escape") return "escape";
  if (!enabled) return null;
  const mod = event.ctrlKey || event.metaKey ? "ctrl" : event.altKey ? "alt" : "";
  // AltGr, which writes signs, comes as both.
  if (event.altKey && event.ctrlKey) return null;
  if (mod)
    return event.shiftKey ? null : (SHORTCUTS.find((one) => one.mod === mod && one.code === event.code)?.deed ?? null);
  return event.key === "?" && !typing ? "help" : null;
}
