#!/usr/bin/python3
"""Holds everything that a shop has put into its topics against asyncapi.json.

usage: records.py DOCUMENT RECORDS [SUFFIX]

RECORDS has a JSON object a line: "by" ("test": a program that is not of the
shop sent it, "broker": it stands in the topic), "topic", "key", "value",
"headers" (a list of name and value), and "partition" and "offset" of what
stands in a topic. Keys and values are hexadecimal, or null. SUFFIX is what the
names of topics have behind the document's.

What nobody else sent must be one of the messages of a `send` operation:
headers, key and payload. What somebody else sent must be dead for each group
that receives its topic, unless it is a message of the `receive` operations. A
mark must be about a letter, and where it says that the record was replayed, it
must be there once more, and is judged like what somebody else sent. All that the document names must have been there. Prints each fault, a summary,
and exits with 1 when there is a fault. Needs Debian's python3-jsonschema.
"""

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from jsonschema import RefResolver
from jsonschema.validators import extend
from oracle import Reading
from validate import check_pattern, load, new_validator, parse

DEAD_LETTERS = ".dlq"
MARK, REPLAYED = "mark-sent", "replayed-record-sent"
REFUSAL = "orderflow.dlq.letter"
# Headers whose values have names of topics and groups in them.
HAS_NAMES = {"__connect.errors.topic", "__connect.errors.connector.name", "ce_causationid", "ce_id",
             REFUSAL}
FAULTS_SHOWN = 20
VALIDATOR = extend(type(new_validator({})), validators={"pattern": check_pattern})


class Record(NamedTuple):
    topic: str  # as the document has it
    key: bytes
    value: bytes
    headers: tuple
    place: tuple  # topic, partition, offset

    def header_texts(self):
        """Of a header given twice, the last; None for what is not text."""
        return {name: as_text(value) for name, value in self.headers}


def as_text(value):
    try:
        return None if value is None else value.decode("utf-8")
    except ValueError:
        return None


def closed(schema):
    """What a sender may send: the members that the schema names, and no others."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed(item) for name, item in schema.items()}
    return {**schema, "additionalProperties": False} if schema.get("type") == "object" else schema


class Message:
    """One message of the document, as it is sent or as it is received."""

    def __init__(self, name, message, resolver):
        self.name = name
        self.schemas = {"headers": message["headers"], "key": {}}
        if "payload" in message:
            self.schemas["payload"] = message["payload"]["schema"]
        if "bindings" in message:
            self.schemas["key"] = message["bindings"]["kafka"]["key"]
        self.key_location = message.get("x-key")
        self.resolver = resolver

    def parts(self, schema):
        """The schemas that all hold together: through references and allOf."""
        if "$ref" in schema:
            with self.resolver.resolving(schema["$ref"]) as target:
                yield from self.parts(target)
        for part in schema.get("allOf", ()):
            yield from self.parts(part)
        yield schema

    def named(self):
        """All headers that this message can have, and all values that are listed."""
        for where in ("headers", "payload"):
            members = defaultdict(list)
            for part in self.parts(self.schemas.get(where, {})):
                for name, schema in part.get("properties", {}).items():
                    members[name].append(schema)
            for name, schemas in members.items():
                if False in schemas:
                    continue
                if where == "headers":
                    yield (self.name, where, name)
                for schema in schemas:
                    listed = [schema["const"]] if "const" in schema else schema.get("enum", ())
                    yield from ((self.name, where, name, value) for value in listed)

    def validate(self, where, value):
        """To be exhausted: the resolver forgets where it is otherwise."""
        validator = VALIDATOR(self.schemas[where], resolver=self.resolver)
        for error in validator.iter_errors(value):
            at = "".join(f"/{name}" for name in error.absolute_path)
            yield f"{where}{at}: {error.message}"

    def locate(self, location, contents):
        """A runtime expression of AsyncAPI, such as $message.payload#/customerId."""
        where, name = re.fullmatch(r"\$message\.(header|payload)#/([\w.]+)", location).groups()
        return contents["headers" if where == "header" else where].get(name)

    def check(self, record, contents):
        """The faults that the record has as this message."""
        yield from self.validate("headers", contents["headers"])
        yield from self.validate("key", contents["key"])
        if "payload" not in self.schemas:
            return
        if isinstance(contents["payload"], ValueError):
            yield f"payload: {contents['payload']}"
            return
        faults = list(self.validate("payload", contents["payload"]))
        yield from faults
        if self.key_location and not faults:
            expected = self.locate(self.key_location, contents)
            if contents["key"] != expected:
                yield f"key: {contents['key']!r} is not {self.key_location}, {expected!r}"


