// YA-29: stands in the place of Device while the host page says who the visitor is. Keeps nothing in the browser.

const draw = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32)))).replace(
    /[+/=]/g,
    (sign) => ({ "+": "-", "/": "_" })[sign] ?? "",
  );

// An empty token: the visitor logged out, and this browser is nobody's.
export function identify(visit, token) {
  visit.become((device) => {
    if (token && device.given === token) return null;
    const plain = device.plain ?? device;
    if (token) return new Named(plain, token);
    if (plain.forget()) import("./keys.js").then(({ drop }) => drop());
    return plain;
  });
}

export class Named {
  // With it the page comes back after its line broke; another page with the same token is refused.
  #use = draw();

  constructor(plain, token) {
    Object.assign(this, { plain, token, given: token });
  }

  get hello() {
    const { token: identity } = this;
    return identity ? { device: null, identity, use: this.#use } : this.plain.hello;
  }

  get secret() {
    return this.token ? this.#use : this.plain.secret;
  }

  get signs() {
    return !this.token && this.plain.signs;
  }

  get isKept() {
    return !this.token && this.plain.isKept;
  }

  signed() {
    this.plain.signed();
  }

  // The token was not taken: somebody new.
  renew() {
    this.token = "";
    this.plain.renew();
  }

  secretForConsent() {
    return this.token ? this.#use : this.plain.secretForConsent();
  }

  keep() {
    if (!this.token) this.plain.keep();
  }

  forget() {
    return !this.token && this.plain.forget();
  }
}
