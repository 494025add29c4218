// What is known of a film's coverage: what counts, what is held or withheld and why. Pure.

import { lengthOf, subtract, union } from "./intervals.js";

/** Less than this missing is rounding between the film and its measured duration, not something to watch again. */
const WHOLE_SLACK_SECONDS = 0.5;
const LEAST_GAP_SECONDS = 0.05;

/** @typedef {{from: number, to: number, reason: string}} Stretch  held or withheld, with the code of the reason */

const clip = (list, duration) => list.map(([from, to]) => [Math.max(0, from), Math.min(to, duration)]).filter(([a, b]) => b > a);

const spanOf = ({ from, to }) => [from, to];

/** What of the stretches does not lie in the spans. */
const outside = (stretches, spans) =>
  stretches.flatMap(({ from, to, reason }) => subtract([[from, to]], spans).map(([a, b]) => ({ from: a, to: b, reason })));

/** `fresh` laid over `known`: a stretch judged anew has its latest reason. */
const over = (known, fresh) => [...outside(known, fresh.map(spanOf)), ...fresh];

export class Coverage {
  counted = [];
  /** @type {Stretch[]} */
  held = [];
  /** @type {Stretch[]} */
  withheld = [];
  countedSeconds = 0;

  constructor(duration) {
    this.duration = duration;
  }

  /** Take the whole state of the film, as a page, an opened session or a look at it gives it, in place of what was known. */
  replace({ covered = [], held = [], withheld = [], covered_seconds: coveredSeconds }) {
    this.counted = union(clip(covered, this.duration));
    this.held = outside(this.#within(held), this.counted);
    this.withheld = outside(withheld, [...this.counted, ...this.held.map(spanOf)]);
    this.countedSeconds = coveredSeconds ?? lengthOf(this.counted);
  }

  /** Add the answer to one beat. What is counted now is no longer withheld or held. */
  add({ credited = [], withheld = [], held = [], held_reasons: reasons, covered_seconds: coveredSeconds }) {
    const heldNow = reasons ?? held.map(([from, to]) => ({ from, to, reason: "unknown" }));
    this.counted = union(this.counted, clip(credited, this.duration));
    this.held = outside(over(this.held, this.#within(heldNow)), this.counted);
    this.withheld = outside(over(this.withheld, withheld), [...this.counted, ...this.held.map(spanOf)]);
    this.countedSeconds = Math.max(coveredSeconds ?? 0, 0) || lengthOf(this.counted);
  }

  get complete() {
    return this.duration - this.countedSeconds < WHOLE_SLACK_SECONDS;
  }

  /**
   * Up to where the film is known from its start on without a gap. `played` is what was played and not judged yet.
   * Where a programme forbids skipping ahead, nothing beyond may be gone to.
   */
  frontier(played = []) {
    const known = union(this.counted, this.held.map(spanOf), clip(played, this.duration));
    let reached = 0;
    for (const [from, to] of known) {
      if (from > reached + LEAST_GAP_SECONDS) break;
      reached = Math.max(reached, to);
    }
    return reached;
  }

  /** Where to go on with what is missing: the next stretch not counted besides the one being watched; null if none is. */
  nextGap(position, limit = Infinity) {
    const missing = subtract([[0, this.duration]], this.counted);
    const gaps = missing.filter(([from, to]) => to - from >= LEAST_GAP_SECONDS && from <= limit);
    const others = gaps.filter(([from, to]) => position < from || position >= to);
    return others.find(([from]) => from > position) ?? others[0] ?? gaps[0] ?? null;
  }

  /** All that needs a word, as {state, reason, spans}: one for each state and reason, its spans joined. */
  get explained() {
    const groups = new Map();
    for (const state of ["withheld", "held"]) {
      for (const { from, to, reason } of this[state]) {
        const key = `${state} ${reason}`;
        const spans = union(groups.get(key)?.spans ?? [], [[from, to]]);
        groups.set(key, { state, reason, spans });
      }
    }
    return [...groups.values()];
  }

  #within(stretches) {
    return stretches.flatMap(({ from, to, reason }) => clip([[from, to]], this.duration).map(([a, b]) => ({ from: a, to: b, reason })));
  }
}
