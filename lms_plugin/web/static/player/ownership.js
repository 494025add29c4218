// Which page of this browser plays a session, so that no other sends or numbers that session's beats meanwhile.
//
// A page holds a lock (Web Locks) for each of its sessions; the browser takes it away with the page, however that ends.

const lockName = (session) => `playback-session/${session}`;

export class Ownership {
  #locks;
  /** Session -> the function that gives its lock back; null while it is let go. */
  #held = new Map();

  /** @param {LockManager|undefined} locks undefined where the browser has none, as on plain http */
  constructor(locks = navigator.locks) {
    this.#locks = locks;
  }

  /** Whether ownership can be known here at all. */
  get known() {
    return Boolean(this.#locks);
  }

  /** Make a session this page's; false when another page has it, or when that can't be known. `wait`: until it is free. */
  async claim(session, { wait = false } = {}) {
    if (!this.known) return false;
    if (this.#held.get(session)) return true;
    return new Promise((settle, fail) => {
      this.#locks
        .request(lockName(session), { ifAvailable: !wait }, (lock) => {
          settle(lock !== null);
          return lock && new Promise((release) => this.#held.set(session, release));
        })
        .catch(fail);
    });
  }

  letGo() {
    for (const [session, release] of this.#held) {
      release?.();
      this.#held.set(session, null);
    }
  }

  /** Claim what was let go. */
  async claimAgain() {
    await Promise.all([...this.#held.keys()].map((session) => this.claim(session)));
  }
}
