// The player: puts the film, its controls, the gathering of what was played and its reporting together.

import { Api } from "./api.js";
import { MemoryBeatStore } from "./beats.js";
import { Captions } from "./captions.js";
import { Controls } from "./controls.js";
import { Coverage, FilmBar } from "./filmbar.js";
import { listenToKeys } from "./keyboard.js";
import { Messages } from "./messages.js";
import { Notices } from "./notices.js";
import { observe } from "./observer.js";
import { recall, remember } from "./remembered.js";
import { NotOpened, Reporter } from "./reporter.js";
import { SegmentGatherer } from "./segments.js";
import { Source, canPlay } from "./source.js";
import { Texts, clockTime } from "./texts.js";

const RATES = [0.75, 1, 1.25, 1.5, 1.75, 2];
const REOPEN_PAUSE_SECONDS = 30;
const END_SECONDS = 0.5;

const nowSeconds = () => performance.now() / 1000;
// Where a film goes on under another session: a little earlier, so that no fraction of a millisecond falls between.
const justBefore = (seconds) => Math.max(0, seconds - 0.1);
const between = (low, value, high) => Math.min(high, Math.max(low, value));

export class Player {
  #root;
  #video;
  #texts;
  #duration;
  #coverage;
  #filmBar;
  #controls;
  #captions;
  #source;
  #observer;
  #reporter;
  #messages;
  #maxRate = 1;
  #opening = false;
  #lost = false;
  #stopAt = null;
  #startAt;
  #manifest = null;
  #reopenedAt = -Infinity;

