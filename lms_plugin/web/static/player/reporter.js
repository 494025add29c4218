// Tells the service what was played: opens playback sessions and numbers beats. The outbox sends them.
//
// A beat is numbered once and belongs to the session it was played under even when that session has ended. What was
// played since the last beat is kept as the session's open stretch every few seconds, so that a crash loses no more.

import { NetworkFailure } from "./api.js";
import { isAnswer } from "./beats.js";
import { lengthOf } from "./intervals.js";
import { Outbox, isFinal } from "./outbox.js";

const MAX_SEGMENTS_PER_BEAT = 50;
const KEEP_SECONDS = 2;

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
 *   answered        {answer, result} the service's word on an answer to a presence check; result is null when it was refused
 *   lease-lost      {session}        the present session no longer is the person's lease
 *   presence-check  {check}          the check of the present session that is unanswered now, or null
 *   film            {film}           the whole state of the film; replaces all that answers said before
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
  #outbox;
  #session = null;
  #nextSeq = 1;
  #lastBeatAt = 0;
  #lastKeptAt = 0;
  #lastHeardAt = -Infinity;
  /** The sessions this page opened: all at the page's film. */
  #opened = new Set();
  /** Grows with each answer, so that a look at the film knows whether it was overtaken. */
  #heardCount = 0;
  #looking = false;
  /** Whether the film's state must be asked for: at once, or when the line is back. */
  #stale = false;

  /**
   * `gatherer` offers take(), peek() and waitingSeconds; `store` is a BeatStore; `user` is the id of the page's person;
   * `clock` counts seconds; `random` is in [0, 1).
   */
  constructor({ api, store, user, gatherer, videoId, enrolmentId, clock = () => performance.now() / 1000, random = Math.random }) {
    super();
    this.#api = api;
    this.#store = store;
    this.#gatherer = gatherer;
    this.#videoId = videoId;
    this.#enrolmentId = enrolmentId;
    this.#clock = clock;
    this.#outbox = new Outbox({ api, store, user, random, tell: (type, detail) => this.#heard(type, detail) });
  }

  /** The session now played under, as the service described it, or null. */
  get session() {
    return this.#session;
  }

  get state() {
    return this.#outbox.state;
  }

  /** Whether what was not acknowledged yet outlives the page. */
  get lasting() {
    return this.#store.lasting;
  }

  /** What was played and is not acknowledged by the service: [[from, to]] of this film and of earlier sessions' films. */
  get #pending() {
    const beats = this.#outbox.entries.filter((entry) => !isAnswer(entry));
    return beats.flatMap((beat) => beat.segments.map(({ from, to }) => [from, to]));
  }

  /** Media seconds played that the service has not acknowledged. */
  get pendingSeconds() {
    return lengthOf(this.#pending) + this.#gatherer.waitingSeconds;
  }

  /** What this page played of its film and the service has not judged yet: [[from, to]]. */
  get unjudged() {
    const beats = this.#outbox.entries.filter((entry) => !isAnswer(entry) && this.#opened.has(entry.session));
    return [...beats.flatMap((beat) => beat.segments), ...this.#gatherer.peek()].map(({ from, to }) => [from, to]);
  }

  /** Take up what earlier pages left in the store, and send it. */
  async restore() {
    await this.#store.takeLeft((entries) => {
      this.#outbox.takeUp(entries);
      this.#outbox.pump();
    });
  }

  /** Open a playback session, which takes the person's lease. Throws NotOpened. */
  async open() {
    this.#number();
    let answer;
    try {
      answer = await this.#outbox.post(`/videos/${this.#videoId}/playback-sessions`, { enrolment_id: this.#enrolmentId });
    } catch (fault) {
      if (fault instanceof NetworkFailure) throw new NotOpened("offline");
      throw fault;
    }
    if (answer.status === 401) throw new NotOpened("signed_out", answer);
    if (!answer.ok) throw new NotOpened(isFinal(answer) ? "refused" : "busy", answer);
    this.#session = answer.body;
    this.#store.own(this.#session.id);
    this.#opened.add(this.#session.id);
    this.#stale = false;
    this.#nextSeq = 1;
    this.#lastBeatAt = this.#lastHeardAt = this.#clock();
    this.#outbox.pump();
    return this.#session;
  }

  /** Make a beat if one is due, else keep what was played. Cheap; call it as often as you like. */
  tick() {
    if (!this.#session || this.#gatherer.waitingSeconds <= 0) return;
    if (this.#clock() - this.#lastBeatAt >= this.#session.beat_interval_seconds) this.beat();
    else if (this.#clock() - this.#lastKeptAt >= KEEP_SECONDS) this.#keep();
  }

  /** Make a beat of what was played since the last one and send it. */
  beat() {
    this.#number();
    this.#outbox.pump();
  }

  /** Hear how things stand: who holds the lease, what became of a presence check. Plays on from a long pause begin so. */
  ask() {
    this.#number();
    if (this.#session && this.#outbox.entries.length === 0) this.#add({ segments: [] });
    this.#outbox.pump();
  }

  /** Say that a presence check was shown, and that nobody answered in time. */
  unanswered(check) {
    this.#number();
    if (this.#session) this.#add({ segments: [], unanswered: check });
    this.#outbox.pump();
  }

  /** As `ask`, where nothing was heard of the service for as long as a beat takes. */
  askIfSilent() {
    if (this.#session && this.#clock() - this.#lastHeardAt >= this.#session.beat_interval_seconds) this.ask();
  }

  /** Send what somebody chose at a presence check of the present session. */
  answer(check, choice) {
    this.#number();
    this.#outbox.add({ session: this.#session.id, check, answer: choice });
    this.#outbox.pump();
  }

  /** Ask for the whole state of the film: more of it changed than an answer says. */
  async look() {
    this.#stale = true;
    if (this.#looking) return;
    this.#looking = true;
    let answered = true;
    while (this.#stale && answered) answered = await this.#lookOnce();
    this.#looking = false;
  }

  /** Try again now: the line is back, or somebody asked for it. */
  retry() {
    this.#outbox.pump({ now: true });
  }

  /** Try again after the person may have signed in elsewhere. */
  async resume() {
    await this.#outbox.unblock();
    this.retry();
  }

  /** The page is hidden, and may be gone without another word. */
  hide() {
    this.#number();
    this.#outbox.sendAll();
  }

  /** The page goes; it may come back as it was. */
  leave() {
    this.#number();
    this.#outbox.flush();
    this.#store.letGo();
  }

  /** The page has come back as it was. */
  async comeBack() {
    await this.#store.holdAgain();
    await this.#outbox.unblock();
    await this.#outbox.returned();
    this.ask();
  }

  #number() {
    if (!this.#session) return;
    const segments = this.#gatherer.take();
    const beats = [];
    for (let start = 0; start < segments.length; start += MAX_SEGMENTS_PER_BEAT) {
      beats.push({ segments: segments.slice(start, start + MAX_SEGMENTS_PER_BEAT) });
    }
    if (beats.length > 0) this.#add(...beats);
  }

  #add(...contents) {
    this.#outbox.add(...contents.map((content) => ({ session: this.#session.id, seq: this.#nextSeq++, ...content })));
    this.#lastBeatAt = this.#clock();
  }

  #keep() {
    this.#lastKeptAt = this.#clock();
    this.#store.keep({ session: this.#session.id, seq: this.#nextSeq, segments: this.#gatherer.peek() });
  }

  #heard(type, detail) {
    if (type === "delivery") {
      this.#tell("delivery", detail);
      return;
    }
    const { entry, answer, ...rest } = detail;
    this.#lastHeardAt = this.#clock();
    this.#heardCount++;
    if (isAnswer(entry)) this.#tell("answered", { answer: entry, result: answer ?? null });
    else if (type === "refused") this.#tell("refused", { beat: entry, ...rest });
    else this.#hearBeat(entry, answer);
    if (this.#session && (this.#stale || answer?.film_changed)) this.look();
  }

  /** False where nothing came to go by; the next answer to anything asks again. */
  async #lookOnce() {
    const { id } = this.#session;
    const heard = this.#heardCount;
    this.#stale = false;
    const film = await this.#api.get(`/playback-sessions/${id}`).catch((fault) => {
      if (!(fault instanceof NetworkFailure)) throw fault;
    });
    if (id !== this.#session.id) return true;
    // An answer that came meanwhile may say more than this one, which would take it back.
    if (film?.ok && heard === this.#heardCount) this.#hearFilm(film.body);
    else this.#stale = true;
    return Boolean(film?.ok);
  }

  #hearFilm(film) {
    this.#tell("film", { film });
    if (film.lease === "lost") this.#tell("lease-lost", { session: this.#session });
    else this.#tell("presence-check", { check: film.presence_check ?? null });
  }

  #hearBeat(beat, answer) {
    this.#tell("acknowledged", { beat, answer });
    if (beat.session !== this.#session?.id) return;
    if (answer.lease === "lost") this.#tell("lease-lost", { session: this.#session });
    else this.#tell("presence-check", { check: answer.presence_check ?? null });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
