// What the player tells the viewer about sending, signing in, the lease and the speed, in plain words.

import { clockTime } from "./texts.js";

/** Long enough to be read twice; after that it would only be in the way of the film. */
const AHEAD_SECONDS = 20;

export class Messages {
  #notices;
  #texts;
  #reporter;
  #signInAddress;
  #aheadTimer = null;

  constructor(notices, texts, reporter, { signInAddress }) {
    this.#notices = notices;
    this.#texts = texts;
    this.#reporter = reporter;
    this.#signInAddress = signInAddress;
    reporter.addEventListener("delivery", () => this.refresh());
    reporter.addEventListener("acknowledged", () => this.refresh());
    reporter.addEventListener("refused", ({ detail }) => this.#refused(detail));
  }

  /** Bring the message about what has not been sent yet up to date. */
  refresh() {
    const { state, pendingSeconds, lasting } = this.#reporter;
    if (state === "sending") {
      this.#notices.clear("delivery");
      return;
    }
    const actions =
      state === "kept"
        ? [{ text: this.#texts.say("send_now"), run: () => this.#reporter.retry() }]
        : [
            { text: this.#texts.say("sign_in"), address: this.#signInAddress },
            { text: this.#texts.say("signed_in_again"), run: () => this.#reporter.resume() },
          ];
    this.#notices.show("delivery", {
      kind: "warn",
      text: this.#texts.say(lasting ? `delivery_${state}` : `delivery_${state}_page`),
      figure: this.#unsent(Math.floor(pendingSeconds), lasting),
      actions,
    });
  }

  #unsent(seconds, lasting) {
    if (seconds === 0) return ""; // an answer may wait while no second does
    return this.#texts.say(lasting ? "not_sent" : "not_sent_page", { duration: this.#texts.duration(seconds) });
  }

  leaseLost(continueHere) {
    const actions = [{ text: this.#texts.say("continue_here"), run: continueHere }];
    this.#notices.show("lease", { kind: "warn", text: this.#texts.say("lease_lost"), actions });
  }

  leaseHeld() {
    this.#notices.clear("lease");
    this.#notices.clear("sign-in");
    this.#notices.clear("rate");
    this.#notices.clear("ahead");
  }

  tooFast(maxRate) {
    this.#notices.show("rate", { kind: "info", text: this.#texts.say("rate_limit", { rate: maxRate }) });
  }

  /** The film was put back to `frontier`: the programme wants it seen in order. */
  notAhead(frontier) {
    clearTimeout(this.#aheadTimer);
    this.#aheadTimer = setTimeout(() => this.#notices.clear("ahead"), AHEAD_SECONDS * 1000);
    this.#notices.show("ahead", { kind: "info", text: this.#texts.say("not_ahead", { at: clockTime(frontier) }) });
  }

  /** The sentence for a session that could not be opened; where signing in helps, the way there is shown too. */
  notOpened({ kind, detail }) {
    if (kind === "signed_out") {
      const actions = [{ text: this.#texts.say("sign_in"), address: this.#signInAddress }];
      this.#notices.show("sign-in", { kind: "warn", text: this.#texts.say("sign_in_first"), actions });
    }
    if (kind === "refused" && detail) return this.#texts.say("not_opened_because", { detail });
    return this.#texts.say(`not_opened_${kind}`);
  }

  #refused({ beat, detail }) {
    const seconds = beat.segments.reduce((sum, { from, to }) => sum + (to - from), 0);
    const duration = this.#texts.duration(seconds);
    const text = detail ? this.#texts.say("refused_because", { duration, detail }) : this.#texts.say("refused", { duration });
    this.#notices.show("refused", { kind: "bad", text });
  }
}