class Document:
    def __init__(self, path):
        self.tree = load(path)
        uri = Path(path).resolve().as_uri()
        open_files = RefResolver(uri, self.tree, handlers={"file": load_uri})
        closed_files = RefResolver(uri, self.tree, handlers={"file": load_closed})
        self.sent, self.received, self.groups = defaultdict(dict), {}, defaultdict(set)
        for operation in self.tree["operations"].values():
            address = self.at(operation["channel"]["$ref"])["address"]
            is_sent = operation["action"] == "send"
            for reference in operation["messages"]:
                name = reference["$ref"].rsplit("/", 1)[1]
                content = self.at(self.at(reference["$ref"])["$ref"])
                message = Message(name, content, closed_files if is_sent else open_files)
                if is_sent:
                    self.sent[address][name] = message
                else:
                    self.received[address] = message
                    self.groups[address].add(operation["bindings"]["kafka"]["groupId"]["const"])

    def at(self, reference):
        node = self.tree
        for name in reference.removeprefix("#/").split("/"):
            node = node[name]
        return node


def load_uri(uri):
    schema = load(url2pathname(urlsplit(uri).path))
    del schema["$schema"]  # it would bring its own validator, with binary fractions
    return schema


def load_closed(uri):
    return closed(load_uri(uri))


def read_payload(value):
    """The payload, None for null, or the error that says why no reader takes it for JSON."""
    if value is None:
        return None
    try:
        reading = Reading(value.decode("utf-8"))
    except ValueError as error:
        return error
    return ValueError(", ".join(sorted(reading.rules))) if reading.rules else reading.value


def trace_of(headers):
    match = re.match(r"[0-9a-f]{2}-([0-9a-f]{32})-", headers.get("traceparent") or "")
    return match and match[1]


def refusal_name(headers):
    """Of a letter: which group refused which record."""
    group, cluster, topic, partition, offset = (
        headers.get(name) for name in ("__connect.errors.connector.name", "orderflow.dlq.cluster",
                                       "__connect.errors.topic", "__connect.errors.partition",
                                       "__connect.errors.offset"))
    return f"{group} {cluster}/{topic}/{partition}/{offset}"


def restored(record, place):
    """The headers of a refused record when it is replayed; `place` begins with the cluster's id."""
    if any(name == "ce_id" for name, _ in record.headers):
        return record.headers
    kept = tuple(header for header in record.headers if header[0] != "ce_source")
    return (*kept, ("ce_id", place.encode()))


