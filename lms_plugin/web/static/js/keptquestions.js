// Questions that were typed and are not with the service yet: kept on this device, one for each person and module.
//
// A question carries the name (`key`) that this device gave it. The service takes each name once, so that a question
// whose answer was lost on the way may be sent again, by any page and any number of times.

import { Api, NetworkFailure } from "../player/api.js";
import { isFinal } from "../player/outbox.js";

const PREFIX = "question.";

const newKey = () => Date.now().toString(36) + Math.random().toString(36).slice(2, 14);

/** What this device keeps of one person: {body, at (seconds or null), isPrivate, key, wanted} by module. */
export class KeptQuestions {
  #user;
  #memory = new Map();

  constructor(user) {
    this.#user = user;
  }

  nameOf(module) {
    return `${PREFIX}${this.#user}.${module}`;
  }

  read(module) {
    const name = this.nameOf(module);
    try {
      return JSON.parse(localStorage.getItem(name)) ?? this.#memory.get(name) ?? null;
    } catch {
      return this.#memory.get(name) ?? null;
    }
  }

  /** Keep a question; false where it is kept only as long as the page. `wanted`: it is to be sent. */
  write(module, question) {
    const name = this.nameOf(module);
    const kept = { ...question, key: this.read(module)?.key ?? newKey() };
    this.#memory.set(name, kept);
    try {
      localStorage.setItem(name, JSON.stringify(kept));
      return true;
    } catch {
      // Private browsing, or a full disk.
      return false;
    }
  }

  remove(module) {
    this.#memory.delete(this.nameOf(module));
    try {
      localStorage.removeItem(this.nameOf(module));
    } catch {
      // Then nothing was written either.
    }
  }

  /** The modules with a question that is to be sent. */
  get wanted() {
    const own = this.nameOf("");
    let names = [];
    try {
      names = Object.keys(localStorage).filter((name) => name.startsWith(own));
    } catch {
      return [];
    }
    return names.map((name) => name.slice(own.length)).filter((module) => this.read(module)?.wanted);
  }
}

/**
 * Send a question once. Answers {state}: sent (with `question`), kept (with `afterSeconds`: try again), signed_out,
 * other_person, or refused (with `detail`). Nobody's question is sent under the name of whoever signed in after them.
 */
export async function send(api, user, module, { body, at, isPrivate, key }) {
  const content = { body, at_seconds: at, is_private: isPrivate, key };
  const post = () => api.post(`/modules/${module}/questions`, content);
  try {
    const me = await api.get("/me");
    if (me.status === 401) return { state: "signed_out" };
    if (!me.ok) return { state: "kept", afterSeconds: me.retryAfterSeconds ?? 0 };
    if (String(me.body.id) !== user) return { state: "other_person" };
    let answer = await post();
    if (answer.status === 400 || answer.status === 403) {
      await api.refreshToken();
      answer = await post();
    }
    if (answer.ok) return { state: "sent", question: answer.body };
    if (answer.status === 401) return { state: "signed_out" };
    if (isFinal(answer)) return { state: "refused", detail: answer.body?.detail ?? null };
    return { state: "kept", afterSeconds: answer.retryAfterSeconds ?? 0 };
  } catch (fault) {
    if (!(fault instanceof NetworkFailure)) throw fault;
    return { state: "kept", afterSeconds: 0 };
  }
}

/** Send what earlier pages left, except what a form on this page sends by itself. */
export async function sendLeft(user) {
  const kept = new KeptQuestions(user);
  const here = document.querySelector("[data-ask]")?.dataset.moduleId;
  for (const module of kept.wanted) {
    if (module === here) continue;
    const question = kept.read(module);
    const { state } = await send(new Api(), user, module, question);
    if (state === "sent") kept.remove(module);
    // Its form says why, when the person comes back to it.
    else if (state === "refused") kept.write(module, { ...question, wanted: false });
    else return;
  }
}
