// The sentences of the player, rendered by the page in its language into <script type="application/json" id="player-texts">.

/** "8:20", "1:02:05": a position in the film. */
export function clockTime(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`;
}

export class Texts {
  #sentences;

  /** @param {Record<string, string>} sentences by key, with {name} where a value goes */
  constructor(sentences) {
    this.#sentences = sentences;
  }

  static fromPage(id = "player-texts") {
    return new Texts(JSON.parse(document.getElementById(id).textContent));
  }

  /** The sentence of a key with its values filled in. */
  say(key, values = {}) {
    const sentence = this.#sentences[key] ?? key;
    return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  }

  /** Why a stretch is withheld or held, for a code of the service; a code this page does not know gets the general one. */
  reason(code, state = "withheld") {
    const kind = state === "held" ? "held" : "reason";
    return this.#sentences[`${kind}_${code}`] ?? this.say(`${kind}_unknown`, { code });
  }

  /** A length of time in words: "8 min 20 s". */
  duration(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
    const parts = [
      [h, "hours"],
      [m, "minutes"],
      [s, "seconds"],
    ].filter(([amount]) => amount > 0);
    if (parts.length === 0) return this.say("seconds", { n: 0 });
    return parts.map(([n, unit]) => this.say(unit, { n })).join(" ");
  }
}
