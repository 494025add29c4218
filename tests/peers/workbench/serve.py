"""Serve the workbench on a port of 127.0.0.1 until standard input ends; says in one line that it is there.

    serve.py FOLDER PORT

The folder keeps the database. PYTHONPATH names where the block is installed.
"""

import os
import sys
import threading
from pathlib import Path


def main() -> None:
    folder = Path(sys.argv[1])
    os.environ["WORKBENCH_FOLDER"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench_site.settings"
    sys.path.insert(0, str(Path(__file__).parent))
    import django

    django.setup()
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.management import call_command
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    # The package has no migrations.
    call_command("migrate", run_syncdb=True, verbosity=0)
    server = ThreadedWSGIServer(("127.0.0.1", int(sys.argv[2])), WSGIRequestHandler)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
