"""The JSON API's description for people."""

from flask import Response, make_response, render_template

from lms_plugin.http.security import POLICY


def api_docs() -> Response:
    """Swagger UI on the API's own description; it writes style attributes, which no other page may do."""
    response = make_response(render_template("api_docs.html"))
    response.headers["Content-Security-Policy"] = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
    return response
