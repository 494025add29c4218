// The player's way to the JSON API: session cookie, CSRF token, problem documents. Knows no meaning of any call.

/** The request never got an answer. */
export class NetworkFailure extends Error {}

const TOKEN = 'meta[name="csrf-token"]';

/** The id of whoever a page was made for. */
export const personOf = (page) => page.querySelector('meta[name="user-id"]')?.content ?? "";

const csrfToken = () => document.querySelector(TOKEN)?.content ?? "";

const retryAfterSeconds = (headers) => {
  const value = headers.get("Retry-After");
  if (!value) return null;
  const seconds = Number(value);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : Math.max(0, (Date.parse(value) - Date.now()) / 1000) || null;
};

export class Api {
  #base;

  constructor(base = "/api/v1") {
    this.#base = base;
  }

  /**
   * POST a JSON body. Answers {status, ok, body, code, retryAfterSeconds}; `code` is the problem document's.
   * Throws NetworkFailure where there was no answer. `keepalive` lets the request outlive the page.
   */
  post(path, body, { keepalive = false } = {}) {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": csrfToken() };
    return this.#ask(path, { method: "POST", keepalive, headers, body: JSON.stringify(body) });
  }

  /** GET; answers and throws as `post`. */
  get(path) {
    return this.#ask(path, {});
  }

  /**
   * POST a JSON body from a page that is going; nobody will hear the answer. False where the browser takes no more.
   * A beacon carries no headers of ours, so the token is in the body.
   */
  beacon(path, body) {
    const content = JSON.stringify({ ...body, csrf_token: csrfToken() });
    return navigator.sendBeacon?.(this.#base + path, new Blob([content], { type: "application/json" })) ?? false;
  }

  async #ask(path, { headers = {}, ...options }) {
    let response;
    try {
      response = await fetch(this.#base + path, {
        ...options,
        credentials: "same-origin",
        redirect: "error",
        headers: { Accept: "application/json", ...headers },
      });
    } catch (fault) {
      throw new NetworkFailure("no answer", { cause: fault });
    }
    // What is not JSON was not said by the service, whatever its status: a proxy's error page, a portal's sign-in.
    const answer = await response.json().catch(() => null);
    return {
      status: response.status,
      ok: response.ok && answer !== null,
      body: answer ?? {},
      code: answer?.code ?? null,
      retryAfterSeconds: retryAfterSeconds(response.headers),
    };
  }

  /** Take the token anew from the server: it changes when the person signs in again in another tab. */
  async refreshToken() {
    const meta = document.querySelector(TOKEN);
    if (!meta) return;
    try {
      const page = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await page.text(), "text/html").querySelector(TOKEN);
      if (fresh?.content) meta.content = fresh.content;
    } catch (fault) {
      throw new NetworkFailure("no answer", { cause: fault });
    }
  }
}
