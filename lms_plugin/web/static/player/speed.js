// How fast the film plays: what the programme counts, what the viewer chose, and no way around it.

import { recall, remember } from "./remembered.js";

const RATES = [0.75, 1, 1.25, 1.5, 1.75, 2];

export class Speed {
  #video;
  #controls;
  #messages;
  #most = null;

  constructor(video, controls, messages) {
    this.#video = video;
    this.#controls = controls;
    this.#messages = messages;
    controls.offerSpeeds([1], 1);
    video.addEventListener("ratechange", () => this.#onRate());
  }

  /** Offer what the programme counts, and play as fast as was last chosen within that. */
  limit(maxRate) {
    this.#most = maxRate;
    const speed = Math.min(recall("speed", 1), maxRate);
    this.#video.defaultPlaybackRate = speed;
    this.#video.playbackRate = speed;
    this.#controls.offerSpeeds(this.#rates, speed);
  }

  choose(rate) {
    if (!rate || this.#most === null) return;
    this.#video.playbackRate = rate;
    remember("speed", rate);
  }

  faster() {
    this.choose(this.#rates.find((rate) => rate > this.#video.playbackRate));
  }

  slower() {
    this.choose(this.#rates.filter((rate) => rate < this.#video.playbackRate).pop());
  }

  get #rates() {
    return RATES.filter((rate) => rate <= this.#most);
  }

  #onRate() {
    if (this.#most !== null && this.#video.playbackRate > this.#most) {
      this.#video.playbackRate = this.#most;
      this.#messages.tooFast(this.#most);
    }
    this.#controls.showSpeed(this.#video.playbackRate);
  }
}
