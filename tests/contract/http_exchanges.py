#!/usr/bin/python3
"""Holds what was said over HTTP while tests ran against schemas/openapi.json.

usage: http_exchanges.py FOLDER

FOLDER has what tests/support/exchange_log.c wrote. Of each exchange: its path
and method are in the document, or it was refused as an unknown one has to be;
the status, content type, headers and body of the answer are as documented; what
was accepted was a good request by the document, and what was refused for
breaking the contract was not. Where test_http_contract has run, which provokes
every documented answer, each was seen. Needs Debian's python3-jsonschema.
"""

import decimal
import re
import sys
from collections import namedtuple
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator, RefResolver
from validate import load, new_validator, parse

DOCUMENT = "schemas/openapi.json"
# Between them, these provoke every answer that is documented.
PROVOKE_ALL = {"test_http_contract", "test_disk_faults"}
COMPLAINTS_MAX = 20
# Headers of HTTP itself, which OpenAPI leaves out.
HTTP_HEADERS = {"connection", "content-length", "content-type", "date", "transfer-encoding"}
URN = "urn:orderflow:problem:"

# What a refusal says about the request, as far as a document can express it.
GOOD_REQUESTS = {"order-conflict", "unknown-product", "total-too-large", "catalogue-full"}

Exchange = namedtuple("Exchange", "program service status method url sent body headers answer")


class Complaint(Exception):
    """An exchange is not as the document says."""


def demand(condition, text):
    if not condition:
        raise Complaint(text)


