// C-12: what the host page may say, exactly.

const text = (value) => typeof value === "string" && value.length <= 100_000;
const flag = (value) => typeof value === "boolean";
export const isLocale = (value) => /^[a-z]{2,3}([-_][a-z0-9]{1,8}){0,3}$/i.test(value) && text(value);
const page = { open: flag, url: text, title: text, referrer: text };
const KINDS = {
  hello: { locale: text, ...page },
  shown: page,
  locale: { locale: isLocale },
  write: { text },
  privacy: {},
  email: {},
  identify: { token: text },
};

export function understood(data) {
  if (typeof data !== "object" || !data || Object.getPrototypeOf(data) !== Object.prototype) return null;
  const { frontdesk, ...message } = data;
  const { kind, ...members } = message;
  if (frontdesk !== 1 || typeof kind !== "string" || !Object.hasOwn(KINDS, kind)) return null;
  const checks = Object.entries(KINDS[kind]);
  const right = Object.keys(members).length === checks.length && checks.every(([name, check]) => check(members[name]));
  return right ? message : null;
}

// Without query and fragment, where secrets may stand.
export function bare({ url, title, referrer }) {
  const cut = (address) => address.split(/[?#]/)[0].slice(0, 1_000);
  return { url: cut(url), title: [...title].slice(0, 120).join(""), referrer: cut(referrer) };
}
