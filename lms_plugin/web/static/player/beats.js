// Where beats wait until the service has acknowledged them. This store lives as long as the page; another with the
// same three calls (in IndexedDB, say) may take its place, which is why each of them returns a promise.

/**
 * A beat never changes once it is numbered.
 * @typedef {{session: string|number, seq: number, segments: import("./segments.js").Segment[]}} Beat
 *
 * @typedef {object} BeatStore
 * @property {(beat: Beat) => Promise<void>} put
 * @property {() => Promise<Beat[]>} all  in the order they were put
 * @property {(beat: Beat) => Promise<void>} remove
 */

const keyOf = ({ session, seq }) => `${session}/${seq}`;

/** @implements {BeatStore} */
export class MemoryBeatStore {
  #beats = new Map();

  async put(beat) {
    this.#beats.set(keyOf(beat), beat);
  }

  async all() {
    return [...this.#beats.values()];
  }

  async remove(beat) {
    this.#beats.delete(keyOf(beat));
  }
}
