"""Pages for a browser: a link in an iframe, with the storage a platform offers to a tool without cookies."""

import html
import json
from urllib.parse import urlencode, urlsplit

from werkzeug.wrappers import Response

# LTI Client Side postMessages 1.0 and LTI PostMessage Storage 0.1: the tool's frame asks its parent to keep a value.
SCRIPT = """
const origin = %(origin)s, kept = {};
window.addEventListener('message', (event) => {
  if (event.origin !== origin) return;
  const asked = event.data, answer = {subject: asked.subject + '.response', message_id: asked.message_id};
  if (asked.subject === 'lti.put_data') kept[asked.key] = asked.value;
  if (asked.subject === 'lti.put_data' || asked.subject === 'lti.get_data') {
    answer.key = asked.key;
    answer.value = kept[asked.key];
  } else if (asked.subject === 'lti.capabilities') {
    answer.supported_messages = ['lti.capabilities', 'lti.put_data', 'lti.get_data'].map((subject) => ({subject}));
  } else return;
  event.source.postMessage(answer, event.origin);
});
"""


def framed(login_url: str, parameters: dict[str, str], title: str, *, storage: bool) -> Response:
    """A course page with the link in it; with `storage` the platform keeps values for the tool."""
    address = urlsplit(login_url)
    origin = f"{address.scheme}://{address.netloc}"
    if storage:
        parameters = {**parameters, "lti_storage_target": "_parent"}
    source = f"{login_url}{'&' if address.query else '?'}{urlencode(parameters)}"
    script = f"<script>{SCRIPT % {'origin': json.dumps(origin)}}</script>" if storage else ""
    page = (
        f"<!doctype html><title>{html.escape(title)}</title>{script}<h1>{html.escape(title)}</h1>"
        f'<iframe name="tool" width="900" height="700" src="{html.escape(source)}"></iframe>'
    )
    return Response(page, content_type="text/html; charset=utf-8")
