// The bar that shows what of the film is counted, withheld and held, and says the same in words.

import { clockTime } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";

export class FilmBar {
  #root;
  #texts;
  #coverage;
  #onOpen;
  #spans;
  #playhead;

  /** `root` is the markup of the template; `onOpen({state, reason, from, to})` hears which stretch was pressed. */
  constructor(root, coverage, texts, { onOpen }) {
    this.#root = root;
    this.#coverage = coverage;
    this.#texts = texts;
    this.#onOpen = onOpen;
    this.#spans = root.querySelector("[data-part=spans]");
    this.#playhead = this.#spans.querySelector("[data-part=playhead]");
  }

  /** Draw everything anew: after the session was opened and after each beat's answer. */
  render() {
    for (const rect of this.#spans.querySelectorAll("rect:not([data-part])")) rect.remove();
    for (const [from, to] of this.#coverage.counted) this.#draw("counted", from, to);
    for (const group of this.#coverage.explained) {
      for (const [from, to] of group.spans) this.#drawOpenable(group, from, to);
    }
    this.#say();
  }

  /** Move the playhead; does nothing else, so it may run at each frame. */
  moveTo(position) {
    this.#playhead.setAttribute("x", this.#percent(position));
  }

  #percent(seconds) {
    return `${((100 * Math.min(seconds, this.#coverage.duration)) / this.#coverage.duration).toFixed(3)}%`;
  }

  #draw(state, from, to) {
    const rect = this.#rect(from, to);
    rect.dataset.state = state;
    rect.setAttribute("fill", `url(#fill-${state})`);
    this.#spans.insertBefore(rect, this.#playhead);
  }

  /** A few seconds of a long film are a hair on the bar; what can be pressed is as wide as a fingertip allows. */
  #drawOpenable({ state, reason }, from, to) {
    this.#draw(state, from, to);
    const target = this.#rect(from, to);
    target.classList.add("target");
    target.addEventListener("click", () => this.#onOpen({ state, reason, from, to }));
    const title = document.createElementNS(SVG, "title");
    title.textContent = this.#texts.say(`state_${state}`, { stretch: `${clockTime(from)}–${clockTime(to)}` });
    target.append(title);
    this.#spans.append(target);
  }

  #rect(from, to) {
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("x", this.#percent(from));
    rect.setAttribute("width", this.#percent(to - from));
    rect.setAttribute("height", "100%");
    return rect;
  }

  #say() {
    const { countedSeconds, duration, complete, held, withheld } = this.#coverage;
    // Whole seconds only, downwards: never a second more than the ledger has.
    const shown = complete ? duration : Math.floor(Math.min(countedSeconds, duration));
    const line = this.#texts.say("counted_line", { counted: clockTime(shown), total: clockTime(duration) });
    this.#part("line").textContent = complete ? `${line} · ${this.#texts.say("all_counted")}` : line;
    const words = { counted: this.#texts.duration(shown), total: this.#texts.duration(duration) };
    this.#spans.setAttribute("aria-label", this.#texts.say("counted_words", words));
    this.#part("legend-withheld").hidden = withheld.length === 0;
    this.#part("legend-held").hidden = held.length === 0;
    this.#part("next-gap").hidden = complete;
  }

  #part(name) {
    return this.#root.querySelector(`[data-part=${name}]`);
  }
}
