// The player: puts the film, its controls, the gathering of what was played and its reporting together.

import { Press } from "../js/press.js";
import { Api } from "./api.js";
import { Captions } from "./captions.js";
import { Controls } from "./controls.js";
import { Coverage } from "./coverage.js";
import { FilmBar } from "./filmbar.js";
import { FullScreen } from "./fullscreen.js";
import { listenToKeys } from "./keyboard.js";
import { Messages } from "./messages.js";
import { Notices } from "./notices.js";
import { observe } from "./observer.js";
import { Order } from "./order.js";
import { listenToThePage } from "./pagelife.js";
import { Presence } from "./presence.js";
import { Reasons } from "./reasons.js";
import { NotOpened, Reporter } from "./reporter.js";
import { SegmentGatherer } from "./segments.js";
import { Source, canPlay } from "./source.js";
import { Speed } from "./speed.js";
import { Texts, clockTime } from "./texts.js";

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
  #reasons;
  #press;
  #controls;
  #captions;
  #speed;
  #fullScreen;
  #source;
  #observer;
  #reporter;
  #messages;
  #presence;
  #order;
  #opening = false;
  #wish = [null, null];
  #lost = false;
  #stopAt = null;
  #startAt;
  #asked;
  #manifest = null;
  #reopenedAt = -Infinity;

  /**
   * `root` is the section the template renders; `store` keeps what `user` watched until it is acknowledged.
   * `asked` is the stretch to begin with, as {from, to}; without `to` it is played on to the end.
   */
  constructor(root, { store, user, asked = null }) {
    const { dataset } = root;
    this.#root = root;
    this.#video = root.querySelector("video");
    this.#texts = Texts.fromPage();
    this.#duration = Number(dataset.duration);
    this.#asked = asked && asked.from < this.#duration ? asked : null;
    this.#startAt = this.#asked?.from ?? Number(dataset.resumeAt || 0);

    this.#coverage = new Coverage(this.#duration);
    this.#coverage.replace(JSON.parse(dataset.state));
    this.#filmBar = new FilmBar(root, this.#coverage, this.#texts, { onOpen: (stretch) => this.#reasons.open(stretch) });
    this.#reasons = new Reasons(root, this.#coverage, this.#texts, {
      watch: (from, to) => this.#playStretch(from, to),
      catchUp: () => this.#playFrom(this.#order.frontier),
    });

    this.#press = new Press(root);

    const commands = this.#commands();
    const look = { duration: this.#duration, icons: dataset.icons };
    this.#controls = new Controls(root, this.#video, this.#texts, commands, look);
    listenToKeys(root, commands, { resting: () => this.#presence.open });
    this.#captions = new Captions(this.#video, JSON.parse(dataset.captions), document.documentElement.lang);

    const gatherer = new SegmentGatherer(this.#duration);
    const { videoId, enrolmentId } = dataset;
    this.#reporter = new Reporter({ api: new Api(), store, user, gatherer, videoId, enrolmentId });
    const notices = new Notices(root.querySelector("[data-part=notices]"), dataset.icons, this.#press);
    this.#messages = new Messages(notices, this.#texts, this.#reporter, { signInAddress: dataset.signIn });
    this.#order = new Order(this.#coverage, this.#reporter, (frontier) => this.#messages.notAhead(frontier));
    this.#speed = new Speed(this.#video, this.#controls, this.#messages);
    this.#fullScreen = new FullScreen(root, this.#video, (full) => this.#controls.refreshFullscreen(full));
    this.#presence = new Presence(root, this.#texts, { reporter: this.#reporter, film: this.#film, notices });
    this.#observer = observe(this.#video, gatherer, (name) => this.#seen(name));
    this.#source = new Source(this.#video);

    this.#listen();
    listenToThePage(this.#reporter, this.#observer);
    this.#show();
    this.#reporter.restore();
  }

  /** The film as presence checks handle it. */
  get #film() {
    const video = this.#video;
    return {
      get playing() {
        return !video.paused;
      },
      pause: () => {
        video.pause();
        this.#fullScreen.showFrame();
      },
      play: () => this.#play(),
    };
  }

  #show() {
    this.#draw();
    this.#filmBar.moveTo(this.#startAt);
    this.#controls.refresh(this.#startAt);
    this.#controls.refreshSound();
    this.#controls.refreshFullscreen(false);
    this.#controls.offerCaptions(this.#captions.choices, this.#captions.current);
    this.#controls.offerQualities([]);
    this.#controls.enable(false);
    if (!canPlay(this.#video)) this.#controls.cover("failed", this.#texts.say("cannot_play"));
    else this.#coverStart();
  }

  #coverStart() {
    const at = this.#startAt;
    const to = this.#asked?.to;
    let text = at > 0 ? this.#texts.say("resume_from", { at: clockTime(at) }) : this.#texts.say("start");
    if (to) text = this.#texts.say("watch_stretch", { stretch: `${clockTime(at)}–${clockTime(to)}` });
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
      speed: (rate) => this.#speed.choose(rate),
      faster: () => this.#speed.faster(),
      slower: () => this.#speed.slower(),
      fullscreen: () => this.#fullScreen.toggle(),
    };
  }

  #listen() {
    const video = this.#video;
    video.addEventListener("volumechange", () => this.#controls.refreshSound());
    video.addEventListener("seeking", () => {
      if (this.#order.isBroken(video.currentTime)) this.#seek(video.currentTime);
    });
    video.addEventListener("loadedmetadata", () => this.#controls.enable(true));
    video.addEventListener("play", () => this.#onPlay());
    video.addEventListener("playing", () => this.#controls.cover(null));
    video.addEventListener("canplay", () => this.#onCanPlay());
    video.addEventListener("waiting", () => this.#controls.cover("busy", this.#texts.say("loading")));
    this.#source.addEventListener("levels", ({ detail }) => this.#controls.offerQualities(detail.levels));
    this.#source.addEventListener("failed", ({ detail }) => this.#onSourceFailed(detail.kind));
    this.#reporter.addEventListener("acknowledged", ({ detail }) => this.#onAnswer(detail.answer));
    this.#reporter.addEventListener("film", ({ detail }) => this.#onFilm(detail.film));
    this.#reporter.addEventListener("lease-lost", () => this.#onLeaseLost());
    this.#root.addEventListener("play-from", (event) => {
      event.preventDefault(); // taken
      this.#playFrom(event.detail.seconds);
    });
    this.#root.querySelector("[data-part=next-gap]").addEventListener("click", () => this.#playNextGap());
  }

  // --- sessions -----------------------------------------------------------------------------------------------

  /**
   * Open a session, which takes the person's lease, and go on at `position` (null: where the service says), as far as
   * `stopAt` (null: on and on). Of several places asked for meanwhile it is the last.
   */
  async #open(position, stopAt = null) {
    if (!this.#opening || position !== null) this.#wish = [position, stopAt];
    if (this.#opening) return;
    this.#opening = true;
    this.#controls.cover("busy", this.#texts.say("opening"));
    try {
      this.#adopt(await this.#reporter.open(), ...this.#wish);
    } catch (fault) {
      if (!(fault instanceof NotOpened)) throw fault;
      const retry = () => this.#open(...this.#wish);
      this.#controls.cover("failed", this.#messages.notOpened(fault), retry);
    } finally {
      this.#opening = false;
    }
  }

  #adopt(session, position, stopAt) {
    this.#lost = false;
    this.#messages.leaseHeld();
    this.#order.free = session.skipping_ahead ?? true;
    this.#coverage.replace(session);
    this.#draw();
    const resumeAt = session.resume_at_seconds < this.#duration - END_SECONDS ? session.resume_at_seconds : 0;
    const at = Math.min(position ?? resumeAt, this.#order.frontier);
    if (session.manifest_url !== this.#manifest) {
      this.#manifest = session.manifest_url;
      this.#observer.aim(at);
      this.#source.load(session.manifest_url, at);
    } else {
      this.#seek(at);
    }
    this.#stopAt = at === position ? stopAt : null;
    this.#asked = null;
    this.#speed.limit(Number(session.max_rate));
    this.#presence.begin(session.presence_check ?? null, { playOn: true });
    this.#play();
  }

  #onAnswer(answer) {
    this.#coverage.add(answer);
    this.#draw();
  }

  #onFilm(film) {
    this.#coverage.replace(film);
    this.#draw();
  }

  #draw() {
    this.#press.after(() => {
      this.#filmBar.render();
      this.#reasons.render();
    });
  }

  #onLeaseLost() {
    this.#lost = true;
    this.#video.pause();
    this.#presence.leave();
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

  // --- playing ------------------------------------------------------------------------------------------------

  #toggle() {
    if (!this.#reporter.session) this.#open(this.#asked?.from ?? null, this.#asked?.to ?? null);
    else if (this.#lost) this.#open(justBefore(this.#video.currentTime));
    else if (this.#presence.open) this.#presence.focus();
    else if (this.#video.paused) this.#play();
    else this.#video.pause();
  }

  async #play() {
    if (this.#presence.open) return;
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
    if (this.#lost || this.#presence.open) this.#video.pause();
    // After a long pause the film may play elsewhere by now.
    else this.#reporter.askIfSilent();
  }

  #onCanPlay() {
    if (this.#video.paused && !this.#opening) this.#controls.cover(null);
  }

  #seek(position) {
    if (!this.#manifest) return;
    this.#stopAt = null;
    this.#observer.seek(this.#order.allow(between(0, position, this.#duration)));
    this.#refresh();
  }

  #playStretch(from, to) {
    if (this.#lost) return;
    if (!this.#reporter.session) {
      this.#open(from, to);
      return;
    }
    this.#seek(from);
    if (this.#order.frontier >= from) this.#stopAt = to;
    this.#play();
  }

  #playFrom(position) {
    if (!this.#reporter.session) {
      this.#open(position);
    } else if (!this.#lost) {
      this.#seek(position);
      this.#play();
    }
  }

  #playNextGap() {
    const gap = this.#coverage.nextGap(this.#video.currentTime, this.#order.frontier);
    if (gap) this.#playFrom(gap[0]);
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
}
