// Tells the service what was played: opens playback sessions, numbers beats, and sends each until it is acknowledged.
//
// A beat is numbered once and never changes, so sending it again is harmless; what the service has not acknowledged
// stays in the store, in order, and belongs to the session it was played under even when that session has ended.

import { NetworkFailure } from "./api.js";
import { lengthOf } from "./intervals.js";

const MAX_SEGMENTS_PER_BEAT = 50;
const MAX_BEATS_WHEN_LEAVING = 20;
const BACK_OFF_SECONDS = { first: 1, most: 60 };
/** Answers after which the same request may well succeed. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A session was not opened. kind: offline, signed_out, busy or refused; code and detail come from the service. */
export class NotOpened extends Error {
  constructor(kind, { code = null, body = {} } = {}) {
    super(kind);
    this.kind = kind;
    this.code = code;
    this.detail = body.detail ?? body.title ?? null;
  }
}

/**
 * Events, each with a `detail`:
 *   acknowledged    {beat, answer}   the service's answer to a beat, once for each
 *   lease-lost      {session}        the present session no longer is the person's lease
 *   presence-check  {session, check} the service asks for a sign of presence
 *   refused         {beat, code, detail}  a beat will never be accepted; it is dropped
 *   delivery        {state}          sending, kept (no answer: trying again), signed_out or other_person
 */
export class Reporter extends EventTarget {
  #api;
  #store;
  #gatherer;
  #videoId;
  #enrolmentId;
  #clock;
  #random;
  #queue = [];
  #session = null;
  #nextSeq = 1;
  #lastBeatAt = 0;
  #state = "sending";
  #busy = false;
  #failures = 0;
  #timer = null;

  /**
   * `gatherer` offers take() and waitingSeconds; `store` is a BeatStore; `clock` counts seconds; `random` is in [0, 1).
   */
  constructor({ api, store, gatherer, videoId, enrolmentId, clock = () => performance.now() / 1000, random = Math.random }) {
    super();
    this.#api = api;
    this.#store = store;
    this.#gatherer = gatherer;
    this.#videoId = videoId;
    this.#enrolmentId = enrolmentId;
    this.#clock = clock;
    this.#random = random;
  }

  /** The session now played under, as the service described it, or null. */
  get session() {
    return this.#session;
  }

  get state() {
    return this.#state;
  }

  /** Media seconds played that the service has not acknowledged. */
  get pendingSeconds() {
    const queued = this.#queue.flatMap((beat) => beat.segments.map(({ from, to }) => [from, to]));
    return lengthOf(queued) + this.#gatherer.waitingSeconds;
  }

