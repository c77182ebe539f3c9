/** What the models are tested with: a clock moved by hand, sockets that are files of frames, and a storage. */

export class ManualClock {
  time = 1_700_000_000_000;
  #timers = new Map();
  #next = 1;

  now() {
    return this.time;
  }

  after(work, ms) {
    this.#timers.set(this.#next, { at: this.time + ms, work });
    return this.#next++;
  }

  cancel(handle) {
    this.#timers.delete(handle);
  }

  /** Move on; what is due runs in its order. */
  pass(ms) {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].work();
    }
    this.time = end;
  }

  get waiting() {
    return this.#timers.size;
  }
}

/** One socket as the browser gives it, and the other end in the test's hand. */
export class Wire {
  sent = [];
  isClosed = false;

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.isClosed = true;
  }

  open() {
    this.onopen?.({});
  }

  say(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  cut(code = 1006) {
    this.isClosed = true;
    this.onclose?.({ code });
  }

  of(type) {
    return this.sent.filter((frame) => frame.type === type);
  }
}

/** Gives wires and remembers them. */
export class Exchange {
  wires = [];

  connect = () => {
    const wire = new Wire();
    this.wires.push(wire);
    return wire;
  };

  get wire() {
    return this.wires.at(-1);
  }
}

export class MemoryStorage {
  items = new Map();

  getItem(key) {
    return this.items.get(key) ?? null;
  }

  setItem(key, value) {
    this.items.set(key, value);
  }

  removeItem(key) {
    this.items.delete(key);
  }
}

/** UUIDs that can be read in a failing test. */
export function counter() {
  let count = 0;
  return () => `00000000-0000-4000-8000-${String(++count).padStart(12, "0")}`;
}

/** Let promises that are settled run on. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));