class Document:
    """The OpenAPI document, for questions about its parts."""

    def __init__(self, path):
        self.root = load(path)
        self.resolver = RefResolver("", self.root)
        self.any_request = self.root["x-any-request"]
        self.services = {server["description"] for server in self.root["servers"]}
        self.validators = {}

    def resolve(self, part):
        while "$ref" in part:
            part = self.resolver.resolve(part["$ref"])[1]
        return part

    def faults(self, schema, value):
        """What is wrong with a value: the first few texts."""
        if id(schema) not in self.validators:
            self.validators[id(schema)] = new_validator(
                schema, Draft202012Validator, resolver=self.resolver)
        errors = self.validators[id(schema)].iter_errors(value)
        return [f"/{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in errors][:3]

    def find_path(self, service, path):
        """The path's template, its item, and the values in the path."""
        segments = path.split("/")
        for template, item in self.root["paths"].items():
            if service not in {server["description"] for server in item["servers"]}:
                continue
            parts = template.split("/")
            names = [(p[1:-1], s) for p, s in zip(parts, segments) if p.startswith("{")]
            plain = all(p == unquote(s) or p.startswith("{") and s for p, s in zip(parts, segments))
            if plain and len(parts) == len(segments):
                return template, item, {name: unquote(segment) for name, segment in names}
        return None, {}, {}

    def problem_types(self, schema):
        schema = self.resolve(schema)
        if "oneOf" in schema:
            return [code for one in schema["oneOf"] for code in self.problem_types(one)]
        code = schema.get("properties", {}).get("type", {}).get("const", "")
        return [code[len(URN):]] if code.startswith(URN) else [""]

    def answers(self):
        """Everything that may be answered: operation, status, content type, type of problem."""
        for path, item in self.root["paths"].items():
            for method in sorted(item.keys() - {"servers"}):
                yield from self.answers_of(f"{method.upper()} {path}", item[method]["responses"])
        for kind in ("404", "405"):
            yield from self.answers_of("unknown", {kind: self.any_request["responses"][kind]})
        for status in self.any_request["x-unreadable"]:
            yield "unreadable", int(status), "", ""

    def answers_of(self, operation, responses):
        for status, response in responses.items():
            response = self.resolve(response)
            if "content" not in response:
                yield operation, int(status), "", ""
            for media, content in response.get("content", {}).items():
                for code in self.problem_types(content["schema"]):
                    yield operation, int(status), media, code


def read_exchanges(path):
    program = path.name.rsplit("-", 1)[0]
    with open(path, "rb") as file:
        for line in file:
            service, status, *lengths = line.decode().split()
            method, url, sent, body, headers, answer = (file.read(int(n)) for n in lengths)
            yield Exchange(program, service, int(status), method.decode(), url.decode("latin-1"),
                           read_headers(sent), body, read_headers(headers), answer)


def read_headers(text):
    """By lower-case name; of several heads (100 Continue) the last one's."""
    head = text.decode("latin-1").strip().split("\r\n\r\n")[-1]
    fields = (line.partition(":") for line in head.split("\r\n"))
    return tuple((name.lower(), value.strip()) for name, colon, value in fields if colon)


def media_type(value):
    return value.partition(";")[0].strip().lower()


def as_typed(text, schema):
    """A parameter or header's value, as its schema wants to see it."""
    is_number = schema.get("type") == "integer" and re.fullmatch(r"-?[0-9]+", text)
    return int(text) if is_number else text


class Check:
    """One exchange against the document."""

    def __init__(self, document, exchange):
        self.document = document
        self.exchange = exchange
        self.headers = dict(exchange.headers)
        url = urlsplit(exchange.url)
        self.query = url.query
        self.is_head = exchange.method == "HEAD"
        method = "get" if self.is_head else exchange.method.lower()
        self.template, self.item, self.values = document.find_path(exchange.service, url.path)
        self.operation = self.item.get(method)
        self.problem = ""

    def run(self):
        """Returns what was answered, as Document.answers says it."""
        demand(self.exchange.service in self.document.services,
               "exchange_log_name was not told which service listens there")
        if "content-type" not in self.headers and self.exchange.status != 204:
            demand(str(self.exchange.status) in self.document.any_request["x-unreadable"],
                   "an answer without a content type")
            return "unreadable", self.exchange.status, "", ""
        media = self.check_answer()
        if self.operation:
            self.check_request()
            name = f"{self.exchange.method} {self.template}"
        else:
            self.check_unknown()
            name = "unknown"
        return name, self.exchange.status, media, self.problem

    def check_answer(self):
        responses = (self.operation or self.document.any_request)["responses"]
        demand(str(self.exchange.status) in responses, "the status is not documented")
        response = self.document.resolve(responses[str(self.exchange.status)])
        media = self.headers.get("content-type", "")
        demand(media in response.get("content", {"": None}),
               f"the content type {media} is not documented")
        self.check_headers(response["headers"])
        if not media:
            demand(not self.exchange.answer, "an answer without a content type has a body")
        elif self.is_head:
            demand(not self.exchange.answer, "HEAD was answered with a body")
        elif media == "text/event-stream":
            self.check_events(response["content"][media])
        else:
            self.check_body(media, response["content"][media]["schema"])
        return media

    def check_headers(self, documented):
        names = {name.lower() for name in documented}
        unknown = self.headers.keys() - names - HTTP_HEADERS
        demand(not unknown, f"headers that are not documented: {unknown}")
        demand(len(self.headers) == len(self.exchange.headers), "a header is there twice")
        for name, header in documented.items():
            header = self.document.resolve(header)
            if name.lower() in self.headers:
                value = as_typed(self.headers[name.lower()], header["schema"])
                self.demand_valid(f"the header {name}", header["schema"], value)
            else:
                demand(not header.get("required"), f"the header {name} is missing")

    def check_body(self, media, schema):
        is_json = media.endswith("json")
        text = self.exchange.answer.decode("utf-8")
        body = parse(text) if is_json else text
        self.demand_valid("the body", schema, body)
        if media == "application/problem+json":
            self.problem = body["type"][len(URN):]

    def check_events(self, content):
        """Those that have come as a whole: the client may have gone in the middle of one."""
        item = content["x-itemSchema"]
        for block in self.exchange.answer.decode("utf-8").split("\n\n")[:-1]:
            lines = [line for line in block.split("\n") if line and not line.startswith(":")]
            if not lines:
                continue
            event = {line.partition(": ")[0]: line.partition(": ")[2] for line in lines}
            self.demand_valid("an event", item, event)
            data = item["properties"]["data"]["contentSchema"]
            self.demand_valid("an event's data", data, parse(event["data"]))

    def check_unknown(self):
        """Without a method of that path, or without the path."""
        status = self.exchange.status
        demand(status >= 400, "nothing in the document has this path and method")
        demand(status != 404 or not self.item, "the path is documented, with other methods")
        demand(status != 405 or self.item, "no such path is documented")
        if status == 405:
            methods = {method.upper() for method in self.item.keys() - {"servers"}}
            methods |= {"HEAD"} if "GET" in methods else set()
            allowed = set(self.headers["allow"].split(", "))
            demand(allowed == methods, f"Allow has {allowed}, the document {methods}")

    def check_request(self):
        if self.exchange.status < 300 or self.problem in GOOD_REQUESTS:
            faults = self.parameter_faults() + self.body_faults()
            demand(not faults, f"the request is not as documented: {faults}")
        elif self.problem == "bad-query":
            demand(self.parameter_faults(), "the query was refused, but is as documented")
        elif self.problem == "broken-contract":
            demand(self.body_faults(), "the body was refused, but is as documented")
        elif self.problem == "unsupported-media-type":
            demand(self.request_schema() is None, "the content type is documented")
        body_max = self.document.any_request["x-body-max"]
        demand((self.exchange.status == 413) == (len(self.exchange.body) > body_max),
               f"the body has {len(self.exchange.body)} bytes")

    def parameter_faults(self):
        query = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            query.setdefault(name, value)
        sent = {"query": query, "path": self.values, "header": dict(self.exchange.sent)}
        faults = []
        for parameter in self.operation.get("parameters", []):
            parameter = self.document.resolve(parameter)
            name, schema = parameter["name"], parameter["schema"]
            values = sent[parameter["in"]]
            key = name.lower() if parameter["in"] == "header" else name
            if key in values:
                found = self.document.faults(schema, as_typed(values[key], schema))
                faults += [f"{name}{fault}" for fault in found]
        return faults

    def request_schema(self):
        """None: the content type is not documented."""
        content = self.document.resolve(self.operation["requestBody"])["content"]
        media = media_type(dict(self.exchange.sent).get("content-type", ""))
        return content[media]["schema"] if media in content else None

    def body_faults(self):
        if "requestBody" not in self.operation:
            return []
        schema = self.request_schema()
        if schema is None:
            return ["the content type is not documented"]
        return self.document.faults(schema, parse(self.exchange.body.decode("utf-8")))

    def demand_valid(self, what, schema, value):
        faults = self.document.faults(schema, value)
        demand(not faults, f"{what} is not as documented: {faults}")


def without_date(exchange):
    """Equal exchanges need to be looked at once."""
    headers = tuple(field for field in exchange.headers if field[0] != "date")
    return exchange._replace(headers=headers)


def check_all(document, paths):
    """Returns the number of exchanges, the answers that were seen, and complaints."""
    n_exchanges, looked_at, seen, complaints = 0, set(), set(), []
    for path in paths:
        for exchange in map(without_date, read_exchanges(path)):
            n_exchanges += 1
            if exchange in looked_at:
                continue
            looked_at.add(exchange)
            try:
                seen.add(Check(document, exchange).run())
            except (Complaint, ValueError) as complaint:
                complaints.append(
                    f"{exchange.program}: {exchange.service}: {exchange.method} {exchange.url}: "
                    f"{exchange.status}: {complaint}\n    {exchange.answer[:500]!r}")
    return n_exchanges, seen, complaints


def never_seen(document, seen):
    """Documented answers that were not given."""
    for answer in document.answers():
        if answer not in seen:
            operation, status, media, code = answer
            yield f"{operation}: {status} {media} {code}: is documented, but was never answered"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    # Wide enough for the remainder of any number in a request to be exact.
    decimal.setcontext(decimal.Context(prec=1000))
    document = Document(DOCUMENT)
    paths = sorted(Path(sys.argv[1]).glob("*.exchanges"))
    n_exchanges, seen, complaints = check_all(document, paths)
    if PROVOKE_ALL <= {path.name.rpartition("-")[0] for path in paths}:
        complaints += never_seen(document, seen)
    if not paths:
        complaints.append(f"{sys.argv[1]}: no test has noted what it said over HTTP")
    for complaint in complaints[:COMPLAINTS_MAX]:
        print(complaint)
    if complaints:
        sys.exit(f"{len(complaints)} times, {DOCUMENT} and the programs do not agree")
    print(f"{n_exchanges} HTTP exchanges of {len(paths)} programs, all as {DOCUMENT} says")


main()
