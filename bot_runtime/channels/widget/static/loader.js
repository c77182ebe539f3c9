/* Frontdesk */
(() => {
  "use strict";
  const script = document.currentScript;
  const stub = window.Frontdesk;
  if (!(script instanceof HTMLScriptElement) || stub?.isLoaded) return;
  const origin = new URL(script.src).origin;
  const listeners = {};
  const settings = { ...window.FrontdeskSettings, ...script.dataset };
  let host, bubble, panel, note, frame, timer, ready, opened, unread, waiting;

  const STYLE = `:host{all:initial}
*{box-sizing:border-box;font:15px/1.5 system-ui,sans-serif}
button,div{position:fixed;bottom:20px;right:20px;z-index:2147483000;box-shadow:0 4px 24px #0005}
button{width:56px;height:56px;border:0;border-radius:50%;background:var(--a);color:oklch(from var(--a) calc((.64 - l)*999) 0 0);cursor:pointer}
button:focus-visible{outline:3px solid var(--a);outline-offset:3px}
svg{width:26px;vertical-align:middle;fill:none;stroke:currentColor;stroke-width:1.5}
b{position:absolute;top:-4px;right:-4px;min-width:22px;border-radius:11px;background:#b3261e;color:#fff}
div{bottom:88px;width:380px;height:640px;max-width:calc(100% - 40px);max-height:calc(100% - 108px);border-radius:12px;overflow:hidden;background:Canvas;color:CanvasText}
.left{right:auto;left:20px}
iframe{width:100%;height:100%;border:0}
p{margin:45% 24px;text-align:center}
@media(max-width:480px){div{inset:0!important;width:100%;height:100%;max-width:100%;max-height:100%;border-radius:0}.ready+[aria-expanded=true]{display:none}}
@media print{*{display:none}}`;
  const WORDS = {
    en: ["Open the chat", "Close the chat", "unread", "Opening …", "The chat is not available at the moment."],
    de: ["Chat öffnen", "Chat schließen", "ungelesen", "Wird geöffnet …", "Der Chat ist zurzeit nicht erreichbar."],
  };

  const locale = () => String(settings.locale || document.documentElement.lang || navigator.language);
  const word = (at) => (WORDS[locale().slice(0, 2)] || WORDS.en)[at];
  const news = () => ({ open: opened, url: location.href, title: document.title, referrer: document.referrer });
  const post = (message) => frame.contentWindow?.postMessage({ frontdesk: 1, ...message }, origin);
  const tell = (message) => (ready ? post(message) : waiting.push(message));

  function attempt(work, ...values) {
    try {
      work(...values);
    } catch (error) {
      console.error(error);
    }
  }

  function emit(name, data = {}) {
    for (const listener of listeners[name] || []) attempt(listener, data);
  }

  function add(parent, tag) {
    const element = document.createElement(tag);
    parent.append(element);
    return element;
  }

  function draw() {
    if (!host) return;
    host.style.setProperty("--a", /^#[0-9a-f]{6}$/i.test(settings.accent) ? settings.accent : "#2257b8");
    bubble.className = panel.className = settings.position === "left" ? "left" : "";
    panel.classList.toggle("ready", ready);
    panel.hidden = !opened;
    bubble.hidden = settings.hidden === true;
    bubble.ariaExpanded = String(opened);
    bubble.ariaLabel = word(+opened) + (!opened && unread ? ` (${unread} ${word(2)})` : "");
    const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    svg.setAttribute("viewBox", "0 0 24 24");
    path.setAttribute(
      "d",
      opened
        ? "m5.5 9 6.5 6.5L18.5 9"
        : "M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v7a2.5 2.5 0 0 1-2.5 2.5H11l-5 4v-4A2.5 2.5 0 0 1 4 13.5Z",
    );
    svg.append(path);
    bubble.replaceChildren(svg);
    if (!opened && unread) add(bubble, "b").textContent = unread;
  }

  function load() {
    note.textContent = word(3);
    frame = add(panel, "iframe");
    frame.title = "Chat";
    frame.hidden = true;
    frame.onload = () => {
      if (settings.identity) post({ kind: "identify", token: settings.identity });
      post({ kind: "hello", locale: locale(), ...news() });
    };
    frame.src = `${origin}/w/${settings.bot}`;
    timer = setTimeout(() => {
      note.textContent = word(4);
      emit("error", { code: "not_loaded" });
    }, 15e3);
  }

  function hear({ origin: from, source, data }) {
    if (from !== origin || source !== frame?.contentWindow || data?.frontdesk !== 1) return;
    const { kind, name, said } = data;
    if (kind === "ready") {
      ready = true;
      clearTimeout(timer);
      note.hidden = true;
      frame.hidden = false;
      waiting.splice(0).forEach(post);
      if (opened) frame.focus();
    } else if (kind === "close") close();
    else if (kind === "accent") settings.accent ||= said;
    else if (kind === "event" && /^[a-z]{3,12}(:[a-z]{3,9})?$/.test(name)) {
      if (name === "unread") unread = Math.min(said?.count, 99);
      emit(name, said);
    }
    draw();
  }

  function boot(more) {
    if (host) return update(more);
    Object.assign(settings, more);
    if (!/^[\w-]{22}$/.test(settings.bot)) return console.warn("Frontdesk: data-bot is no id");
    if (!document.body) return addEventListener("DOMContentLoaded", () => boot());
    unread = 0;
    ready = opened = false;
    waiting = [];
    host = add(document.body, "frontdesk-chat");
    const root = host.attachShadow({ mode: "closed" });
    root.adoptedStyleSheets = [new CSSStyleSheet()];
    root.adoptedStyleSheets[0].replaceSync(STYLE);
    panel = add(root, "div");
    panel.role = "dialog";
    panel.ariaLabel = "Chat";
    note = add(panel, "p");
    bubble = add(root, "button");
    bubble.onclick = commands.toggle;
    addEventListener("message", hear);
    draw();
    emit("ready");
  }

  function unload() {
    clearTimeout(timer);
    frame?.remove();
    frame = undefined;
  }

  function shutdown() {
    removeEventListener("message", hear);
    unload();
    host?.remove();
    host = undefined;
  }

  function open() {
    if (!host || opened) return;
    opened = true;
    if (frame) tell({ kind: "shown", ...news() });
    else load();
    draw();
    frame.focus();
    emit("open");
  }

  function close() {
    if (!host || !opened) return;
    opened = false;
    if (ready) post({ kind: "shown", ...news() });
    else unload();
    draw();
    bubble.focus();
    emit("close");
  }

  function update(more) {
    Object.assign(settings, more, { bot: settings.bot });
    draw();
    if (frame) tell({ kind: "locale", locale: locale() });
  }

  function openAnd(message) {
    open();
    if (host) tell(message);
  }

  const commands = {
    boot,
    update,
    shutdown,
    open,
    close,
    toggle: () => (opened ? close() : open()),
    show: () => update({ hidden: false }),
    hide() {
      close();
      update({ hidden: true });
    },
    showNewMessage: (text = "") => openAnd({ kind: "write", text: String(text).slice(0, 4e3) }),
    identify(token) {
      settings.identity = token;
      if (frame) tell({ kind: "identify", token });
    },
    forget: () => commands.identify(""),
    setLocale: (value) => update({ locale: value }),
    verifyEmail: () => openAnd({ kind: "email" }),
    privacy: () => openAnd({ kind: "privacy" }),
    on: (name, listener) => (listeners[name] ||= new Set()).add(listener),
    off: (name, listener) => listeners[name]?.delete(listener),
  };

  function Frontdesk(name, ...values) {
    if (Object.hasOwn(commands, name)) attempt(commands[name], ...values);
    else console.warn("Frontdesk: there is no command", name);
  }
  Frontdesk.isLoaded = true;
  window.Frontdesk = Frontdesk;
  if (settings.bot) boot();
  for (const call of stub?.q || []) Frontdesk(...call);
})();
