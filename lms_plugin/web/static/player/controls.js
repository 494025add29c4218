// The control bar: shows the state of the film and turns what is pressed into commands. Decides nothing.

import { clockTime } from "./texts.js";

const AUTO = -1;

const option = (value, text) => new Option(text, String(value));

export class Controls {
  #root;
  #video;
  #texts;
  #duration;
  #icons;
  #scrubbing = false;

  /** `root` holds the parts by data-part; `commands` is what the player can do (see player.js). */
  constructor(root, video, texts, commands, { duration, icons }) {
    this.#root = root;
    this.#video = video;
    this.#texts = texts;
    this.#duration = duration;
    this.#icons = icons;
    this.#press("toggle", commands.toggle);
    this.#press("start", commands.toggle);
    // Disabled in the page: a press before the player is there would be lost.
    this.#part("start").disabled = false;
    this.#press("back", () => commands.seekBy(-10));
    this.#press("forward", () => commands.seekBy(10));
    this.#press("mute", commands.mute);
    this.#press("fullscreen", commands.fullscreen);
    this.#slide(commands);
    this.#part("volume").addEventListener("input", ({ target }) => commands.volume(Number(target.value)));
    this.#part("speed").addEventListener("change", ({ target }) => commands.speed(Number(target.value)));
    this.#part("captions").addEventListener("change", ({ target }) => commands.showCaptions(target.value));
    this.#part("quality").addEventListener("change", ({ target }) => commands.quality(Number(target.value)));
    const stage = this.#part("stage");
    stage.addEventListener("click", (event) => {
      if (event.target.closest("button")) return;
      root.focus({ preventScroll: true });
      commands.toggle();
    });
    stage.addEventListener("dblclick", (event) => {
      if (!event.target.closest("button")) commands.fullscreen();
    });
  }

  /** Bring time, slider and play button up to date with the film. */
  refresh(position) {
    const { paused, ended } = this.#video;
    const state = ended ? "replay" : paused ? "play" : "pause";
    this.#face("toggle", state, state);
    const at = clockTime(position);
    const total = clockTime(this.#duration);
    this.#part("time").textContent = `${at} / ${total}`;
    const seek = this.#part("seek");
    if (!this.#scrubbing) seek.value = String(position);
    seek.setAttribute("aria-valuetext", this.#texts.say("position", { at, total }));
  }

  refreshSound() {
    const { muted, volume } = this.#video;
    const silent = muted || volume === 0;
    this.#face("mute", silent ? "muted" : "volume", silent ? "unmute" : "mute");
    this.#part("volume").value = String(muted ? 0 : volume);
  }

  refreshFullscreen(full) {
    this.#face("fullscreen", full ? "fullscreen-exit" : "fullscreen", full ? "leave_fullscreen" : "fullscreen");
  }

  /** Offer these speeds. */
  offerSpeeds(rates, current) {
    this.#part("speed").replaceChildren(...rates.map((rate) => option(rate, this.#texts.say("rate", { rate }))));
    this.showSpeed(current);
  }

  showSpeed(rate) {
    const speed = this.#part("speed");
    const known = [...speed.options].some(({ value }) => Number(value) === rate);
    if (!known) speed.append(option(rate, this.#texts.say("rate", { rate })));
    speed.value = String(rate);
  }

  offerCaptions(choices, current) {
    const select = this.#part("captions");
    select.replaceChildren(
      option("off", this.#texts.say("captions_off")),
      ...choices.map(({ value, label }) => option(value, label)),
    );
    select.value = current;
    select.closest("label").hidden = choices.length === 0;
  }

  showCaptions(current) {
    this.#part("captions").value = current;
  }

  /** Offer the renditions there are; with one there is nothing to choose. */
  offerQualities(levels) {
    const select = this.#part("quality");
    const sorted = [...levels].sort((a, b) => b.height - a.height);
    select.replaceChildren(
      option(AUTO, this.#texts.say("quality_auto")),
      ...sorted.map(({ index, height }) => option(index, this.#texts.say("quality_lines", { height }))),
    );
    select.closest("label").hidden = levels.length < 2;
  }

  /** What lies over the picture: "start", "busy", "failed" or nothing (null). */
  cover(what, text = "", retry = null) {
    this.#part("start").hidden = what !== "start";
    const message = this.#part("message");
    message.hidden = what !== "busy" && what !== "failed";
    message.dataset.state = what ?? "";
    this.#part("message-text").textContent = text;
    const button = this.#part("retry");
    button.hidden = what !== "failed" || retry === null;
    button.onclick = retry;
    if (what === "start") this.#part("start-text").textContent = text;
  }

  /** Whether the commands that need a loaded film may be used. */
  enable(loaded) {
    for (const name of ["seek", "back", "forward", "speed", "quality"]) this.#part(name).disabled = !loaded;
  }

  #slide(commands) {
    const seek = this.#part("seek");
    seek.max = String(this.#duration);
    seek.addEventListener("input", () => {
      this.#scrubbing = true;
      commands.seek(Number(seek.value));
    });
    for (const name of ["change", "blur"]) seek.addEventListener(name, () => (this.#scrubbing = false));
  }

  #press(name, run) {
    this.#part(name).addEventListener("click", () => run());
  }

  #face(name, icon, label) {
    const button = this.#part(name);
    if (button.dataset.face === icon) return;
    button.dataset.face = icon;
    const words = this.#texts.say(label);
    button.setAttribute("aria-label", words);
    button.title = words;
    button.querySelector("use").setAttribute("href", `${this.#icons}#${icon}`);
  }

  #part(name) {
    return this.#root.querySelector(`[data-part=${name}]`);
  }
}
