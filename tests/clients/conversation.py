"""One whole conversation between two people who have never met, through python-socketio 5.

    python conversation.py --transport websocket --url http://127.0.0.1:3000 --alice ID --bob ID

The counterpart of conversation.js. `--alice-token` and `--bob-token` go into the handshake.
Prints {"ok": true, "steps": N}, or names the failed step and exits 1.
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
import uuid

STEP_TIMEOUT_S = 5
GREETING = "grüße 👋 здравствуй"
MESSAGE_KEYS = ("_id", "createdAt", "from", "to", "message", "status", "chatRoomId", "seq")
MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

progress = {"step": "start", "steps": 0}


def finish(error=None):
    """Print the one line of the report and leave."""
    if error is None:
        report = {"ok": True, "steps": progress["steps"]}
    else:
        reason = str(error) or type(error).__name__
        report = {"ok": False, "step": progress["step"], "steps": progress["steps"], "error": reason}
    print(json.dumps(report, ensure_ascii=False), flush=True)
    sys.exit(0 if error is None else 1)


try:
    import aiohttp  # noqa: F401 - python-socketio reports its absence only when it connects
    import socketio
except ImportError as missing:
    progress["step"] = "load the client"
    finish(f'{missing}: run "pip install -r requirements.txt" in tests/clients')


@contextlib.asynccontextmanager
async def step(name):
    """Name what happens inside, give it at most five seconds, and count it."""
    progress["step"] = name
    try:
        async with asyncio.timeout(STEP_TIMEOUT_S):
            yield
    except TimeoutError:
        raise AssertionError(f"no answer within {STEP_TIMEOUT_S} s") from None
    progress["steps"] += 1


def same(actual, expected, what):
    """Like assert, but says what differed."""
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


class Person:
    """One connected socket of one person, and every envelope it was sent."""

    def __init__(self, name, user_id, token, options):
        self.name, self.id, self.token, self.options = name, user_id, token, options
        self.envelopes, self.arrived, self.socket = [], asyncio.Event(), None

    async def open(self):
        """Open a new socket; envelopes of an earlier one are forgotten."""
        envelopes = self.envelopes = []
        self.socket = socketio.AsyncClient(reconnection=False)

        async def keep(envelope):
            envelopes.append(envelope)
            self.arrived.set()

        self.socket.on("chatzz", keep)
        auth = {"token": self.token} if self.token else None
        await self.socket.connect(self.options.url, transports=[self.options.transport], auth=auth)

    async def answer(self, event, payload):
        """Emit with an ack; whatever the ack carried, as a list."""
        answered = asyncio.get_running_loop().create_future()
        await self.socket.emit(event, payload, callback=lambda *values: answered.set_result(list(values)))
        return await answered

    async def call(self, event, payload):
        """Emit with an error-first ack: the result, or the error raised."""
        error, result = await self.answer(event, payload)
        if error is not None:
            raise AssertionError(f"{event} was refused: {error}")
        return result

    async def refused(self, event, payload, code):
        """Emit and expect a refusal with this code."""
        error = (await self.answer(event, payload))[0]
        same(error and error["code"], code, f"the answer to {event} {payload!r}")

    async def envelope(self, kind, matches=lambda data: True):
        """The first envelope of this type that matches, already here or still to come."""
        while True:
            self.arrived.clear()
            for envelope in self.envelopes:
                if envelope["type"] == kind and matches(envelope["data"]):
                    same(sorted(envelope), ["data", "type"], "an envelope is type and data, nothing beside")
                    return envelope["data"]
            await self.arrived.wait()

    def count(self, kind):
        return sum(envelope["type"] == kind for envelope in self.envelopes)

    def is_(self, details):
        return str(details["_id"]) == str(self.id)


def check_message(message, /, **expected):
    for key in MESSAGE_KEYS:
        assert key in message, f"a message has no {key}"
    assert MOMENT.match(message["createdAt"]), message["createdAt"]
    for key, value in expected.items():
        same(message[key], value, f"the message's {key}")


async def meet(alice, bob):
    for person, other in ((alice, bob), (bob, alice)):
        async with step(f"{person.name} opens a socket"):
            await person.open()
        async with step(f"{person.name} is connected"):
            result = await person.call("connect-user", {"userId": person.id, "deliveryAcks": True, "protocol": 3})
            same((str(result["userId"]), result["status"]), (str(person.id), "online"), "the ack")
            assert "serverTime" in result and "protocol" in result, result
        async with step(f"{person.name} gets user-details"):
            details = await person.envelope("user-details")
            assert person.is_(details["user"]), details["user"]
            assert "lastOnline" in details and isinstance(details["missedMessages"], dict), details
            strangers = not any(other.is_(user) for user in details["connectedUsers"])
            assert strangers, "the two have never met: give a fresh pair"
    async with step("alice adds bob"):
        added = await alice.call("add-chat-user", {"userToAdd": bob.id})
        assert bob.is_(added) and added["chatRoomId"], added
        same((added["status"], added["unreadCount"]), ("online", 0), "the added user")
    async with step("bob gets chat-user-added"):
        added = await bob.envelope("chat-user-added", alice.is_)
        assert {"chatRoomId", "addedBy", "addedAt", "lastOnline", "status"} <= set(added), added


async def say(sender, receiver, text, seq, status="sent"):
    """Send, and see the message arrive at both sides."""
    client_id = str(uuid.uuid4())
    async with step(f"{sender.name} sends message {seq}"):
        payload = {"userId": receiver.id, "message": text, "clientId": client_id}
        stored = await sender.call("send-message", payload)
        check_message(stored, message=text, seq=seq, status=status, clientId=client_id)
        assert sender.is_(stored["from"]) and receiver.is_(stored["to"]), stored
    for person in (sender, receiver) if status == "sent" else (sender,):
        async with step(f"{person.name} sees message {seq}"):
            seen = await person.envelope("new-message", lambda data: data["_id"] == stored["_id"])
            check_message(seen, message=text, seq=seq, status=status)
    return stored


def changed(person, message, status):
    """Wait until the person hears of this status of this message."""
    return person.envelope(
        "message-status-changed", lambda data: data["_id"] == message["_id"] and data["status"] == status
    )


async def talk(alice, bob):
    first = await say(alice, bob, GREETING, 1)
    repeat = {"userId": bob.id, "message": GREETING, "clientId": first["clientId"]}
    async with step("the same clientId is a duplicate"):
        again = await alice.call("send-message", repeat)
        same((again["_id"], again.get("duplicate")), (first["_id"], True), "the duplicate")
    async with step("the same clientId with another text is a conflict"):
        await alice.refused("send-message", {**repeat, "message": "other"}, "client-id-conflict")
    await say(bob, alice, f"{GREETING}!", 2)
    async with step("bob reads one message"):
        check_message(await bob.call("message-read", {"messageId": first["_id"]}), status="read")
    async with step("alice learns that it was read"):
        await changed(alice, first, "read")
    async with step("the sender cannot read for the receiver"):
        await alice.refused("message-read", {"messageId": first["_id"]}, "message-not-found")
    await say(alice, bob, "third", 3)
    fourth = await say(alice, bob, "fourth", 4)
    for expected in (2, 0):
        async with step(f"bob reads {expected} up to the fourth"):
            same(await bob.call("message-read", {"userId": alice.id, "upTo": 4}), {"read": expected}, "the ack")
    async with step("alice learns of the range"):
        span = (await changed(alice, fourth, "read"))["range"]
        assert span["from"] <= 3 and span["to"] == 4, span


async def look_back(alice, bob):
    pages = (
        ({}, [1, 2, 3, 4], False),
        ({"limit": 2}, [3, 4], True),
        ({"before": 3}, [1, 2], False),
        ({"after": 1, "limit": 2}, [2, 3], True),
    )
    for query, seqs, more in pages:
        async with step(f"the history {query} is in the ack"):
            page = await bob.call("get-old-messages", {"userId": alice.id, **query})
            same(([message["seq"] for message in page["messages"]], page["hasMore"]), (seqs, more), "the page")
    async with step("with an ack the page comes in the ack alone"):
        same(bob.count("old-messages"), 0, "old-messages envelopes")
    async with step("without an ack the history is an envelope"):
        await bob.socket.emit("get-old-messages", {"userId": alice.id})
        messages = await bob.envelope("old-messages")
        same([message["seq"] for message in messages], [1, 2, 3, 4], "the page")
        check_message(messages[0], message=GREETING, status="read")


async def talk_nonsense(alice, bob):
    async with step("an unknown event is a bad request"):
        await alice.refused("no-such-event", {"userId": bob.id}, "bad-request")
    for payload in (42, "text", [], {}, {"userId": bob.id, "message": 7}, {"userId": {"$ne": 1}, "message": "x"}):
        async with step(f"send-message {payload!r} is a bad request"):
            await alice.refused("send-message", payload, "bad-request")
    for event in ("send-message", "no-such-event"):
        async with step(f"{event} with nonsense and no ack is an error envelope"):
            await alice.socket.emit(event, 42)
            error = await alice.envelope("error", lambda data: data["event"] == event)
            same(error["code"], "bad-request", "the code")


async def miss_and_catch_up(alice, bob):
    async with step("bob leaves and alice sees him offline"):
        await bob.socket.disconnect()
        offline = await alice.envelope(
            "chat-user-status-changed", lambda data: bob.is_(data["user"]) and data["status"] == "offline"
        )
        assert MOMENT.match(offline["lastOnline"]), offline
    missed = await say(alice, bob, f"{GREETING}?", 5, status="not_sent")
    async with step("bob opens another socket"):
        await bob.open()
    async with step("bob finds what he missed"):
        await bob.call("connect-user", {"userId": bob.id, "deliveryAcks": True, "protocol": 3})
        details = await bob.envelope("user-details")
        handed_over = details["missedMessages"].get(str(alice.id), [])
        found = [message for message in handed_over if message["_id"] == missed["_id"]]
        same(len(found), 1, "times the message is in missedMessages")
        check_message(found[0], message=f"{GREETING}?", seq=5, status="sent")
    async with step("alice learns that it was sent"):
        await changed(alice, missed, "sent")
    async with step("alice sees bob online again"):
        await alice.envelope("chat-user-status-changed", lambda data: bob.is_(data["user"]) and data["status"] == "online")


async def converse(options):
    alice = Person("alice", options.alice, options.alice_token, options)
    bob = Person("bob", options.bob, options.bob_token, options)
    try:
        for part in (meet, talk, look_back, talk_nonsense, miss_and_catch_up):
            await part(alice, bob)
        async with step("nothing came twice and nothing secret came"):
            for person in (alice, bob):
                ids = [envelope["data"]["_id"] for envelope in person.envelopes if envelope["type"] == "new-message"]
                same(len(set(ids)), len(ids), "distinct messages")
                everything = json.dumps(person.envelopes)
                for secret in ('"email"', '"password"', "$2b$"):
                    assert secret not in everything, f"{secret} never leaves the server"
    finally:
        for person in (alice, bob):
            if person.socket:
                await person.socket.disconnect()


def main():
    parser = argparse.ArgumentParser(description="One whole conversation through python-socketio.")
    parser.add_argument("--transport", choices=("websocket", "polling"), required=True)
    for name in ("--url", "--alice", "--bob"):
        parser.add_argument(name, required=True)
    parser.add_argument("--alice-token")
    parser.add_argument("--bob-token")
    try:
        asyncio.run(converse(parser.parse_args()))
    except Exception as error:  # whatever it was, the report names the step
        finish(error)
    finish()


if __name__ == "__main__":
    main()
