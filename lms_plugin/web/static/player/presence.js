// Presence checks: pauses the film, puts the service's question, and lets the film go on.
//
// The service alone judges. Its clock is taken from how many seconds it says are left; this computer's date plays no
// part. Nobody is kept from watching on by a dead line: what happens then is the service's to say, later.

import { PresenceDialog } from "./presencedialog.js";

const WARN_SECONDS = 30;
/** After this long without a word of the service an answer counts as under way, and the film may go on. */
const PATIENCE_SECONDS = 4;

const nowSeconds = () => performance.now() / 1000;

export class Presence {
  #dialog;
  #reporter;
  #film;
  #notices;
  #texts;
  /** idle; asking; sending (answered, no word yet); saved (not sent yet); missed; hearing (asked whether to go on) */
  #state = "idle";
  #check = null;
  #deadline = Infinity;
  #warned = false;
  #answered = new Set();
  #playOn = false;
  #timer = null;
  #patience = null;

  /** `film` is {playing, pause(), play()}; playing is whether it would be, were it not for a check. */
  constructor(root, texts, { reporter, film, notices }) {
    this.#texts = texts;
    this.#reporter = reporter;
    this.#film = film;
    this.#notices = notices;
    this.#dialog = new PresenceDialog(root, texts, {
      onChoose: (index) => this.#choose(index),
      onGoOn: () => this.#goOn(),
    });
    reporter.addEventListener("presence-check", ({ detail }) => this.#hear(detail.check));
    reporter.addEventListener("answered", ({ detail }) => this.#hearVerdict(detail));
    reporter.addEventListener("delivery", () => this.#onDelivery());
  }

  /** While this is true the film must stand. */
  get open() {
    return this.#dialog.open;
  }

  focus() {
    this.#dialog.focus();
  }

  /** A session begins, with the check that was left open or none. `playOn`: the film plays once it is answered. */
  begin(check, { playOn }) {
    this.leave();
    if (check) this.#ask(check, "presence_why", playOn);
  }

  /** The film plays elsewhere now, and the question with it. */
  leave() {
    this.#become("idle");
    this.#check = null;
    this.#notices.clear("presence");
    this.#dialog.close();
  }

  #hear(check) {
    if (check && check.id !== this.#check?.id && check.answer_within_seconds <= 0) {
      // Its question was lost on the way and its time is over: nobody saw it, so nobody missed it. Another one follows.
      this.#reporter.ask();
    } else if (this.#state === "hearing" && !check) {
      this.#finish({ play: true });
    } else if (check && !this.#answered.has(check.id)) {
      if (check.id === this.#check?.id) this.#correct(check);
      // Nobody is there: a question put now would run out unseen too. Whoever comes back gets it, or the next one.
      else if (this.#state !== "missed") this.#ask(check, "presence_why", this.#state === "hearing" || this.#film.playing);
    }
  }

  #ask(check, says, playOn) {
    this.#film.pause();
    this.#playOn = playOn;
    this.#check = check;
    this.#answered.delete(check.id); // a further try may keep its id
    this.#deadline = nowSeconds() + check.answer_within_seconds;
    this.#warned = check.answer_within_seconds <= WARN_SECONDS;
    this.#become("asking");
    this.#dialog.ask(check, says);
    this.#count();
    this.#timer = setInterval(() => this.#count(), 1000);
  }

  /** The same check again: the answer that took the shortest way knows best how long there is. */
  #correct(check) {
    const left = check.answer_within_seconds;
    if (["asking", "sending", "saved"].includes(this.#state)) this.#deadline = Math.min(this.#deadline, nowSeconds() + left);
    else if (left > 1) this.#ask(check, "presence_why", this.#state !== "idle" || this.#film.playing);
  }

  #count() {
    const left = this.#deadline - nowSeconds();
    if (left <= 0) {
      this.#miss();
      return;
    }
    this.#dialog.left(Math.ceil(left));
    if (left > WARN_SECONDS || this.#warned) return;
    this.#warned = true;
    this.#dialog.announceLeft(Math.ceil(left));
  }

  #miss() {
    this.#become("missed");
    this.#reporter.unanswered(this.#check.id);
    const offline = this.#reporter.state !== "sending";
    this.#dialog.tell("presence_missed_title", offline ? "presence_missed_offline" : "presence_missed", { goOn: true });
  }

  #choose(index) {
    if (this.#state !== "asking") return;
    this.#become("sending");
    this.#answered.add(this.#check.id);
    this.#dialog.wait();
    this.#reporter.answer(this.#check.id, index);
    this.#patience = setTimeout(() => this.#save(), PATIENCE_SECONDS * 1000);
    this.#onDelivery();
  }

  #onDelivery() {
    const unreachable = this.#reporter.state !== "sending";
    if (unreachable && this.#state === "sending") this.#save();
    else if (unreachable && this.#state === "hearing") this.#finish({ play: true });
    else if (unreachable && this.#state === "missed") {
      this.#dialog.tell("presence_missed_title", "presence_missed_offline", { goOn: true });
    }
  }

  #save() {
    this.#become("saved");
    this.#dialog.tell("presence_title", this.#savedWords, { goOn: true });
  }

  get #savedWords() {
    return this.#reporter.lasting ? "presence_saved" : "presence_saved_page";
  }

  #goOn() {
    if (this.#state === "saved") {
      this.#notices.show("presence", { kind: "info", text: this.#texts.say(this.#savedWords) });
      this.#finish({ play: this.#playOn });
    } else {
      this.#become("hearing");
      this.#dialog.tell("presence_title", "presence_hearing", { goOn: false });
      this.#reporter.ask();
      this.#patience = setTimeout(() => this.#finish({ play: true }), PATIENCE_SECONDS * 1000);
      this.#onDelivery();
    }
  }

  /** What the service says to an answer; it may come long after the film went on. */
  #hearVerdict({ answer, result }) {
    if (answer.session !== this.#reporter.session?.id || answer.check !== this.#check?.id) return;
    this.#notices.clear("presence");
    const late = nowSeconds() > this.#deadline;
    if (result?.passed) {
      if (this.open) this.#finish({ play: this.#playOn });
    } else if (result?.presence_check) {
      const playOn = this.open ? this.#playOn : this.#film.playing;
      this.#ask(result.presence_check, late ? "presence_late" : "presence_wrong", playOn);
    } else {
      this.#film.pause();
      this.#become("missed");
      this.#reporter.ask();
      this.#dialog.tell("presence_failed_title", late ? "presence_missed" : "presence_failed", { goOn: true });
    }
  }

  #finish({ play }) {
    this.#become("idle");
    this.#dialog.close();
    if (play) this.#film.play();
  }

  #become(state) {
    this.#state = state;
    clearInterval(this.#timer);
    clearTimeout(this.#patience);
  }
}
