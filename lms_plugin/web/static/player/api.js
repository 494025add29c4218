// The player's way to the JSON API: session cookie, CSRF token, problem documents. Knows no meaning of any call.

/** The request never got an answer. */
export class NetworkFailure extends Error {}

const TOKEN = 'meta[name="csrf-token"]';

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
  async post(path, body, { keepalive = false } = {}) {
    let response;
    try {
      response = await fetch(this.#base + path, {
        method: "POST",
        credentials: "same-origin",
        redirect: "error",
        keepalive,
        headers: {
          "Content-Type": "application/json",
          Accept: "application/json",
          "X-CSRFToken": document.querySelector(TOKEN)?.content ?? "",
        },
        body: JSON.stringify(body),
      });
    } catch (fault) {
      throw new NetworkFailure("no answer", { cause: fault });
    }
    // A proxy's error page is not JSON; its status is all there is to know then.
    const answer = await response.json().catch(() => ({}));
    return {
      status: response.status,
      ok: response.ok,
      body: answer,
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