  /** Take up what an earlier page left in the store, and send it. */
  async restore() {
    const known = new Set(this.#queue);
    const left = (await this.#store.all()).filter((beat) => !known.has(beat));
    this.#queue = [...left, ...this.#queue];
    this.#pump();
  }

  /** Open a playback session, which takes the person's lease. Throws NotOpened. */
  async open() {
    this.#number();
    let answer;
    try {
      answer = await this.#post(`/videos/${this.#videoId}/playback-sessions`, { enrolment_id: this.#enrolmentId });
    } catch (fault) {
      if (fault instanceof NetworkFailure) throw new NotOpened("offline");
      throw fault;
    }
    if (answer.status === 401) throw new NotOpened("signed_out", answer);
    if (PASSING.has(answer.status)) throw new NotOpened("busy", answer);
    if (!answer.ok) throw new NotOpened("refused", answer);
    this.#session = answer.body;
    this.#nextSeq = 1;
    this.#lastBeatAt = this.#clock();
    this.#pump();
    return this.#session;
  }

  /** Make a beat if one is due. Cheap; call it as often as you like. */
  tick() {
    if (!this.#session || this.#gatherer.waitingSeconds <= 0) return;
    if (this.#clock() - this.#lastBeatAt >= this.#session.beat_interval_seconds) this.beat();
  }

  /** Make a beat of what was played since the last one and send it. `leaving`: the page may be gone in a moment. */
  beat({ leaving = false } = {}) {
    this.#number();
    if (leaving) this.#sendAllAtOnce();
    else this.#pump();
  }

  /** Try again now: the line is back, or somebody asked for it. */
  retry() {
    this.#pump({ now: true });
  }

  /** Try again after the person may have signed in elsewhere. */
  async resume() {
    if (this.#state === "signed_out" || this.#state === "other_person") {
      await this.#api.refreshToken().catch((fault) => {
        if (!(fault instanceof NetworkFailure)) throw fault;
      });
      this.#become("kept");
    }
    this.retry();
  }

  #number() {
    if (!this.#session) return;
    const segments = this.#gatherer.take();
    for (let start = 0; start < segments.length; start += MAX_SEGMENTS_PER_BEAT) {
      const beat = {
        session: this.#session.id,
        seq: this.#nextSeq++,
        segments: segments.slice(start, start + MAX_SEGMENTS_PER_BEAT),
      };
      this.#queue.push(beat);
      this.#store.put(beat);
      this.#lastBeatAt = this.#clock();
    }
  }

  get #blocked() {
    return this.#state === "signed_out" || this.#state === "other_person";
  }

  async #pump({ now = false } = {}) {
    if (now) this.#wake();
    if (this.#busy || this.#timer !== null || this.#blocked) return;
    this.#busy = true;
    try {
      while (this.#queue.length > 0 && this.#timer === null && !this.#blocked) await this.#send(this.#queue[0]);
    } finally {
      this.#busy = false;
    }
  }

  #wake() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #send(beat, options = {}) {
    let answer;
    try {
      answer = await this.#post(`/playback-sessions/${beat.session}/beats`, { seq: beat.seq, segments: beat.segments }, options);
    } catch (fault) {
      if (!(fault instanceof NetworkFailure)) throw fault;
      this.#backOff();
      return;
    }
    if (!this.#queue.includes(beat)) return; // answered already, by a copy sent when the page was being left
    if (answer.ok) this.#acknowledge(beat, answer.body);
    else if (options.keepalive) this.#backOff(); // the page lives on after all: ask again with time to look at the answer
    else if (answer.status === 401) this.#become("signed_out");
    else if (answer.status === 403 || answer.status === 404) this.#become("other_person");
    else if (PASSING.has(answer.status)) this.#backOff(answer.retryAfterSeconds ?? 0);
    else this.#drop(beat, answer);
  }

  /** One request; a 400 or 403 may be no more than a stale token, so it is asked once more with a fresh one. */
  async #post(path, body, options = {}) {
    const answer = await this.#api.post(path, body, options);
    if ((answer.status !== 400 && answer.status !== 403) || options.keepalive) return answer;
    await this.#api.refreshToken();
    return this.#api.post(path, body, options);
  }

  #sendAllAtOnce() {
    if (this.#blocked) return;
    for (const beat of this.#queue.slice(0, MAX_BEATS_WHEN_LEAVING)) this.#send(beat, { keepalive: true });
  }

  #acknowledge(beat, answer) {
    this.#forget(beat);
    this.#failures = 0;
    this.#become("sending");
    this.#tell("acknowledged", { beat, answer });
    if (beat.session !== this.#session?.id) return;
    if (answer.lease === "lost") this.#tell("lease-lost", { session: this.#session });
    if (answer.presence_check) this.#tell("presence-check", { session: this.#session, check: answer.presence_check });
  }

  #drop(beat, answer) {
    this.#forget(beat);
    this.#tell("refused", { beat, code: answer.code, detail: answer.body?.detail ?? null });
  }

  #forget(beat) {
    this.#queue = this.#queue.filter((other) => other !== beat);
    this.#store.remove(beat);
  }

  #backOff(atLeastSeconds = 0) {
    if (this.#timer !== null) return;
    const most = Math.min(BACK_OFF_SECONDS.most, BACK_OFF_SECONDS.first * 2 ** this.#failures++);
    // Half of it is chance: many players lose and regain one line together.
    const seconds = Math.max(most / 2, atLeastSeconds) + (this.#random() * most) / 2;
    this.#timer = setTimeout(() => this.#pump({ now: true }), seconds * 1000);
    this.#become("kept");
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#tell("delivery", { state });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
