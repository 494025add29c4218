// The form for a question beside the film: takes the film's second without stopping it, keeps what is typed, and sends
// it without leaving the page. Links to a second play the film from there where it is on the page.

import { Api, personOf } from "../player/api.js";
import { Texts, clockTime } from "../player/texts.js";
import { KeptQuestions, send } from "./keptquestions.js";

const BACK_OFF_SECONDS = { first: 2, most: 60 };

/** The film's present second; null on a page without one. */
class Film {
  #player = document.querySelector("[data-player]");
  #video = this.#player?.querySelector("video");

  get second() {
    if (!this.#video) return null;
    if (this.#video.readyState > 0) return Math.floor(this.#video.currentTime);
    const asked = parseFloat(new URLSearchParams(location.search).get("from"));
    return Math.floor(asked >= 0 ? asked : Number(this.#player.dataset.resumeAt || 0));
  }

  onMove(tell) {
    for (const name of ["timeupdate", "seeking", "loadedmetadata"]) this.#video?.addEventListener(name, tell);
  }

  /** Play from a second; false where there is no film, or no player of it yet. */
  playFrom(seconds) {
    const wish = new CustomEvent("play-from", { detail: { seconds }, cancelable: true });
    if (!this.#player || this.#player.dispatchEvent(wish)) return false; // nobody has taken it
    this.#player.scrollIntoView({ block: "nearest" });
    this.#player.focus({ preventScroll: true });
    return true;
  }
}

class AskForm {
  #box;
  #form;
  #film;
  #texts = Texts.fromPage("ask-texts");
  #user = personOf(document);
  #kept = new KeptQuestions(this.#user);
  #module;
  #busy = false;
  #failures = 0;
  #timer = null;
  /** Whether this browser keeps what is typed beyond the page. */
  #lasting = true;

  constructor(box, film) {
    this.#box = box;
    this.#film = film;
    this.#form = box.querySelector("form");
    this.#module = box.dataset.moduleId;
    this.#listen();
    this.#restore();
    this.#follow();
  }

  #part(name) {
    return document.querySelector(`[data-ask-part=${name}]`);
  }

  get #fields() {
    const { question: body, at_seconds: at, is_private: isPrivate } = this.#form.elements;
    return { body, at, isPrivate };
  }

  get #typed() {
    const { body, at, isPrivate } = this.#fields;
    return { body: body.value, at: at.checked ? Number(at.value) : null, isPrivate: isPrivate.checked };
  }

  #listen() {
    // With the press itself: its "toggle" comes later, when somebody may have typed.
    this.#box.querySelector("summary").addEventListener("click", () => {
      if (!this.#box.open) this.#aboutNow();
    });
    this.#box.addEventListener("toggle", () => {
      if (this.#box.open && this.#fields.at.value === "") this.#aboutNow(); // opened by an address
      this.#follow();
    });
    this.#part("take").addEventListener("click", () => {
      this.#about(this.#film.second);
      this.#save(false);
      this.#follow();
    });
    this.#form.addEventListener("input", () => this.#save(false));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(true);
      this.#send();
    });
    this.#film.onMove(() => this.#follow());
    addEventListener("online", () => this.#sendWanted());
    document.addEventListener("visibilitychange", () => !document.hidden && this.#sendWanted());
    addEventListener("storage", ({ key, newValue }) => {
      // Another tab has sent it.
      if (key === this.#kept.nameOf(this.#module) && newValue === null) this.#form.reset();
    });
  }

  #restore() {
    const left = this.#kept.read(this.#module);
    // What a refused form of the page holds is newer than what is kept.
    if (!left || this.#fields.body.value) return;
    const { body, isPrivate } = this.#fields;
    body.value = left.body;
    isPrivate.checked = left.isPrivate;
    this.#box.open = true;
    this.#about(left.at);
    this.#sendWanted();
  }

  #sendWanted() {
    if (this.#kept.read(this.#module)?.wanted) this.#send();
  }

  /** Make it a question about a second of the film (null: about the module). */
  #about(second) {
    const { at } = this.#fields;
    this.#part("second").hidden = second === null && this.#film.second === null;
    at.checked = second !== null;
    at.value = second ?? this.#film.second ?? "";
    this.#part("about").textContent = this.#texts.say("about_second", { at: clockTime(Number(at.value)) });
  }

  /** Make it a question about the film's present second, unless it is written already. */
  #aboutNow() {
    const second = this.#film.second;
    if (second !== null && !this.#fields.body.value.trim()) this.#about(second);
  }

  /** Show the film's present second on the button, and offer it where the question is about another one. */
  #follow() {
    const second = this.#film.second;
    if (second === null) return;
    const at = clockTime(second);
    const label = this.#texts.say("ask_at", { at });
    if (this.#part("label").textContent !== label) this.#part("label").textContent = label;
    const take = this.#part("take");
    take.hidden = String(second) === this.#fields.at.value;
    take.textContent = this.#texts.say("take_second", { at });
  }

  #save(wanted) {
    const typed = this.#typed;
    if (typed.body.trim()) this.#lasting = this.#kept.write(this.#module, { ...typed, wanted });
    else this.#kept.remove(this.#module);
  }

  async #send() {
    const question = this.#kept.read(this.#module);
    if (this.#busy || !question) return;
    clearTimeout(this.#timer);
    this.#busy = true;
    this.#say("sending");
    const outcome = await send(new Api(), this.#user, this.#module, question).finally(() => (this.#busy = false));
    if (outcome.state === "sent") this.#sent(outcome.question);
    else if (outcome.state === "kept") this.#tryAgain(outcome.afterSeconds);
    else if (outcome.state === "refused") this.#refused(outcome.detail);
    else this.#say(outcome.state, { kind: "warn", signIn: true });
  }

  #sent(question) {
    this.#failures = 0;
    // What was typed on while it was under way is another question.
    const isSame = this.#kept.read(this.#module)?.body === this.#typed.body;
    this.#kept.remove(this.#module);
    if (isSame) {
      this.#form.reset();
      this.#box.open = false;
    } else {
      this.#save(false);
    }
    document.getElementById("alike").replaceChildren();
    const link = this.#part("link");
    link.href = `/enrolments/${this.#box.dataset.enrolmentId}/questions/${question.id}`;
    this.#say("sent", { kind: "ok", link: true });
  }

  #refused(detail) {
    this.#kept.write(this.#module, { ...this.#kept.read(this.#module), wanted: false });
    this.#box.open = true;
    this.#say("not_sent", { kind: "bad", text: detail });
  }

  #tryAgain(afterSeconds) {
    const most = Math.min(BACK_OFF_SECONDS.most, BACK_OFF_SECONDS.first * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.#sendWanted(), 1000 * Math.max(afterSeconds, most));
    this.#say(this.#lasting ? "kept" : "kept_page", { kind: "warn" });
  }

  #say(key, { kind = "info", text = null, link = false, signIn = false } = {}) {
    const says = this.#part("says");
    says.className = `ask-says alert ${kind}`;
    this.#part("text").textContent = text ?? this.#texts.say(key);
    this.#part("link").hidden = !link;
    this.#part("sign-in").hidden = !signIn;
    says.hidden = false;
  }
}

const film = new Film();
const box = document.querySelector("[data-ask]");
if (box) new AskForm(box, film);

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-play-from]");
  const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (link && isPlain && film.playFrom(Number(link.dataset.playFrom))) event.preventDefault();
});
