// What has to reach the service, and where it waits until the service has acknowledged it.
//
// Two stores keep it: the journal of journal.js, which outlives the page, and the one below for browsers that refuse
// to keep anything (private windows), which is as old as the page. Their calls are the same.

/**
 * A beat never changes once it is numbered.
 * `unanswered` names a presence check that was shown and that nobody answered in time.
 * @typedef {{session: string, seq: number, segments: import("./segments.js").Segment[], unanswered?: string}} Beat
 *
 * What somebody chose at a presence check.
 * @typedef {{session: string, check: string, answer: number}} Answer
 *
 * @typedef {Beat|Answer} Entry
 *
 * What was played since the last beat; `seq` is the number it would get as a beat.
 * @typedef {{session: string, seq: number, segments: import("./segments.js").Segment[]}} OpenStretch
 *
 * @typedef {object} BeatStore
 * @property {boolean} lasting  whether what is kept outlives the page
 * @property {(...entries: Entry[]) => Promise<void>} put  keep entries; a beat takes the place of its session's open stretch
 * @property {(stretch: OpenStretch) => Promise<void>} keep  keep what is not a beat yet, in place of what was kept before
 * @property {(entry: Entry) => Promise<void>} remove
 * @property {(take: (entries: Entry[]) => void) => Promise<void>} takeLeft
 *   give what earlier pages left, oldest first and open stretches as beats; `take` may be called more than once
 * @property {(session: string) => Promise<void>} own  this page plays the session: its beats are no other page's
 * @property {() => void} letGo  this page may be gone or frozen in a moment
 * @property {() => Promise<void>} holdAgain  it was neither
 */

export const isAnswer = (entry) => "check" in entry;

/** The same for two copies of one entry. */
export const nameOf = (entry) =>
  isAnswer(entry) ? `answer/${entry.session}/${entry.check}` : `beat/${entry.session}/${entry.seq}`;

/** @implements {BeatStore} */
export class MemoryBeatStore {
  lasting = false;
  #entries = new Map();
  #stretches = new Map();

  async put(...entries) {
    for (const entry of entries) {
      this.#entries.set(nameOf(entry), entry);
      if (!isAnswer(entry)) this.#stretches.delete(entry.session);
    }
  }

  async keep(stretch) {
    this.#stretches.set(stretch.session, stretch);
  }

  async remove(entry) {
    this.#entries.delete(nameOf(entry));
  }

  async takeLeft(take) {
    for (const stretch of this.#stretches.values()) this.#entries.set(nameOf(stretch), stretch);
    this.#stretches.clear();
    take([...this.#entries.values()]);
  }

  async own() {}

  letGo() {}

  async holdAgain() {}
}
