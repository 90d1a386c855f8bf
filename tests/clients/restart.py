"""Log in through python-socketio, and again, by itself, after a restart of the server."""

import argparse
import asyncio
import json
import sys

import socketio

LOGIN_TIMEOUT_S = 20


async def log_in_twice(options):
    socket, logins = socketio.AsyncClient(reconnection_delay=0.2), asyncio.Queue()

    async def log_in():
        error, _ = await socket.call("connect-user", {"userId": options.alice}, timeout=5)
        await logins.put(error)

    # Version 4 reads nothing on until its handler returns.
    socket.on("connect", lambda: socket.start_background_task(log_in))
    await socket.connect(options.url, transports=[options.transport])
    try:
        return [await asyncio.wait_for(logins.get(), LOGIN_TIMEOUT_S) for _ in range(2)]
    finally:
        await socket.disconnect()


def main():
    parser = argparse.ArgumentParser(description="A login before and one after a restart of the server.")
    parser.add_argument("--transport", choices=("websocket", "polling"), required=True)
    for name in ("--url", "--alice"):
        parser.add_argument(name, required=True)
    try:
        errors = asyncio.run(log_in_twice(parser.parse_args()))
        report = {"ok": errors == [None, None], "errors": errors}
    except Exception as error:  # whatever it was, the report names it
        report = {"ok": False, "error": str(error) or type(error).__name__}
    print(json.dumps(report), flush=True)
    sys.exit(0 if report["ok"] else 1)


if __name__ == "__main__":
    main()
