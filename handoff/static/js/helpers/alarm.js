/**
 * A sound and a notification when somebody should look. Both begin with a button, never by themselves. A notification says who
 * and not what: it may be read by whoever stands at the screen.
 */

export class Alarm {
  /** @type {AudioContext | null} */
  #audio = null;

  /** @returns {"on" | "off" | "ask" | "none"} */
  get notifications() {
    if (!("Notification" in window)) return "none";
    return /** @type {any} */ ({ granted: "on", denied: "off", default: "ask" })[Notification.permission];
  }

  async askForNotifications() {
    if (this.notifications === "ask") await Notification.requestPermission();
  }

  /** Browsers let a page sound only after a gesture; this is called in one. */
  prepareSound() {
    this.#audio ??= new AudioContext();
    if (this.#audio.state === "suspended") this.#audio.resume();
  }

  /** Two short tones. */
  sound() {
    const audio = this.#audio;
    if (!audio || audio.state !== "running") return;
    for (const [start, pitch] of [
      [0, 660],
      [0.14, 880],
    ]) {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      const at = audio.currentTime + start;
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.001, at + 0.3);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.32);
    }
  }

  /** @param {string} title @param {string} tag a later one with the same tag replaces it @param {() => void} open */
  notify(title, tag, open) {
    if (this.notifications !== "on") return;
    const note = new Notification(title, { tag });
    note.addEventListener("click", () => {
      window.focus();
      note.close();
      open();
    });
  }
}
