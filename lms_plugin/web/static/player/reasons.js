// Why stretches of the film are not counted and what can be done: as a list under the film, and as a card at the bar.

import { clockTime } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";
/** More stretches than this of one reason are folded away. */
const SHOWN_AT_ONCE = 6;

const stretchOf = (from, to) => `${clockTime(from)}–${clockTime(to)}`;

export class Reasons {
  #list;
  #card;
  #coverage;
  #texts;
  #watch;
  #catchUp;
  #drawn = "";
  #open = null;
  #openedFrom = null;

  /**
   * `watch(from, to)` plays just that stretch; `catchUp()` goes on where the film is known without a gap up to, for what
   * comes back by itself once that is watched.
   */
  constructor(root, coverage, texts, { watch, catchUp }) {
    this.#list = root.querySelector("[data-part=reasons]");
    this.#card = root.querySelector("[data-part=stretch]");
    this.#coverage = coverage;
    this.#texts = texts;
    this.#watch = watch;
    this.#catchUp = catchUp;
    this.#card.querySelector("[data-part=stretch-close]").addEventListener("click", () => this.close());
    this.#card.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
  }

  /** Bring the list up to date, and the card where its stretch still is one. */
  render() {
    const groups = this.#coverage.explained;
    const drawn = JSON.stringify(groups);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const focused = this.#list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.#list.replaceChildren(...groups.map((group) => this.#row(group)));
    this.#list.hidden = groups.length === 0;
    if (focused) this.#list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    this.#refreshCard(groups);
  }

  /** Open the card of a stretch of the bar. */
  open(stretch) {
    const { state, reason, from, to } = stretch;
    if (!this.#open) this.#openedFrom = document.activeElement;
    this.#open = stretch;
    this.#cardPart("icon").setAttribute("fill", `url(#fill-${state})`);
    this.#cardPart("title").textContent = this.#texts.say(`state_${state}`, { stretch: stretchOf(from, to) });
    this.#cardPart("text").textContent = this.#texts.reason(reason, state);
    this.#cardPart("actions").replaceChildren(...this.#buttons(stretch, "small"));
    this.#card.style.setProperty("--at", `${(50 * (from + to)) / this.#coverage.duration}%`);
    this.#card.hidden = false;
    (this.#cardPart("actions").querySelector("button") ?? this.#card).focus({ preventScroll: true });
  }

  close() {
    const focusInside = this.#card.contains(document.activeElement);
    this.#open = null;
    this.#card.hidden = true;
    if (focusInside) (this.#openedFrom?.isConnected ? this.#openedFrom : this.#card.closest(".player")).focus({ preventScroll: true });
  }

  /** What is drawn may have shrunk or gone since; a card about nothing would only confuse. */
  #refreshCard(groups) {
    if (!this.#open) return;
    const { state, reason, from, to } = this.#open;
    const group = groups.find((one) => one.state === state && one.reason === reason);
    if (!group?.spans.some(([a, b]) => a === from && b === to)) this.close();
  }

  #row({ state, reason, spans }) {
    const row = document.createElement("li");
    row.className = state;
    const text = document.createElement("span");
    text.textContent = this.#texts.reason(reason, state);
    text.prepend(this.#swatch(state));
    row.append(text);
    const buttons = spans.flatMap(([from, to]) => this.#buttons({ state, reason, from, to }));
    row.append(...buttons.slice(0, SHOWN_AT_ONCE));
    if (buttons.length > SHOWN_AT_ONCE) row.append(this.#fold(buttons.slice(SHOWN_AT_ONCE)));
    return row;
  }

  #fold(buttons) {
    const fold = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = this.#texts.say("more_stretches", { n: buttons.length });
    fold.append(summary, ...buttons);
    return fold;
  }

  #buttons({ state, reason, from, to }, look = "quiet small") {
    if (from >= this.#coverage.duration) return []; // there is no film there to watch again
    const stretch = stretchOf(from, to);
    // Only what lies before it brings it back; watching it once more would change nothing.
    const ahead = reason === "skipped_ahead";
    const button = document.createElement("button");
    button.type = "button";
    button.className = look;
    button.dataset.key = `${state} ${reason} ${from}`;
    button.textContent = this.#texts.say(ahead ? "watch_before" : "watch_stretch", { stretch, at: clockTime(from) });
    button.addEventListener("click", () => {
      this.close();
      if (ahead) this.#catchUp();
      else this.#watch(from, to);
    });
    return [button];
  }

  #swatch(state) {
    const picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("class", "swatch");
    picture.setAttribute("aria-hidden", "true");
    const rect = document.createElementNS(SVG, "rect");
    for (const side of ["width", "height"]) rect.setAttribute(side, "100%");
    rect.setAttribute("fill", `url(#fill-${state})`);
    picture.append(rect);
    return picture;
  }

  #cardPart(name) {
    return this.#card.querySelector(`[data-part=stretch-${name}]`);
  }
}