class Audit:
    """Goes through the records of a run."""

    def __init__(self, document, records, foreign):
        self.document = document
        self.records = {record.place: record for record in records}
        self.foreign = foreign  # how often each content was sent by somebody else
        self.faults = []
        self.seen = Counter()
        self.refused, self.letters = set(), Counter()  # place and group
        self.refusals, self.replays = set(), Counter()  # names; contents that must be there again
        self.correlations, self.traces = {}, {}  # by event id

    def run(self):
        for record in self.records.values():
            self.note_event(record)
            if record.topic.endswith(DEAD_LETTERS):
                self.note_letter(record)
        for record in self.records.values():
            self.check(record)
        for (topic, *_), n in self.foreign.items():
            if n > 0:
                self.faults.append(f"{topic}: {n} records that the test has sent are not there")
        for (topic, *_), n in self.replays.items():
            if n > 0:
                self.faults.append(f"{topic}: {n} records are marked as replayed and not there")
        for place, group in self.refused | self.letters.keys():
            n, expected = self.letters[place, group], int((place, group) in self.refused)
            if n != expected:
                self.complain(place, f"is dead {n} times for {group}, not {expected}")
        for messages in self.document.sent.values():
            for message in messages.values():
                for name in {(message.name,), *message.named()} - self.seen.keys():
                    self.faults.append(f"{': '.join(map(str, name))}: was never seen")
        for message in self.document.received.values():
            if not self.seen[(message.name,)]:
                self.faults.append(f"{message.name}: nobody has sent one")

    def complain(self, place, fault):
        self.faults.append(f"{'/'.join(map(str, place))}: {fault}")

    def note_event(self, record):
        headers = record.header_texts()
        payload = read_payload(record.value)
        subject = payload if isinstance(payload, dict) else {}
        correlation = headers.get("ce_correlationid") or subject.get("orderId") \
            or subject.get("productId")
        place = "/".join(map(str, record.place))
        event = headers.get("ce_id") or place
        self.correlations[event] = correlation
        if trace_of(headers):
            self.traces[event] = trace_of(headers)

    def note_letter(self, record):
        headers = record.header_texts()
        if REFUSAL not in headers:
            self.refusals.add(refusal_name(headers))
        elif headers.get("orderflow.dlq.resolved") == "replayed":
            name = re.fullmatch(r".* (.+/(.+)/(\d+)/(\d+))", headers[REFUSAL] or "")
            place, topic, *numbers = name.groups() if name else ("", "")
            refused = self.records.get((topic, *map(int, numbers)))
            if refused:
                self.replays[topic, refused.key, refused.value, restored(refused, place)] += 1

    def check(self, record):
        content = (record.topic, record.key, record.value, record.headers)
        contents = {"headers": record.header_texts(), "key": as_text(record.key),
                    "payload": read_payload(record.value)}
        if self.foreign[content] > 0:
            self.foreign[content] -= 1
            self.check_received(record, contents)
        elif self.replays[content] > 0:
            self.replays[content] -= 1
            self.check_as_sent(record, contents, [self.document.sent[record.topic][REPLAYED]])
            self.check_received(record, contents)
        elif record.topic not in self.document.sent:
            self.complain(record.place, "no operation sends to this topic")
        else:
            self.check_own(record, contents)

    def check_received(self, record, contents):
        message = self.document.received[record.topic]
        if list(message.check(record, contents)):
            self.refused |= {(record.place, group) for group in self.document.groups[record.topic]}
        else:
            self.seen[(message.name,)] += 1

    def check_own(self, record, contents):
        messages = self.document.sent[record.topic].values()
        message = self.check_as_sent(record, contents, [m for m in messages if m.name != REPLAYED])
        if message.name == MARK:
            self.check_mark(record, contents["headers"])
        elif record.topic.endswith(DEAD_LETTERS):
            self.check_letter(record, contents["headers"])
        else:
            self.check_sender(record, contents["headers"])

    def check_as_sent(self, record, contents, messages):
        """As the one of the messages that it is most like, which is returned."""
        message, faults = min(((message, list(message.check(record, contents)))
                               for message in messages), key=lambda pair: len(pair[1]))
        for fault in faults:
            self.complain(record.place, f"{message.name}: {fault}")
        if not faults:
            self.note_seen(message, contents)
        return message

    def note_seen(self, message, contents):
        self.seen[(message.name,)] += 1
        for where in ("headers", "payload"):
            if where in message.schemas:
                for name, value in (contents[where] or {}).items():
                    self.seen[(message.name, where, name)] += 1
                    if isinstance(value, str):
                        self.seen[(message.name, where, name, value)] += 1

    def check_sender(self, record, headers):
        """What no schema can say of the shop's own events."""
        if len(headers) != len(record.headers):
            self.complain(record.place, "a header is there twice")
        cause = headers.get("ce_causationid")
        if cause is None:
            return
        names = [cause, "/".join(cause.split("/")[1:])]  # without the cluster's id
        event = next((name for name in names if name in self.correlations), None)
        if self.correlations.get(event) != headers.get("ce_correlationid"):
            self.complain(record.place, f"its ce_correlationid is not that of its cause, {cause}")
        # All that a cause without a trace led to, in whichever service, shares a new one.
        trace = trace_of(headers)
        if self.traces.setdefault(event, trace) != trace:
            self.complain(record.place, f"its trace is not that of its cause, {cause}")

    def check_letter(self, record, headers):
        topic, partition, offset = (headers.get(f"__connect.errors.{name}")
                                    for name in ("topic", "partition", "offset"))
        original = self.records.get((topic, int(partition), int(offset)))
        if original is None or topic + DEAD_LETTERS != record.topic:
            self.complain(record.place, f"there is no {topic}/{partition}/{offset}")
            return
        self.letters[original.place, headers.get("__connect.errors.connector.name")] += 1
        n = len(original.headers)
        if (record.key, record.value) != (original.key, original.value) \
                or record.headers[:n] != original.headers:
            self.complain(record.place, "is not the refused record, byte for byte")

    def check_mark(self, record, headers):
        if record.value is not None or len(headers) != len(record.headers):
            self.complain(record.place, "has a value, or a header twice")
        if headers.get(REFUSAL) not in self.refusals:
            self.complain(record.place, f"there is no letter of {headers.get(REFUSAL)}")


def from_hex(text):
    return None if text is None else bytes.fromhex(text)


def read_records(path, suffix):
    """By whom, and the record as it would be in the document's own topics."""
    for line in Path(path).read_text(encoding="ascii").splitlines():
        entry = parse(line)
        headers = tuple((name, from_hex(value)) for name, value in entry["headers"])
        headers = tuple((name, value.replace(suffix.encode(), b"") if name in HAS_NAMES else value)
                        for name, value in headers)
        key = from_hex(entry["key"])
        if key and any(name == REFUSAL for name, _ in headers):
            key = key.replace(suffix.encode(), b"")
        topic = entry["topic"].replace(suffix, "", 1)
        place = (topic, entry["partition"], entry["offset"])
        yield entry["by"], Record(
            topic, key, from_hex(entry["value"]), headers, place
        )


def main():
    document, path, suffix = (sys.argv[1:] + [""])[:3]
    entries = list(read_records(path, suffix))
    foreign = Counter((r.topic, r.key, r.value, r.headers) for by, r in entries if by == "test")
    records = [record for by, record in entries if by == "broker"]
    audit = Audit(Document(document), records, foreign)
    audit.run()
    for fault in audit.faults[:FAULTS_SHOWN]:
        print(f"records: {fault}")
    for topic, n in sorted(Counter(record.topic for record in records).items()):
        print(f"records: {topic}: {n}")
    print(f"records: {len(records)} records, {len(audit.faults)} faults")
    return 1 if audit.faults else 0


if __name__ == "__main__":
    sys.exit(main())
