// The journal of beats in IndexedDB: what was watched and not acknowledged outlives the page, the browser and a crash.
//
// All pages of this browser share it. An entry belongs to a person (a shared computer has several) and to the page that
// plays its session; when that page is gone, the next page of the same person takes the entry up. Numbering is one
// transaction with the end of the open stretch, so that whatever was played is in one of the two and never in both.
// Whatever a page writes it asks for in one go and commits by itself: it may be the last thing the page does.

import { MemoryBeatStore, isAnswer, nameOf } from "./beats.js";
import { Ownership } from "./ownership.js";

const NAME = "watching";
const VERSION = 1;
const PATIENCE_SECONDS = 3;
/** Longer than a hidden page's timers sleep: an open stretch that stood still so long has no page any more. */
const ABANDONED_SECONDS = 65;
// A power cut takes what the system has not written yet. Beats wait for the disk; the open stretch is too frequent.
const SURE = { durability: "strict" };

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const written = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });

const identityOf = (user, entry) => [user, entry.session, isAnswer(entry) ? `check ${entry.check}` : entry.seq];

function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("entries", { keyPath: "identity" }).createIndex("user", "user");
      request.result.createObjectStore("stretches", { keyPath: ["user", "session"] }).createIndex("user", "user");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    setTimeout(() => reject(new Error("the journal does not open")), PATIENCE_SECONDS * 1000);
  });
}

/** The journal of a person, or a store as old as the page where this browser keeps nothing. */
export async function openStore(user) {
  try {
    return new Journal(await openDatabase(), user);
  } catch {
    return new MemoryBeatStore();
  }
}

const onlyContent = ({ session, seq, segments, check, answer, unanswered }) => {
  if (check !== undefined) return { session, check, answer };
  return unanswered === undefined ? { session, seq, segments } : { session, seq, segments, unanswered };
};

/** @implements {import("./beats.js").BeatStore} */
export class Journal {
  lasting = true;
  #database;
  #user;
  #ownership;
  #abandonedSeconds;
  #pulse = 0;

  constructor(database, user, { ownership = new Ownership(), abandonedSeconds = ABANDONED_SECONDS } = {}) {
    this.#database = database;
    this.#user = user;
    this.#ownership = ownership;
    this.#abandonedSeconds = abandonedSeconds;
    database.onversionchange = () => database.close();
  }

  put(...entries) {
    return this.#write(SURE, (kept, stretches) => {
      for (const entry of entries) {
        kept.put(this.#row(entry));
        if (!isAnswer(entry)) stretches.delete([this.#user, entry.session]);
      }
    });
  }

  keep({ session, seq, segments }) {
    // The pulse shows other pages that this one lives, though nothing may have been played since the last time.
    const row = { user: this.#user, session, seq, segments, pulse: ++this.#pulse };
    return this.#write({}, (_, stretches) => {
      stretches.put(row);
    });
  }

  remove(entry) {
    return this.#write({}, (kept) => {
      kept.delete(identityOf(this.#user, entry));
    });
  }

  async takeLeft(take) {
    const { entries, stretches } = await this.#read();
    if (!this.#ownership.known) {
      await this.#takeCarefully(entries, stretches, take);
      return;
    }
    const sessions = new Set([...entries, ...stretches].map(({ session }) => session));
    const free = new Set();
    for (const session of sessions) if (await this.#ownership.claim(session)) free.add(session);
    await this.#takeOf(free, take);
    for (const session of sessions) {
      // Its page may be closing at this moment, or crash tomorrow while this one is open.
      if (!free.has(session)) this.#ownership.claim(session, { wait: true }).then(() => this.#takeOf(new Set([session]), take));
    }
  }

  /** Take what there is of sessions that have become this page's. */
  async #takeOf(sessions, take) {
    const ours = ({ session }) => sessions.has(session);
    await this.#number((await this.#read()).stretches.filter(ours));
    take((await this.#read()).entries.filter(ours).map(onlyContent));
  }

  /** Nobody can tell whose they are. To send a beat twice does no harm; to number a stretch that still grows would. */
  async #takeCarefully(entries, stretches, take) {
    take(entries.map(onlyContent));
    if (stretches.length === 0) return;
    await new Promise((resume) => setTimeout(resume, this.#abandonedSeconds * 1000));
    await this.#number(stretches);
    const known = new Set(entries.map(nameOf));
    const sessions = new Set(stretches.map(({ session }) => session));
    const now = (await this.#read()).entries;
    take(now.filter((entry) => sessions.has(entry.session) && !known.has(nameOf(entry))).map(onlyContent));
  }

  async own(session) {
    await this.#ownership.claim(session);
  }

  letGo() {
    this.#ownership.letGo();
  }

  holdAgain() {
    return this.#ownership.claimAgain();
  }

  /** Turn open stretches into beats, each only if it still is as it was read. */
  async #number(left) {
    if (left.length === 0) return;
    await this.#write(SURE, async (kept, stretches) => {
      for (const { session, seq, segments, pulse } of left) {
        const now = await done(stretches.get([this.#user, session]));
        if (now?.pulse !== pulse || now.seq !== seq) continue;
        kept.put(this.#row({ session, seq, segments }));
        stretches.delete([this.#user, session]);
      }
    });
  }

  /** The device's clock may be wrong by years: it only says what came first on this device. */
  #row(entry) {
    return { ...entry, user: this.#user, identity: identityOf(this.#user, entry), at: Date.now() };
  }

  /** What is kept of this person, oldest first: {entries, stretches}. */
  async #read() {
    try {
      const transaction = this.#database.transaction(["entries", "stretches"]);
      const of = (name) => done(transaction.objectStore(name).index("user").getAll(this.#user));
      const [entries, stretches] = await Promise.all([of("entries"), of("stretches")]);
      return { entries: entries.sort((a, b) => a.at - b.at || a.seq - b.seq || 0), stretches };
    } catch {
      this.lasting = false;
      return { entries: [], stretches: [] };
    }
  }

  /** One transaction. A disk that is full or a journal that was cleared costs no more than that it does not last. */
  async #write(options, change) {
    try {
      const transaction = this.#database.transaction(["entries", "stretches"], "readwrite", options);
      const end = written(transaction);
      end.catch(() => {});
      const reading = change(transaction.objectStore("entries"), transaction.objectStore("stretches"));
      if (reading) await reading;
      else transaction.commit?.();
      await end;
      this.lasting = true;
    } catch {
      this.lasting = false;
    }
  }
}
