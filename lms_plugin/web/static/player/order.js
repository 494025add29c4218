// Where a programme wants its films seen in order: how far ahead one may go, and a polite way back.

/** Beyond the frontier by less than this is a film's own unevenness, not somebody who skips. */
const SLACK_SECONDS = 1;

export class Order {
  /** Whether the programme lets its viewers go anywhere. */
  free = true;
  #coverage;
  #reporter;
  #refuse;

  /** `refuse(frontier)` tells the viewer why the film stands there now. */
  constructor(coverage, reporter, refuse) {
    this.#coverage = coverage;
    this.#reporter = reporter;
    this.#refuse = refuse;
  }

  /** Up to where one may go. */
  get frontier() {
    return this.free ? this.#coverage.duration : this.#coverage.frontier(this.#reporter.unjudged);
  }

  /** Whether the playhead stands where it may not have gone: media keys, small windows and scripts don't ask. */
  isBroken(position) {
    return position > this.frontier + SLACK_SECONDS;
  }

  /** Where a seek to `position` goes. */
  allow(position) {
    if (this.isBroken(position)) this.#refuse(this.frontier);
    return Math.min(position, this.frontier);
  }
}
