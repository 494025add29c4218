// Sends entries (beats, and answers to presence checks) until the service has acknowledged each.
//
// An entry never changes, so sending it again is harmless. Answers go before beats: the service takes a beat that comes
// after a check's time as the sign that the check was not answered.

import { NetworkFailure } from "./api.js";
import { isAnswer, nameOf } from "./beats.js";

const MAX_ENTRIES_WHEN_LEAVING = 20;
const BACK_OFF_SECONDS = { first: 1, most: 60 };
const PASSING = new Set([408, 425, 429]);

/**
 * Whether the service has refused for good. Its own refusals carry a code; whatever else answers (a portal that wants a
 * sign-in of its own, a gateway, a maintenance page) says nothing about what was sent.
 */
export const isFinal = ({ status, code }) => Boolean(code) && status >= 400 && status < 500 && !PASSING.has(status);

const pathOf = ({ session, check }) =>
  check === undefined ? `/playback-sessions/${session}/beats` : `/playback-sessions/${session}/presence-checks/${check}`;
const bodyOf = ({ session, check, ...content }) => content;

export class Outbox {
  #api;
  #store;
  #user;
  #random;
  #tell;
  #queue = [];
  #state = "sending";
  #busy = false;
  #failures = 0;
  #timer = null;
  /** Entries under way in a form that outlives the page. */
  #flown = new Set();

  /** `tell(type, detail)` hears: acknowledged, refused (both {entry, ...}) and delivery; see reporter.js. */
  constructor({ api, store, user, random, tell }) {
    this.#api = api;
    this.#store = store;
    this.#user = user;
    this.#random = random;
    this.#tell = tell;
  }

  get state() {
    return this.#state;
  }

  get entries() {
    return this.#queue;
  }

  /** Keep new entries until they are acknowledged. Doesn't send yet. */
  add(...entries) {
    this.#store.put(...entries);
    this.#line([...this.#queue, ...entries]);
  }

  /** Take up what earlier pages left: it goes before what this page has. */
  takeUp(entries) {
    const known = new Set(this.#queue.map(nameOf));
    this.#line([...entries.filter((entry) => !known.has(nameOf(entry))), ...this.#queue]);
  }

  /** Send what waits, one after the other. `now`: don't wait for the end of a pause after a failure. */
  async pump({ now = false } = {}) {
    if (now) this.#wake();
    if (this.#busy || this.#timer !== null || this.#blocked) return;
    this.#busy = true;
    try {
      while (this.#queue.length > 0 && this.#timer === null && !this.#blocked) await this.#send(this.#queue[0]);
    } finally {
      this.#busy = false;
    }
  }

  /** The page is hidden and may be gone without further notice: send all at once, in requests that outlive it. */
  sendAll() {
    for (const entry of this.#leaving()) {
      this.#flown.add(entry);
      this.#send(entry, { keepalive: true }).finally(() => this.#flown.delete(entry));
    }
  }

  /** The page goes now. Nobody will see the answers, so what is kept stays kept until a later page has one. */
  flush() {
    for (const entry of this.#leaving()) {
      if (this.#api.beacon(pathOf(entry), bodyOf(entry))) this.#flown.add(entry);
      else this.#send(entry, { keepalive: true });
    }
  }

  /** The page is shown: whatever left with it and was not acknowledged is sent again. */
  returned() {
    this.#flown.clear();
    return this.pump({ now: true });
  }

  /** The person may have signed in elsewhere. */
  async unblock() {
    if (!this.#blocked) return;
    await this.#api.refreshToken().catch((fault) => {
      if (!(fault instanceof NetworkFailure)) throw fault;
    });
    this.#become("kept");
  }

  /** One request; a 400 or 403 may be no more than a stale token, so it is asked once more with a fresh one. */
  async post(path, body, options = {}) {
    const answer = await this.#api.post(path, body, options);
    if ((answer.status !== 400 && answer.status !== 403) || options.keepalive) return answer;
    await this.#api.refreshToken();
    return this.#api.post(path, body, options);
  }

  get #blocked() {
    return this.#state === "signed_out" || this.#state === "other_person";
  }

  #line(entries) {
    this.#queue = [...entries.filter(isAnswer), ...entries.filter((entry) => !isAnswer(entry))];
  }

  #leaving() {
    if (this.#blocked) return [];
    const waiting = this.#queue.filter((entry) => !this.#flown.has(entry)).slice(0, MAX_ENTRIES_WHEN_LEAVING);
    // Requests sent at once arrive in any order, and a beat must not overtake an answer.
    const answers = this.#queue.filter(isAnswer);
    return answers.length > 0 && this.#store.lasting ? waiting.filter(isAnswer) : waiting;
  }

  #wake() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #send(entry, options = {}) {
    try {
      const answer = await this.post(pathOf(entry), bodyOf(entry), options);
      if (this.#queue.includes(entry)) await this.#take(entry, answer, options); // else a copy was answered before
    } catch (fault) {
      if (!(fault instanceof NetworkFailure)) throw fault;
      this.#backOff();
    }
  }

  async #take(entry, answer, options) {
    if (answer.ok) this.#acknowledge(entry, answer.body);
    else if (options.keepalive) this.#backOff(); // the page lives on after all: ask again with time to look at the answer
    else if (answer.status === 401) this.#become("signed_out");
    else if (answer.status === 403 || answer.status === 404) await this.#askWho(entry, answer);
    else if (isFinal(answer)) this.#drop(entry, answer);
    else this.#backOff(answer.retryAfterSeconds ?? 0);
  }

  /** The service knows no such session of whoever is signed in: is that still the person of this page? */
  async #askWho(entry, refusal) {
    const me = await this.#api.get("/me");
    if (me.status === 401) this.#become("signed_out");
    else if (!me.ok) this.#backOff(me.retryAfterSeconds ?? 0);
    else if (String(me.body.id) !== this.#user) this.#become("other_person");
    else if (refusal.code) this.#drop(entry, refusal);
    else this.#backOff(); // not the service's own words: something on the way has answered
  }

  #acknowledge(entry, answer) {
    this.#forget(entry);
    this.#failures = 0;
    this.#become("sending");
    this.#tell("acknowledged", { entry, answer });
  }

  #drop(entry, answer) {
    this.#forget(entry);
    this.#tell("refused", { entry, code: answer.code, detail: answer.body?.detail ?? null });
  }

  #forget(entry) {
    this.#queue = this.#queue.filter((other) => other !== entry);
    this.#store.remove(entry);
  }

  #backOff(atLeastSeconds = 0) {
    if (this.#timer !== null) return;
    const most = Math.min(BACK_OFF_SECONDS.most, BACK_OFF_SECONDS.first * 2 ** this.#failures++);
    // Half of it is chance: many players lose and regain one line together.
    const seconds = Math.max(most / 2, atLeastSeconds) + (this.#random() * most) / 2;
    this.#timer = setTimeout(() => this.pump({ now: true }), seconds * 1000);
    this.#become("kept");
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#tell("delivery", { state });
  }
}
