// From what a media element shows, the exact stretches it played. Pure: no element, no clock, no timer.
//
// The gatherer is fed observations and keeps one open stretch. Its end moves only to positions the playhead really
// passed through, so a seek ends the stretch where it was last seen, not where it jumped to. Whatever the playhead
// cannot have played in the time that went by (a skipped hole in the buffer, a script that moved it) ends it too.

/**
 * One look at the media element.
 * @typedef {object} Observation
 * @property {number} position  currentTime in seconds
 * @property {number} at        a monotonic clock in seconds, the same for all observations
 * @property {number} rate      playback rate in force
 * @property {boolean} paused
 * @property {boolean} seeking
 * @property {boolean} ended
 * @property {boolean} stalled  no data to go on with
 * @property {boolean} loop     the element starts again by itself at the end
 * @property {boolean} [reset]  the source was taken away or replaced
 * @property {boolean} [ours]   a seek that the viewer or the player ordered, not one that the browser made by itself
 *
 * A stretch really played: half-open, in seconds with three decimals.
 * @typedef {{from: number, to: number, rate: number}} Segment
 */

/** Clocks of sound, screen and page disagree by a little; this much ahead of the wall clock is still believed. */
const JITTER_SECONDS = 0.25;
const DRIFT_RATIO = 1.02;
/** Sound that waits to be heard is played out at the rate of before; a film keeps that for so long at most. */
const SETTLING_SECONDS = 0.5;
/** A loop is told from a seek to the start by how near to the end the playhead must have been. */
const LOOP_JITTER_SECONDS = 0.05;
/** The last frame of a film may end this much before the duration the service measured, and the first begin this late. */
const EDGE_SLACK_SECONDS = 0.25;

// A hair of float error must not cost a millisecond: 1.1 * 1000 is 1100.0000000000002.
const upToMs = (seconds) => Math.ceil(seconds * 1000 - 1e-6) / 1000;
const downToMs = (seconds) => Math.floor(seconds * 1000 + 1e-6) / 1000;

export class SegmentGatherer {
  #duration;
  #open = null;
  #done = [];
  // Up to where everything since the last seek is claimed, or where the playhead was set; null when that isn't known.
  #reached = null;
  // When the playhead was last seen there.
  #reachedAt = 0;
  // What the next stretch may be ahead by, in media seconds, because the film was faster right before it.
  #ahead = 0;

  /** @param {number} duration length of the film in seconds, as the service knows it; nothing beyond is claimed */
  constructor(duration = Infinity) {
    this.#duration = duration;
  }

  /** Take note of one observation. They must come in the order of their clock. @param {Observation} seen */
  observe(seen) {
    const moving = !(seen.paused || seen.seeking || seen.ended || seen.stalled || seen.reset);
    if (this.#open) this.#follow(seen, moving);
    else if (seen.ended) this.#claimTail(seen);
    if (seen.reset) this.#reached = null;
    // While it seeks, the position is the target; while it stands, it is where the next stretch begins.
    else if (seen.seeking ? !this.#skipsToFirstFrame(seen) : !moving && this.#reached === null) {
      this.#reached = upToMs(seen.position);
    }
    if (!moving) this.#reachedAt = seen.at;
    if (!this.#open && moving) this.#begin(seen);
  }

  /** The segments since the last call. A stretch that is still playing is cut at the last position seen and goes on. */
  take() {
    if (this.#open) {
      const { last, lastAt, rate, ahead } = this.#open;
      this.#end(last);
      this.#reachedAt = lastAt;
      this.#ahead = ahead;
      this.#begin({ position: last, at: lastAt, rate });
    }
    const segments = this.#done;
    this.#done = [];
    return segments;
  }

  /** What `take` would give now; nothing changes. */
  peek() {
    if (!this.#open) return [...this.#done];
    const { from, last, rate } = this.#open;
    const to = downToMs(Math.min(last, this.#duration));
    return to > from ? [...this.#done, { from, to, rate }] : [...this.#done];
  }

  /** Media seconds played and not yet taken. */
  get waitingSeconds() {
    const done = this.#done.reduce((sum, { from, to }) => sum + (to - from), 0);
    return done + (this.#open ? Math.max(0, this.#open.last - this.#open.from) : 0);
  }

  #begin({ position, at, rate }) {
    const from = this.#joined(position, at, rate);
    this.#open = { from, start: position, startAt: at, last: position, lastAt: at, rate, ahead: this.#ahead };
    this.#ahead = 0;
  }

  /** Where a stretch that begins at `position` may claim from: without a seek the playhead moves only by playing. */
  #joined(position, at, rate) {
    const reached = this.#reached;
    if (reached === null || position < reached) return upToMs(position);
    // A busy computer looks late: all that can have been played since the last look was.
    const believed = (at - this.#reachedAt) * rate * DRIFT_RATIO + JITTER_SECONDS;
    return position - reached <= believed ? reached : upToMs(position);
  }

  /** Where a film's first frame begins a little after 0, browsers go there by themselves; nothing lies before it. */
  #skipsToFirstFrame({ position, ours }) {
    return !ours && this.#reached === 0 && !this.#open && position <= EDGE_SLACK_SECONDS;
  }

  #follow(seen, moving) {
    const open = this.#open;
    if (seen.reset) {
      this.#end(open.last);
    } else if (this.#looped(seen)) {
      this.#end(this.#duration);
      this.#reached = 0;
    } else if (seen.seeking || !this.#plausible(seen)) {
      this.#end(open.last);
      // At 0 the film has only been set going: where this is the way to its first frame, nothing is skipped.
      if (!seen.seeking || this.#reached > 0) this.#reached = null;
    } else {
      open.last = Math.max(open.last, seen.position);
      open.lastAt = seen.at;
      if (!moving || seen.rate !== open.rate) this.#end(open.last);
      if (moving) this.#ahead = Math.max(0, open.rate - seen.rate) * SETTLING_SECONDS;
      if (seen.ended) this.#claimTail(seen);
    }
  }

  /** At the end of the film the playhead has passed all of it, though the last frame may end before the duration. */
  #claimTail({ position, rate }) {
    const from = this.#reached;
    if (from === null || position < from || !(this.#duration - from <= EDGE_SLACK_SECONDS)) return;
    const to = downToMs(this.#duration);
    const before = this.#done[this.#done.length - 1];
    if (before?.to === from && before.rate === rate) before.to = to;
    else if (to > from) this.#done.push({ from, to, rate });
    this.#reached = to;
  }

  #plausible({ position, at, rate }) {
    const { start, startAt, last, rate: openRate, ahead } = this.#open;
    const believed = (at - startAt) * Math.max(rate, openRate) * DRIFT_RATIO + JITTER_SECONDS + ahead;
    return position >= last - JITTER_SECONDS && position - start <= believed;
  }

  #looped({ loop, position, at }) {
    const { last, lastAt, rate } = this.#open;
    const reachable = last + (at - lastAt) * rate + LOOP_JITTER_SECONDS;
    return loop && position < JITTER_SECONDS * 2 && position < last && reachable >= this.#duration;
  }

  #end(position) {
    const { from, rate } = this.#open;
    const to = downToMs(Math.min(position, this.#duration));
    this.#open = null;
    if (to > from) this.#done.push({ from, to, rate });
    // Nothing was claimed of a stretch shorter than a millisecond: the next one may still begin where it did.
    this.#reached = Math.max(from, to);
  }
}
