#!/usr/bin/python3
"""Judges a stream of payloads, by the schemas and by what readers add to them.

usage: oracle.py SCHEMA...

Reads payloads from stdin: a line "SCHEMA-INDEX LENGTH", then LENGTH bytes.
Prints a line for each: what the schema says, what a reader has to say, and the
rules that make these two differ, such as "valid malformed depth". A verdict is
valid, invalid (the schema refuses it) or malformed (it is not JSON).
"""

import decimal
import json
import re
import sys
from decimal import Decimal

from jsonschema.validators import extend
from validate import check_pattern, load, new_validator, refuse_constant

DEPTH_MAX = 16
MEMBERS_MAX = 64
NUMBER_MAX = 63


class Reading:
    """One payload, and the rules of readers that it touches."""

    def __init__(self, text):
        self.rules = set()
        self.value = json.loads(
            text,
            parse_float=self.read_number,
            parse_int=self.read_integer,
            parse_constant=refuse_constant,
            object_pairs_hook=self.read_object,
        )
        self.check_value(self.value, 0)

    def read_integer(self, text):
        if len(text) > NUMBER_MAX:
            self.rules.add("number-length")
        return int(text)

    def read_number(self, text):
        exact = as_decimal(text)
        nearest = as_double(text)
        if len(text) > NUMBER_MAX:
            self.rules.add("number-length")
        if nearest.is_infinite():
            self.rules.add("number-range")
        elif nearest != exact:
            self.rules.add("precision")
        return exact

    def read_object(self, members):
        value = dict(members)
        if len(value) != len(members):
            self.rules.add("member-twice")
        if len(members) > MEMBERS_MAX:
            self.rules.add("members")
        return value

    def check_value(self, value, depth):
        if isinstance(value, str):
            self.check_string(value)
        elif isinstance(value, (dict, list)):
            if depth == DEPTH_MAX:
                self.rules.add("depth")
            for child in value:
                self.check_value(value[child] if isinstance(value, dict) else child, depth + 1)
            if isinstance(value, dict):
                for name in value:
                    self.check_string(name)

    def check_string(self, text):
        if text.endswith("\n"):
            self.rules.add("final-newline")
        if "\0" in text:
            self.rules.add("nul")
        if any("\ud800" <= character <= "\udfff" for character in text):
            self.rules.add("surrogate")


def as_decimal(text):
    """Cuts an exponent that even a Decimal cannot hold: it stays as far beyond all limits."""
    return Decimal(re.sub(r"([eE][+-]?0*[1-9]\d{16})\d+$", r"\1", text))


def as_double(text):
    """The decimal that a reader takes the number for which knows doubles only."""
    return Decimal(repr(float(text)))


def verdict(validator, value):
    return "invalid" if any(validator.iter_errors(value)) else "valid"


class Judge:
    """Knows one schema."""

    # What readers never take for JSON; the other rules are about what a value means.
    SYNTAX = {
        "depth", "member-twice", "members", "nul", "number-length", "number-range", "surrogate"
    }

    def __init__(self, path):
        self.by_schema = new_validator(load(path))
        readers = extend(type(self.by_schema), validators={"pattern": check_pattern})
        self.by_reader = readers(self.by_schema.schema)

    def judge(self, payload):
        try:
            text = payload.decode("utf-8")
            reading = Reading(text)
        except ValueError:
            return "malformed malformed"
        by_schema = by_reader = verdict(self.by_schema, reading.value)
        if reading.rules & self.SYNTAX:
            by_reader = "malformed"
        elif reading.rules:
            by_reader = verdict(self.by_reader, json.loads(text, parse_float=as_double))
        return " ".join([by_schema, by_reader, *sorted(reading.rules)])


def main():
    # Wide enough for the remainder of any number in the payloads to be exact.
    wide = decimal.Context(prec=1000, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
    decimal.setcontext(wide)
    judges = [Judge(path) for path in sys.argv[1:]]
    for header in sys.stdin.buffer:
        index, length = (int(field) for field in header.split())
        print(judges[index].judge(sys.stdin.buffer.read(length)))


if __name__ == "__main__":
    main()