  /** `root` is the section the template renders; `store` keeps beats until they are acknowledged. */
  constructor(root, { store = new MemoryBeatStore() } = {}) {
    const { dataset } = root;
    this.#root = root;
    this.#video = root.querySelector("video");
    this.#texts = Texts.fromPage();
    this.#duration = Number(dataset.duration);
    this.#startAt = Number(dataset.resumeAt || 0);

    this.#coverage = new Coverage(this.#duration);
    this.#coverage.start(JSON.parse(dataset.covered));
    const onReplay = (from, to) => this.#playStretch(from, to);
    this.#filmBar = new FilmBar(root, this.#coverage, this.#texts, { onReplay });

    const commands = this.#commands();
    const look = { duration: this.#duration, icons: dataset.icons };
    this.#controls = new Controls(root, this.#video, this.#texts, commands, look);
    listenToKeys(root, commands);
    this.#captions = new Captions(this.#video, JSON.parse(dataset.captions), document.documentElement.lang);

    const gatherer = new SegmentGatherer(this.#duration);
    const { videoId, enrolmentId } = dataset;
    this.#reporter = new Reporter({ api: new Api(), store, gatherer, videoId, enrolmentId });
    const notices = new Notices(root.querySelector("[data-part=notices]"), dataset.icons);
    this.#messages = new Messages(notices, this.#texts, this.#reporter, { signInAddress: dataset.signIn });
    this.#observer = observe(this.#video, gatherer, (name) => this.#seen(name));
    this.#source = new Source(this.#video);

    this.#listen();
    this.#show();
    this.#reporter.restore();
  }

  #show() {
    this.#filmBar.render();
    this.#filmBar.moveTo(this.#startAt);
    this.#controls.refresh(this.#startAt);
    this.#controls.refreshSound();
    this.#controls.refreshFullscreen(false);
    this.#controls.offerSpeeds([1], 1);
    this.#controls.offerCaptions(this.#captions.choices, this.#captions.current);
    this.#controls.offerQualities([]);
    this.#controls.enable(false);
    if (!canPlay(this.#video)) this.#controls.cover("failed", this.#texts.say("cannot_play"));
    else this.#coverStart();
  }

  #coverStart() {
    const at = this.#startAt;
    const text = at > 0 ? this.#texts.say("resume_from", { at: clockTime(at) }) : this.#texts.say("start");
    this.#controls.cover("start", text);
  }

  #commands() {
    const video = this.#video;
    return {
      toggle: () => this.#toggle(),
      seek: (position) => this.#seek(position),
      seekBy: (seconds) => this.#seek(video.currentTime + seconds),
      seekTo: (ratio) => this.#seek(this.#duration * ratio),
      volume: (volume) => this.#setVolume(volume),
      volumeBy: (change) => this.#setVolume(Math.round((video.volume + change) * 100) / 100),
      mute: () => (video.muted = !video.muted),
      captions: () => {
        this.#captions.toggle();
        this.#controls.showCaptions(this.#captions.current);
      },
      showCaptions: (language) => this.#captions.choose(language),
      quality: (level) => this.#source.choose(level),
      speed: (rate) => this.#setSpeed(rate),
      faster: () => this.#setSpeed(this.#rates.find((rate) => rate > video.playbackRate)),
      slower: () => this.#setSpeed(this.#rates.filter((rate) => rate < video.playbackRate).pop()),
      fullscreen: () => this.#toggleFullscreen(),
    };
  }

  #listen() {
    const video = this.#video;
    video.addEventListener("volumechange", () => this.#controls.refreshSound());
    video.addEventListener("ratechange", () => this.#onRate());
    video.addEventListener("loadedmetadata", () => this.#controls.enable(true));
    video.addEventListener("play", () => this.#onPlay());
    video.addEventListener("playing", () => this.#controls.cover(null));
    video.addEventListener("canplay", () => this.#onCanPlay());
    video.addEventListener("waiting", () => this.#controls.cover("busy", this.#texts.say("loading")));
    this.#source.addEventListener("levels", ({ detail }) => this.#controls.offerQualities(detail.levels));
    this.#source.addEventListener("failed", ({ detail }) => this.#onSourceFailed(detail.kind));
    this.#reporter.addEventListener("acknowledged", ({ detail }) => this.#onAnswer(detail.answer));
    this.#reporter.addEventListener("lease-lost", () => this.#onLeaseLost());
    this.#root.querySelector("[data-part=next-gap]").addEventListener("click", () => this.#playNextGap());
    for (const name of ["fullscreenchange", "webkitfullscreenchange"]) {
      document.addEventListener(name, () => this.#onFullscreen());
    }
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.#leave();
      else this.#reporter.resume();
    });
    addEventListener("pagehide", () => this.#leave());
    addEventListener("online", () => this.#reporter.retry());
    addEventListener("beforeunload", (event) => {
      if (this.#reporter.state !== "sending" && this.#reporter.pendingSeconds >= 1) event.preventDefault();
    });
  }

  // --- sessions -----------------------------------------------------------------------------------------------

  /** Open a session, which takes the person's lease, and go on at `position` (null: where the service says). */
  async #open(position) {
    if (this.#opening) return;
    this.#opening = true;
    this.#controls.cover("busy", this.#texts.say("opening"));
    try {
      this.#adopt(await this.#reporter.open(), position);
    } catch (fault) {
      if (!(fault instanceof NotOpened)) throw fault;
      const retry = () => this.#open(position);
      this.#controls.cover("failed", this.#messages.notOpened(fault), retry);
    } finally {
      this.#opening = false;
    }
  }

  #adopt(session, position) {
    this.#lost = false;
    this.#messages.leaseHeld();
    this.#maxRate = Number(session.max_rate);
    this.#coverage.start(session.covered);
    this.#filmBar.render();
    const resumeAt = session.resume_at_seconds < this.#duration - END_SECONDS ? session.resume_at_seconds : 0;
    const at = position ?? resumeAt;
    if (session.manifest_url !== this.#manifest) {
      this.#manifest = session.manifest_url;
      this.#source.load(session.manifest_url, at);
    } else {
      this.#seek(at);
    }
    const speed = Math.min(recall("speed", 1), this.#maxRate);
    this.#video.defaultPlaybackRate = speed;
    this.#video.playbackRate = speed;
    this.#controls.offerSpeeds(this.#rates, speed);
    this.#play();
  }

  #onAnswer(answer) {
    this.#coverage.add(answer);
    this.#filmBar.render();
  }

  #onLeaseLost() {
    this.#lost = true;
    this.#video.pause();
    this.#messages.leaseLost(() => this.#open(justBefore(this.#video.currentTime)));
  }

  #onSourceFailed(kind) {
    const position = justBefore(this.#video.currentTime || this.#startAt);
    const reopen = () => {
      this.#manifest = null;
      this.#reopenedAt = nowSeconds();
      this.#open(position);
    };
    const lately = nowSeconds() - this.#reopenedAt < REOPEN_PAUSE_SECONDS;
    if (kind === "expired" && !this.#lost && !lately) reopen();
    else this.#controls.cover("failed", this.#texts.say(`failed_${kind}`), reopen);
  }

  #leave() {
    this.#observer.look();
    this.#reporter.beat({ leaving: true });
  }

  // --- playing ------------------------------------------------------------------------------------------------

  #toggle() {
    if (!this.#reporter.session) this.#open(null);
    else if (this.#lost) this.#open(justBefore(this.#video.currentTime));
    else if (this.#video.paused) this.#play();
    else this.#video.pause();
  }

  async #play() {
    try {
      await this.#video.play();
    } catch (fault) {
      // Refused without a gesture: the button is shown again. AbortError: a new load or a pause came in between.
      if (fault.name === "NotAllowedError") this.#coverStart();
      else if (fault.name !== "AbortError" && fault.name !== "NotSupportedError") throw fault;
    }
  }

  #onPlay() {
    // Media keys and scripts reach the element without our commands.
    if (this.#lost) this.#video.pause();
  }

  #onCanPlay() {
    if (this.#video.paused && !this.#opening) this.#controls.cover(null);
  }

  #seek(position) {
    if (!this.#manifest) return;
    this.#stopAt = null;
    this.#observer.look();
    this.#video.currentTime = between(0, position, this.#duration);
    this.#refresh();
  }

  #playStretch(from, to) {
    if (this.#lost || !this.#manifest) return;
    this.#seek(from);
    this.#stopAt = to;
    this.#play();
  }

  #playNextGap() {
    const gap = this.#coverage.nextGap(this.#video.currentTime);
    if (!gap) return;
    if (!this.#reporter.session) {
      this.#open(gap[0]);
    } else if (!this.#lost) {
      this.#seek(gap[0]);
      this.#play();
    }
  }

  get #rates() {
    return RATES.filter((rate) => rate <= this.#maxRate);
  }

  #setSpeed(rate) {
    if (!rate || !this.#manifest) return;
    this.#video.playbackRate = rate;
    remember("speed", rate);
  }

  #onRate() {
    if (this.#video.playbackRate > this.#maxRate) {
      this.#video.playbackRate = this.#maxRate;
      this.#messages.tooFast(this.#maxRate);
    }
    this.#controls.showSpeed(this.#video.playbackRate);
  }

  #setVolume(volume) {
    this.#video.volume = between(0, volume, 1);
    this.#video.muted = this.#video.volume === 0;
  }

  /** After each observation of the film; `name` is the event's, or frame, tick or look. */
  #seen(name) {
    if (this.#stopAt !== null && this.#video.currentTime >= this.#stopAt) {
      this.#stopAt = null;
      this.#video.pause();
    }
    this.#refresh();
    if (name === "ended" || (name === "pause" && !this.#video.ended)) this.#reporter.beat();
    else this.#reporter.tick();
    if (name === "tick" || name === "pause") this.#messages.refresh();
  }

  #refresh() {
    const position = this.#manifest ? this.#video.currentTime : this.#startAt;
    this.#controls.refresh(position);
    this.#filmBar.moveTo(position);
  }

  get #isFullscreen() {
    return Boolean(document.fullscreenElement ?? document.webkitFullscreenElement);
  }

  #onFullscreen() {
    this.#controls.refreshFullscreen(this.#isFullscreen);
    // What had the focus may lie outside the part that fills the screen; the keys must go on working.
    if (this.#isFullscreen && !this.#frame.contains(document.activeElement)) this.#frame.focus();
  }

  get #frame() {
    return this.#root.querySelector("[data-part=frame]");
  }

  #toggleFullscreen() {
    const frame = this.#frame;
    if (this.#isFullscreen) (document.exitFullscreen ?? document.webkitExitFullscreen).call(document);
    else if (frame.requestFullscreen) frame.requestFullscreen();
    else if (frame.webkitRequestFullscreen) frame.webkitRequestFullscreen();
    else this.#video.webkitEnterFullscreen?.(); // telephones that show only the film itself on the whole screen
  }
}
