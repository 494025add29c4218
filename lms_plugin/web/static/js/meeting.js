// Parts of a meeting's pages keep themselves up to date: each asks for what is new, soon again while all is well, later
// and later while the line is down, not at all in a hidden tab. "Nothing new" (304) costs a few hundred bytes.
//
// <section data-live="/address" data-next-seconds="5" data-seconds-left="12">. What somebody is typing inside of it is
// left alone until it is sent; a press under way is waited for, and what has the focus has it afterwards.

import { Press } from "./press.js";

const LONGEST_SECONDS = 60;
const SPREAD = 0.2; // so that a class that opened the page together does not ask together

const stale = document.getElementById("live-stale");
const form = document.querySelector("[data-code-form]");

/** What is the same thing before and after a part was replaced: where it stands and what it does. */
const nameOf = (one) =>
  JSON.stringify([one.localName, one.closest("[id]")?.id, one.closest("form")?.getAttribute("action"), one.getAttribute("href") ?? one.value]);

class Part {
  constructor(place) {
    this.place = place;
    this.press = new Press(place);
    this.failures = 0;
    this.timer = 0;
    this.tag = "";
    this.isAsking = false;
    this.nextSeconds = Number(place.dataset.nextSeconds) || 20;
    this.goodUntil = Date.now() + (Number(place.dataset.secondsLeft) || 0) * 1000;
    this.settle();
    this.schedule();
  }

  schedule() {
    window.clearTimeout(this.timer);
    const seconds = Math.min(this.nextSeconds * 2 ** this.failures, Math.max(LONGEST_SECONDS, this.nextSeconds));
    this.timer = window.setTimeout(() => this.ask(), seconds * (1 + Math.random() * SPREAD) * 1000);
  }

  pause() {
    window.clearTimeout(this.timer);
  }

  async ask() {
    if (document.hidden || this.isAsking) return;
    this.isAsking = true;
    window.clearTimeout(this.timer);
    try {
      const headers = this.tag ? { "If-None-Match": this.tag } : {};
      const answer = await fetch(this.place.dataset.live, { headers, cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401 || answer.status === 404) {
        window.location.reload();
        return;
      }
      if (!answer.ok && answer.status !== 304) throw new Error(String(answer.status));
      const html = answer.status === 304 ? null : await answer.text();
      this.failures = 0;
      this.take(answer, html);
    } catch {
      this.failures = Math.min(this.failures + 1, 6);
    } finally {
      this.isAsking = false;
    }
    if (stale) stale.hidden = parts.every((one) => one.failures === 0);
    this.schedule();
  }

  take(answer, html) {
    this.nextSeconds = Number(answer.headers.get("X-Next-Seconds")) || this.nextSeconds;
    this.goodUntil = Date.now() + (Number(answer.headers.get("X-Seconds-Left")) || 0) * 1000;
    const tag = answer.headers.get("ETag") ?? "";
    this.press.after(() => {
      if (html !== null && !this.isTypedIn()) this.replace(html, tag);
      this.settle();
    });
  }

  replace(html, tag) {
    const focused = this.place.contains(document.activeElement) ? nameOf(document.activeElement) : null;
    this.place.innerHTML = html;
    this.tag = tag;
    if (!focused) return;
    const same = [...this.place.querySelectorAll("a, button, summary")].find((one) => nameOf(one) === focused);
    same?.focus({ preventScroll: true });
  }

  isTypedIn() {
    const fields = [...this.place.querySelectorAll("input, textarea, select")];
    const isOpen = this.place.querySelector("details[open] form") !== null;
    return isOpen || fields.includes(document.activeElement) || fields.some((one) => one.value !== one.defaultValue && one.localName === "textarea");
  }

  settle() {
    const left = this.place.querySelector("[data-seconds-left]");
    if (left) {
      left.hidden = false;
      left.querySelector("progress").value = Math.max(0, (this.goodUntil - Date.now()) / 1000);
    }
    const state = this.place.querySelector("[data-takes-codes]");
    if (form && state) form.hidden = state.dataset.takesCodes !== "yes";
  }
}

const parts = [...document.querySelectorAll("[data-live]")].map((place) => new Part(place));

window.setInterval(() => {
  if (!document.hidden) parts.forEach((one) => one.settle());
}, 1000);

const askAll = () => parts.forEach((one) => one.ask());

document.addEventListener("visibilitychange", () => {
  if (document.hidden) parts.forEach((one) => one.pause());
  else askAll();
});
window.addEventListener("online", askAll);
