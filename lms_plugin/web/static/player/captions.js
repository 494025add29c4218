// Caption tracks: made from what the page knows, chosen by its language until the viewer chooses.

import { recall, remember } from "./remembered.js";

const OFF = "off";
const primary = (tag) => tag.toLowerCase().split("-")[0];

export class Captions {
  #video;
  #tracks;
  #last;
  #chosen;

  /** @param {{language: string, label: string, url: string}[]} list */
  constructor(video, list, pageLanguage) {
    this.#video = video;
    this.#tracks = list;
    for (const { language, label, url } of list) {
      const track = document.createElement("track");
      track.kind = "captions";
      track.srclang = language;
      track.label = label;
      track.src = url;
      video.append(track);
    }
    const own = list.find(({ language }) => primary(language) === primary(pageLanguage));
    this.#last = own?.language ?? list[0]?.language ?? OFF;
    this.#chosen = recall("captions", own?.language ?? OFF);
    this.show(this.#chosen);
    // Browsers make a choice of their own when a film is loaded.
    video.addEventListener("loadedmetadata", () => this.show(this.#chosen));
  }

  /** What there is to choose from: [{value, label}] without "off". */
  get choices() {
    return this.#tracks.map(({ language, label }) => ({ value: language, label }));
  }

  get current() {
    const showing = [...this.#video.textTracks].find(({ mode }) => mode === "showing");
    return showing?.language ?? OFF;
  }

  /** Show the captions of a language, or "off". A language the film does not have means off, without forgetting it. */
  show(language) {
    for (const track of this.#video.textTracks) track.mode = track.language === language ? "showing" : "disabled";
    if (this.current !== OFF) this.#last = this.current;
  }

  choose(language) {
    this.#chosen = language;
    this.show(language);
    remember("captions", language);
  }

  /** Off, or back to the language last shown. */
  toggle() {
    this.choose(this.current === OFF ? this.#last : OFF);
  }
}
