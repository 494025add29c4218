// The dialog of a presence check, inside the player's frame so that it is there in full screen too.
//
// It is not modal for the page: only the player's own controls rest meanwhile. Somebody who writes a post below keeps
// the focus, and is called by a button at the edge of the window instead: a sentence half typed must not be an answer.

import { clockTime } from "./texts.js";

const WRITING = "textarea, [contenteditable], input:not([type=range], [type=radio], [type=checkbox], [type=button])";

export class PresenceDialog {
  #root;
  #texts;
  #box;
  #call;
  #returnTo = null;
  #title = null;

  /** `onChoose(index)` hears a choice that was made, `onGoOn()` the press of the button to watch on. */
  constructor(root, texts, { onChoose, onGoOn }) {
    this.#root = root;
    this.#texts = texts;
    this.#box = root.querySelector("[data-part=presence]");
    this.#call = root.querySelector("[data-part=presence-call]");
    this.#part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = this.#part("choices").querySelector(":checked");
      if (chosen) onChoose(Number(chosen.value));
      else this.#say("presence_choose");
    });
    this.#part("on").addEventListener("click", onGoOn);
    this.#call.addEventListener("click", () => {
      this.#box.scrollIntoView({ block: "center" });
      this.focus();
    });
    this.#box.addEventListener("keydown", (event) => this.#onKey(event));
    // The stage behind plays and pauses when it is pressed.
    for (const name of ["click", "dblclick"]) this.#box.addEventListener(name, (event) => event.stopPropagation());
    this.#box.addEventListener("focusin", () => (this.#call.hidden = true));
    document.addEventListener("visibilitychange", () => this.#nameTab());
  }

  get open() {
    return !this.#box.hidden;
  }

  /** Put a question; `says` is the key of the sentence before it. */
  ask({ question, choices }, says) {
    this.#part("title").textContent = this.#texts.say("presence_title");
    this.#part("question").textContent = question;
    this.#part("choices").replaceChildren(...choices.map((choice, index) => this.#choice(choice, index)));
    this.#part("form").hidden = this.#part("left").hidden = false;
    this.#part("on").hidden = true;
    this.#rest(false);
    this.#say(says);
    this.#show();
  }

  /** Say how things stand instead of a question. `goOn`: with the button to watch on. */
  tell(title, says, { goOn }) {
    this.#part("title").textContent = this.#texts.say(title);
    this.#part("form").hidden = this.#part("left").hidden = true;
    this.#part("on").hidden = !goOn;
    this.#say(says);
    this.#show();
  }

  /** The answer is on its way: the question stays in sight, and can't be answered twice. */
  wait() {
    this.#rest(true);
    this.#part("left").hidden = true;
    this.#say("presence_sending");
    this.#part("says").focus();
  }

  left(seconds) {
    this.#part("left").textContent = this.#texts.say("presence_left", { time: clockTime(seconds) });
  }

  /** Read out once; the figure that counts down isn't. */
  announceLeft(seconds) {
    this.#part("aloud").textContent = this.#texts.say("presence_soon", { duration: this.#texts.duration(seconds) });
  }

  focus() {
    const first = this.#part("choices").querySelector("input:enabled");
    const target = !this.#part("form").hidden && first ? first : this.#part("on").hidden ? this.#part("says") : this.#part("on");
    target.focus({ preventScroll: true });
  }

  close() {
    if (!this.open) return;
    const focusInside = this.#box.contains(document.activeElement);
    this.#box.hidden = this.#call.hidden = true;
    this.#part("aloud").textContent = "";
    this.#occupy(false);
    this.#nameTab();
    if (focusInside) this.#giveFocusBack();
  }

  #show() {
    const writing = document.activeElement?.matches(WRITING) && !this.#root.contains(document.activeElement);
    if (!this.open) {
      this.#returnTo = document.activeElement;
      this.#box.hidden = false;
      this.#occupy(true);
    }
    this.#nameTab();
    if (writing) {
      this.#call.hidden = false;
    } else {
      this.#box.scrollIntoView({ block: "nearest" });
      this.focus();
    }
  }

  #occupy(busy) {
    this.#root.querySelector("[data-part=frame]").toggleAttribute("data-asking", busy);
    for (const name of ["controls", "start", "message"]) this.#root.querySelector(`[data-part=${name}]`).inert = busy;
  }

  #giveFocusBack() {
    const frame = this.#root.querySelector("[data-part=frame]");
    const target = this.#returnTo;
    const full = document.fullscreenElement ?? document.webkitFullscreenElement;
    const usable = target?.isConnected && target !== document.body && target.getClientRects().length > 0;
    if (usable && (!full || full.contains(target))) target.focus({ preventScroll: true });
    else (full ? frame : this.#root).focus({ preventScroll: true });
  }

  #rest(resting) {
    this.#part("form").querySelector("fieldset").disabled = resting;
    this.#part("submit").disabled = resting;
  }

  #choice(words, index) {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    radio.type = "radio";
    radio.name = "presence-choice";
    radio.value = String(index);
    const number = document.createElement("span");
    number.className = "number figures";
    number.setAttribute("aria-hidden", "true");
    number.textContent = String(index + 1);
    const text = document.createElement("span");
    text.textContent = words;
    label.append(radio, number, text);
    return label;
  }

  /** None of the player's keys may reach it from here. */
  #onKey(event) {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    const radio = this.#part("choices").querySelectorAll("input:enabled")[Number(event.key) - 1];
    if (!radio) return;
    event.preventDefault();
    radio.checked = true;
    radio.focus({ preventScroll: true });
  }

  #say(key) {
    this.#part("says").textContent = this.#texts.say(key);
  }

  /** In a tab that nobody sees, its name is all there is to notice. */
  #nameTab() {
    const wanted = this.open && document.visibilityState === "hidden";
    if (wanted && this.#title === null) {
      this.#title = document.title;
      document.title = this.#texts.say("presence_tab", { title: this.#title });
    } else if (!wanted && this.#title !== null) {
      document.title = this.#title;
      this.#title = null;
    }
  }

  #part(name) {
    return this.#box.querySelector(`[data-part=presence-${name}]`);
  }
}
