// The bar that shows what of the film is counted, withheld and held, and says the same in words.

import { lengthOf, subtract, union } from "./intervals.js";
import { clockTime } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";
/** Less than this missing is rounding between the film and its measured duration, not something to watch again. */
const WHOLE_SLACK_SECONDS = 0.5;
const LEAST_GAP_SECONDS = 0.05;

const clip = (list, duration) => list.map(([from, to]) => [Math.max(0, from), Math.min(to, duration)]).filter(([a, b]) => b > a);

/** What is known of a film's coverage. Pure. */
export class Coverage {
  counted = [];
  held = [];
  /** @type {{from: number, to: number, reason: string}[]} */
  withheld = [];
  countedSeconds = 0;

  constructor(duration) {
    this.duration = duration;
  }

  /** Take the list the service gave when the session was opened. */
  start(covered) {
    this.counted = union(clip(covered, this.duration));
    this.countedSeconds = lengthOf(this.counted);
  }

  /** Add the answer to one beat. What is counted now is no longer withheld or held. */
  add({ credited = [], withheld = [], held = [], covered_seconds: coveredSeconds }) {
    this.counted = union(this.counted, clip(credited, this.duration));
    this.held = subtract(union(this.held, clip(held, this.duration)), this.counted);
    this.withheld = [...this.withheld, ...withheld].flatMap(({ from, to, reason }) =>
      subtract([[from, to]], this.counted).map(([a, b]) => ({ from: a, to: b, reason })),
    );
    this.countedSeconds = Math.max(coveredSeconds ?? 0, 0) || lengthOf(this.counted);
  }

  get complete() {
    return this.duration - this.countedSeconds < WHOLE_SLACK_SECONDS;
  }

  /** Where to go on with what is missing: the next stretch not counted besides the one being watched; null if none is. */
  nextGap(position) {
    const gaps = subtract([[0, this.duration]], this.counted).filter(([from, to]) => to - from >= LEAST_GAP_SECONDS);
    const others = gaps.filter(([from, to]) => position < from || position >= to);
    return others.find(([from]) => from > position) ?? others[0] ?? gaps[0] ?? null;
  }

  /** Withheld stretches as {reason, spans}, one for each reason, within the film and joined. */
  get withheldByReason() {
    const byReason = new Map();
    for (const { from, to, reason } of this.withheld) {
      byReason.set(reason, union(byReason.get(reason) ?? [], [[from, to]]));
    }
    return [...byReason].map(([reason, spans]) => ({ reason, spans }));
  }
}

export class FilmBar {
  #root;
  #texts;
  #coverage;
  #onReplay;
  #spans;
  #playhead;

  /** `root` is the markup of the template; `onReplay(from, to)` is called when a stretch shall be watched again. */
  constructor(root, coverage, texts, { onReplay }) {
    this.#root = root;
    this.#coverage = coverage;
    this.#texts = texts;
    this.#onReplay = onReplay;
    this.#spans = root.querySelector("[data-part=spans]");
    this.#playhead = this.#spans.querySelector("[data-part=playhead]");
  }

  /** Draw everything anew: after the session was opened and after each beat's answer. */
  render() {
    const { counted, held, withheld } = this.#coverage;
    for (const rect of this.#spans.querySelectorAll("rect[data-state]")) rect.remove();
    this.#draw("counted", counted);
    this.#draw("withheld", withheld.map(({ from, to }) => [from, to]));
    this.#draw("held", held);
    this.#say(held);
    this.#explain();
  }

  /** Move the playhead; does nothing else, so it may run at each frame. */
  moveTo(position) {
    this.#playhead.setAttribute("x", this.#percent(position));
  }

  #percent(seconds) {
    return `${((100 * Math.min(seconds, this.#coverage.duration)) / this.#coverage.duration).toFixed(3)}%`;
  }

  #draw(state, list) {
    for (const [from, to] of list) {
      const rect = document.createElementNS(SVG, "rect");
      rect.dataset.state = state;
      rect.setAttribute("x", this.#percent(from));
      rect.setAttribute("width", this.#percent(to - from));
      rect.setAttribute("height", "100%");
      rect.setAttribute("fill", `url(#fill-${state})`);
      this.#spans.insertBefore(rect, this.#playhead);
    }
  }

  #say(held) {
    const { countedSeconds, duration, complete } = this.#coverage;
    // Whole seconds only, downwards: never a second more than the ledger has.
    const shown = complete ? duration : Math.floor(Math.min(countedSeconds, duration));
    const line = this.#texts.say("counted_line", { counted: clockTime(shown), total: clockTime(duration) });
    this.#part("line").textContent = complete ? `${line} · ${this.#texts.say("all_counted")}` : line;
    const words = { counted: this.#texts.duration(shown), total: this.#texts.duration(duration) };
    this.#spans.setAttribute("aria-label", this.#texts.say("counted_words", words));
    this.#part("legend-withheld").hidden = this.#coverage.withheld.length === 0;
    this.#part("legend-held").hidden = held.length === 0;
    this.#part("next-gap").hidden = complete;
  }

  #explain() {
    const list = this.#part("reasons");
    const rows = this.#coverage.withheldByReason.map(({ reason, spans }) => this.#row(this.#texts.reason(reason), spans));
    if (this.#coverage.held.length > 0) rows.push(this.#row(this.#texts.say("held_words"), this.#coverage.held));
    list.replaceChildren(...rows);
    list.hidden = rows.length === 0;
  }

  #row(sentence, spans) {
    const row = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = sentence;
    row.append(text);
    for (const [from, to] of spans) {
      if (from >= this.#coverage.duration) continue; // there is no film there to watch again
      const stretch = `${clockTime(from)}–${clockTime(to)}`;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet small";
      button.textContent = this.#texts.say("watch_stretch", { stretch });
      button.addEventListener("click", () => this.#onReplay(from, to));
      row.append(button);
    }
    return row;
  }

  #part(name) {
    return this.#root.querySelector(`[data-part=${name}]`);
  }
}
